import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { ROOT } from '../support/repo.ts';

const rows = readFileSync(join(ROOT, 'docs', 'scenarios.md'), 'utf8')
  .split('\n')
  .flatMap((line) => {
    const [, number, , good, bad] = /^\| (\d+) \| ([^|]+) \| ([^|]+) \| ([^|]+) \|$/.exec(line) ?? [];
    return number === undefined ? [] : [{ number: Number(number), shown: [good, bad] }];
  });

test('all twenty situations are there', () => {
  expect(rows.map(({ number }) => number)).toEqual(Array.from({ length: 20 }, (_, at) => at + 1));
});

test.each(rows)('the tests of situation $number are there, by these titles', ({ shown }) => {
  for (const cell of shown) {
    const [, file = '', title = ''] = /^`([^`]+)`: (.+)$/.exec(cell?.trim() ?? '') ?? [];
    expect([file, existsSync(join(ROOT, file))]).toEqual([file, true]);
    const titles = [...readFileSync(join(ROOT, file), 'utf8').matchAll(/(?:\btest|\])\)?\(\s*'((?:[^'\\]|\\.)*)'/g)];
    expect(titles.map(([, one]) => one)).toContain(title);
  }
});
