import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, expect, test } from 'vitest';
import { current } from '../../../src/runs/record.ts';
import type { Run } from '../../../src/runs/run.ts';
import { record } from '../../../src/runs/run.ts';
import { giveUpAttempt, giveUpBefore, lateNames } from '../../../src/runs/submission/given-up.ts';
import { send } from '../../../src/runs/submission/submission.ts';
import type { Attempt } from '../../../src/runs/types.ts';
import type { Bench } from '../submissions.ts';
import { reserved } from '../submissions.ts';

let bench: Bench;
afterEach(() => bench.remove());
const of = { step: 'main', attempt: 1 };
const giveUp = () => record(bench.run, { event: 'absent', ...of, certain: true, why: 'nothing was found' });

/** The next attempt is written down. */
function again(run: Run): Run {
  const { planDigest = '', policyVersion = '' } = current(run.record) ?? {};
  const next = { step: 'main', attempt: 2, name: `${bench.job.name}2`, plan_digest: planDigest, policy_version: policyVersion };
  return record(run, { event: 'intent', ...next, approval: null, by: 'test' });
}

test('a job of an attempt that was given up, accepted after all and let go, runs nothing', async () => {
  bench = await reserved({ indices: [2, 4] });
  const run = giveUp();
  const { site, spend } = bench;
  expect([await giveUpAttempt(run, site, spend, of), await giveUpAttempt(run, site, spend, of)]).toEqual([undefined, undefined]);
  await bench.site.release(bench.spend, await bench.accept());
  expect((await bench.over()).map(({ exit }) => exit)).toEqual([76, 76]);
  expect(bench.executions()).toEqual([]);
});

test('where a job of it has begun meanwhile, nothing is sent beside it, and that is for a person', async () => {
  bench = await reserved();
  await bench.site.release(bench.spend, await bench.accept());
  await bench.over();
  const after = await send(again(giveUp()), bench.site, { ...bench.job, name: `${bench.job.name}2` }, bench.spend);
  expect(current(after.record)).toMatchObject({ attempt: 2, phase: 'unknown' });
  expect(bench.line('absent')).toMatchObject({ why: 'not sent: job 1 of an attempt before has begun' });
  expect([bench.jobs(), bench.executions().length]).toEqual([['1'], 1]);
});

test('what was not certain is given up as well before another attempt takes its place', async () => {
  bench = await reserved();
  const run = again(record(bench.run, { event: 'absent', ...of, certain: false, why: 'it may have been cancelled' }));
  expect(await giveUpBefore(run, bench.site, bench.spend, must(run))).toBe(undefined);
  expect(readdirSync(join(run.folder, 'gate', 'given-up'))).toEqual(['main.1']);
  await bench.site.release(bench.spend, await bench.accept());
  expect((await bench.over()).map(({ exit }) => exit)).toEqual([76]);
  expect(bench.executions()).toEqual([]);
});

test('a first attempt gives nothing up', async () => {
  bench = await reserved();
  expect(await giveUpBefore(bench.run, bench.site, bench.spend, must(bench.run))).toBe(undefined);
  expect(readdirSync(join(bench.run.folder, 'gate'))).not.toContain('given-up');
});

test('jobs may come late under the names that were given up, and not under the one that is still asked for', async () => {
  bench = await reserved();
  const unsure = record(bench.run, { event: 'absent', ...of, certain: false, why: 'it may have been cancelled' });
  expect(lateNames(unsure)).toEqual([]);
  expect(lateNames(again(unsure))).toEqual([bench.job.name]);
});

function must(run: Run): Attempt {
  const attempt = current(run.record);
  if (!attempt) throw new Error('no attempt');
  return attempt;
}
