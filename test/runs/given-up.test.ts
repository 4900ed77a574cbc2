import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, expect, test } from 'vitest';
import { givenUp, strays, takeClaims } from '../../src/runs/given-up.ts';
import { current } from '../../src/runs/record.ts';
import type { Run } from '../../src/runs/run.ts';
import { record, reread } from '../../src/runs/run.ts';
import { send } from '../../src/runs/submission.ts';
import { view } from './samples.ts';
import type { Bench } from './submissions.ts';
import { reserved } from './submissions.ts';

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
  expect(givenUp(run)).toMatchObject([of]);
  expect([takeClaims(run), takeClaims(run)]).toEqual([undefined, undefined]);
  await bench.site.release(bench.spend, await bench.accept());
  expect((await bench.over()).map(({ exit }) => exit)).toEqual([76, 76]);
  expect(bench.executions()).toEqual([]);
  expect(readdirSync(join(run.folder, 'gate', 'claim')).sort()).toEqual(['main.2.1', 'main.4.1']);
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

test('an attempt of which nothing was given up takes no claims', async () => {
  bench = await reserved();
  expect([takeClaims(bench.run), takeClaims(reread(bench.run))]).toEqual([undefined, undefined]);
  expect(readdirSync(join(bench.run.folder, 'gate'))).not.toContain('claim');
});

test('what waits under the name of an attempt that was given up is a stray, and nothing else is', async () => {
  bench = await reserved();
  const run = again(giveUp());
  const { name } = bench.job;
  const row = (id: string, its: string, state: 'held' | 'pending' | 'running') => ({ ...view(), id, name: its, state });
  const jobs = [row('7', name, 'held'), row('7', name, 'held'), row('8', name, 'running'), row('9', `${name}2`, 'held')];
  expect(strays(run, { at: 0, healthy: true, jobs })).toEqual([{ id: '7', name }]);
});
