import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { linesOf } from '../../src/base/disk.ts';

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'lines-'));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const PIECE = 4 * 1024 * 1024;
function linesIn(text: string | Uint8Array, longest = 2 ** 30): string[] {
  const path = join(folder, 'text');
  writeFileSync(path, text);
  return [...linesOf(path, longest)];
}
const split = (text: string) => (text.endsWith('\n') ? text.slice(0, -1) : text).split('\n');

test('any text comes line by line as it would when split', () => {
  const text = fc
    .array(fc.constantFrom('a', 'ü', '€', '🙂', '\n', '\n', ' '), { minLength: 1, maxLength: 60 })
    .map((all) => all.join(''));
  fc.assert(
    fc.property(text, (all) => {
      expect(linesIn(all)).toEqual(split(all));
    }),
  );
});

test.each([-3, -2, -1, 0, 1, 2])(
  'a line and a character that lie across two pieces stay whole, %d bytes from where they meet',
  (off) => {
    const first = 'x'.repeat(PIECE + off - 1);
    for (const text of [`${first}\n🙂b\nc`, `${first}🙂\nb\n`, `${first}\n\n\n`]) expect(linesIn(text)).toEqual(split(text));
  },
);

test('of a line that is too long only so much is given, and the next one is whole', () => {
  expect(linesIn('a\nbcdef\ng\n', 3)).toEqual(['a', 'bcd', 'g']);
  expect(linesIn(`${'x'.repeat(2 * PIECE)}\ny`, PIECE + 7).map((line) => line.length)).toEqual([PIECE + 7, 1]);
});

test('where there is no file there are no lines, and what is none is refused', () => {
  expect([...linesOf(join(folder, 'nothing'), 9)]).toEqual([]);
  expect(() => [...linesOf(folder, 9)]).toThrow('a folder');
});
