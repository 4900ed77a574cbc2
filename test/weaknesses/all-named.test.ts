import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';

/** A title begins with what it is about: `W5: …`, or `W6, W14: …`. Neither skipped nor left to do. */
const TITLE = /\btest(?:\.each\([\s\S]*?\))?\(\s*['"`](W\d+(?:, W\d+)*): /g;

test('each of the 19 weaknesses of the reference has a test that names it', () => {
  const folder = import.meta.dirname;
  const files = readdirSync(folder).filter((name) => name.endsWith('.test.ts') && !import.meta.filename.endsWith(name));
  const texts = files.map((name) => readFileSync(join(folder, name), 'utf8'));
  const named = texts.flatMap((text) => [...text.matchAll(TITLE)].flatMap(([, names = '']) => names.split(', ')));
  const all = Array.from({ length: 19 }, (_, at) => `W${at + 1}`);
  expect(all.filter((name) => !named.includes(name))).toEqual([]);
  expect(texts.filter((text) => /\.(?:skip|todo|only|fails|skipIf|runIf)\b/.test(text))).toEqual([]);
});
