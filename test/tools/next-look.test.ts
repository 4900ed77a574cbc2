import { expect, test } from 'vitest';
import { nextLook } from '../../src/tools/cadence.ts';

const next = (quiet: number, took = 0, pace = 60) => nextLook({ pace, quiet, took });

test.each([
  ['something has just changed', 0, 60],
  ['nothing has changed for as long as ten paces', 600, 60],
  ['nothing has changed for half an hour', 1800, 180],
  ['nothing has changed for a day', 86_400, 600],
])('%s: the next look is after %d s / 10, between the pace and ten minutes', (_what, quiet, seconds) => {
  expect(next(quiet)).toBe(seconds);
});

test('a scheduler that is slow to answer is asked less, and one that answers as usual is not', () => {
  expect(next(0, 1.9)).toBe(60);
  expect(next(0, 7)).toBe(210);
  expect(next(0, 30)).toBe(600);
});

test('what the policy allows is the least, however long that is, and a short one is stretched tenfold at most', () => {
  expect(next(86_400, 60, 3600)).toBe(3600);
  expect(next(86_400, 60, 2)).toBe(20);
  expect(next(5, 0, 2)).toBe(2);
});

test('never sooner where it was quiet for longer or the scheduler was slower', () => {
  const grows = Array.from({ length: 200 }, (_, at) => at * 47);
  for (const took of [0, 3, 9]) {
    const waits = grows.map((quiet) => next(quiet, took));
    expect(waits).toEqual([...waits].sort((a, b) => a - b));
  }
});
