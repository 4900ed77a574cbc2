import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { ROOT } from '../support/repo.ts';

const rows = readFileSync(join(ROOT, 'docs', 'scenarios.md'), 'utf8')
  .split('\n')
  .flatMap((line) => {
    const [, number, , good, bad] = /^\| (G?\d+) \| ([^|]+) \| ([^|]+) \| ([^|]+) \|$/.exec(line) ?? [];
    return number === undefined ? [] : [{ number, shown: [good, bad] }];
  });

test('all twenty situations are there, and eighteen of Grid Engine', () => {
  const numbers = (many: number, letter = '') => Array.from({ length: many }, (_, at) => `${letter}${at + 1}`);
  expect(rows.map(({ number }) => number)).toEqual([...numbers(20), ...numbers(18, 'G')]);
});

test.each(rows)('the tests of situation $number are there, by these titles', ({ shown }) => {
  for (const cell of shown) {
    const [, file = '', title = ''] = /^`([^`]+)`: (.+)$/.exec(cell?.trim() ?? '') ?? [];
    expect([file, existsSync(join(ROOT, file))]).toEqual([file, true]);
    const titles = [...readFileSync(join(ROOT, file), 'utf8').matchAll(/(?:\btest|\])\)?\(\s*'((?:[^'\\]|\\.)*)'/g)];
    expect(titles.map(([, one]) => one)).toContain(title);
  }
});
