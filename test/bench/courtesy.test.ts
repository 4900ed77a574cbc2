import { expect, test } from 'vitest';
import { courtesyPage } from '../../bench/courtesy-page.mjs';

const HOUR = 3600;
const call = (at: number, program = 'squeue') => ({ at, program });
/** A call in each minute of the day, and ten at once at noon. */
const calls = [
  ...Array.from({ length: 1440 }, (_, at) => call(at * 60)),
  ...Array.from({ length: 10 }, () => call(12 * HOUR, 'sacct')),
].sort((a, b) => a.at - b.at);
const day = {
  what: 'a day',
  runs: 2,
  looks: Array.from({ length: 1440 }, (_, at) => at * 60),
  calls,
  late: [10, 20, 300].map((seconds) => ({ seconds })),
};
const page = courtesyPage([day], { pace: 60, when: '2026-12-01', version: '0.1.0', hours: 24, submission: 10 });
const rows = page.split('\n').filter((line) => line.startsWith('| a day |'));

test('what a day asked is told by hour, in the busiest one, and by run', () => {
  expect(rows[0]).toBe('| a day | 1,440 | 1,450 | 1,440, 10, 0 | 60.4 | 70 | 30.21 | 1,440 | 2,880 |');
  expect(rows[1]).toBe('| a day | 3 | 20 s | 300 s |');
});

test('the arithmetic for many users is of the calls that were counted', () => {
  const aSecond = 1450 / 86_400;
  const users = [10, 1000, 100_000].map((many) => Number((many * aSecond).toPrecision(2)));
  expect(
    rows[2]
      ?.split(' | ')
      .slice(1, 4)
      .map((one) => Number(one.replaceAll(',', ''))),
  ).toEqual(users);
  expect(rows[2]).toContain(`${Math.round(90 / aSecond).toLocaleString('en-US')} users |`);
});

test('a token bucket is gone through call by call: four a minute come back, and ten at once are missed', () => {
  expect(rows[3]).toBe('| a day | 29 of 40 | 11 |');
});
