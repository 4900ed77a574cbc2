import { appendFileSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import type { Moment } from '../../../src/base/clock.ts';
import { openMeter } from '../../../src/runs/spending/meter.ts';
import { scratch } from '../samples.ts';

const top = scratch('meter');
afterAll(top.remove);
const path = join(top.path, 'meter.jsonl');
const row = (ago: number, what: string, site: string, n = 1) =>
  `${JSON.stringify({ at: Date.now() / 1000 - ago, what, site, n })}\n`;

test('what was never asked was never counted', () => {
  const meter = openMeter(top.path);
  expect([meter.count('poll', 'local', 3600), meter.last('poll', 'local')]).toEqual([0, null]);
});

test('counts by kind, site and time, and another reader counts the same', () => {
  writeFileSync(
    path,
    row(4000, 'poll', 'local') + row(10, 'poll', 'local', 3) + row(10, 'submit', 'local') + row(10, 'poll', 'far'),
  );
  const meter = openMeter(top.path);
  meter.note('poll', 'local');
  const other = openMeter(top.path);
  expect([other.count('poll', 'local', 3600), other.count('poll', 'local', 5000), other.count('poll', 'local', 5)]).toEqual([
    4, 5, 1,
  ]);
  expect([other.count('submit', 'local', 3600), other.count('poll', 'far', 3600), other.count('submit', 'far', 3600)]).toEqual([
    1, 1, 0,
  ]);
  expect(other.last('poll', 'local')).toBeCloseTo(Date.now() / 1000, -2);
});

test('a torn or foreign line counts nothing and hides nothing', () => {
  writeFileSync(path, row(1, 'poll', 'local'));
  appendFileSync(path, '{"at":1,"wh');
  const meter = openMeter(top.path);
  meter.note('poll', 'local', 2);
  expect(meter.count('poll', 'local', 3600)).toBe(3);
});

test('a long file is made short without losing what counts', () => {
  writeFileSync(path, row(100_000, 'poll', 'local').repeat(5000) + row(100, 'poll', 'local', 7));
  openMeter(top.path).note('poll', 'local');
  expect(readFileSync(path, 'utf8').trim().split('\n')).toHaveLength(2);
  expect(openMeter(top.path).count('poll', 'local', 200_000)).toBe(8);
  expect(statSync(path).mode & 0o777).toBe(0o600);
});

test('what other clones asked counts too, wherever it is noted', () => {
  const [here, there] = [join(top.path, 'here'), join(top.path, 'there')];
  openMeter(there).note('submit', 'slurm', 3);
  const meter = openMeter(here, [here, there]);
  meter.note('submit', 'slurm');
  expect([meter.count('submit', 'slurm', 60), openMeter(here).count('submit', 'slurm', 60)]).toEqual([4, 1]);
  openMeter(there).note('poll', 'slurm');
  expect(meter.last('poll', 'slurm')).toBeCloseTo(Date.now() / 1000, -1);
});

test('a clock that is set forwards forgets nothing of this boot', () => {
  const state = join(top.path, 'set');
  const start = { at: 1e9, boot: 'one', up: 100 };
  openMeter(state, [state], () => start).note('submit', 'slurm', 3);
  const counted = (ahead: number, more: Partial<Moment> = {}) =>
    openMeter(state, [state], () => ({ ...start, at: start.at + ahead, up: 160, ...more })).count('submit', 'slurm', 3600);
  expect([counted(60), counted(7200), counted(7200, { up: 7300 }), counted(7200, { boot: 'other' })]).toEqual([3, 3, 0, 0]);
});
