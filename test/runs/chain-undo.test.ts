import { mkdirSync } from 'node:fs';
import { userInfo } from 'node:os';
import { join } from 'node:path';
import { afterEach, expect, test } from 'vitest';
import { Permit } from '../../src/base/permit.ts';
import type { StepJob } from '../../src/runs/chain/chain-submission.ts';
import { resumeChain } from '../../src/runs/chain/chain-submission.ts';
import { readJournal } from '../../src/runs/journal.ts';
import { planDigest } from '../../src/runs/launch/plan.ts';
import type { Run } from '../../src/runs/run.ts';
import { record, reread } from '../../src/runs/run.ts';
import { isCutOff, recover } from '../../src/runs/submission/recovery.ts';
import { reserve } from '../../src/runs/submission/reservation.ts';
import { send } from '../../src/runs/submission/submission.ts';
import { mayHaveRun } from '../../src/runs/submission/taken-back.ts';
import { jobScript } from '../../src/sites/job-script.ts';
import { localScheduler } from '../../src/sites/schedulers/local.ts';
import type { JobView } from '../../src/sites/schedulers/scheduler.ts';
import type { Site } from '../../src/sites/site.ts';
import { openSite } from '../../src/sites/site.ts';
import { localTransport } from '../../src/sites/transports/local.ts';
import { until } from '../support/repo.ts';
import { plan, RUN_ID, SCRIPT, scratch, view } from './samples.ts';
import { faulty, TIMED_OUT } from './submissions.ts';

type Half = { repo: string; site: Site; deafAbout(name: string): Site; run: Run; gen: StepJob; hist: StepJob; remove(): void };
let half: Half;
afterEach(() => half?.remove());
const write = Permit.issue('write', 'recovery');

/** A chain of two steps of which the first is held at the scheduler and journalled, and the second held and not journalled; or of which nothing was sent. */
async function halfSubmitted(isSent = true): Promise<Half> {
  const { path: repo, remove } = scratch('chain-undo');
  const base = plan();
  const [main] = base.steps;
  if (!main) throw new Error('no step');
  const price = base.price;
  const its = {
    ...base,
    steps: [
      { ...main, name: 'gen', price },
      { ...main, name: 'hist', price, after: [{ step: 'gen', on: 'success' as const }] },
    ],
  };
  const iterationFolder = join(repo, its.iteration.folder);
  mkdirSync(iterationFolder, { recursive: true });
  const { run, jobs } = await reserve(repo, {
    ...{ runId: RUN_ID, iterationFolder, plan: its, scripts: { gen: SCRIPT, hist: SCRIPT }, policyVersion: 'policy 1' },
    ...{ approval: null, by: 'test', version: '1.2.3', decision: null, environment: {}, files: {}, jobScript },
  });
  const [gen, hist] = jobs;
  if (!gen || !hist) throw new Error('nothing was reserved');
  const scheduler = localScheduler({ root: join(repo, '.autolab', 'gate', 'runner', 'local') });
  const far = localTransport();
  const user = userInfo().username;
  const site = openSite('local', scheduler, far, user);
  const spend = Permit.issue('spend', planDigest(its));
  const step = run.steps?.find((one) => one.step === 'gen');
  if (!step) throw new Error('no step gen');
  if (isSent) {
    await send(step, site, gen.job, spend);
    await site.submitHeld(spend, planDigest(its), hist.job);
  }
  return {
    ...{ repo, site, gen, hist, remove },
    run: reread(run),
    deafAbout: (name) =>
      openSite('local', scheduler, faulty(far, { answer: TIMED_OUT, verbs: ['find_name'], about: name }), user),
  };
}

const rowOf = async ({ job }: StepJob): Promise<JobView> => {
  const [row] = await half.site.find(job.name, 0);
  if (!row) throw new Error(`no job ${job.name}`);
  return row;
};
const withdrawn = (run: Run, step: string) =>
  readJournal(run.folder).find((line) => line.event === 'withdrawn' && line.step === step);

test('a chain that is cancelled while it is not known whether the scheduler has a step stays open, and that step is found and taken back', async () => {
  half = await halfSubmitted();
  const run = record(half.run, { event: 'cancelling', job_ids: ['1'], by: 'test' });
  const away = await resumeChain(run, half.deafAbout(half.hist.job.name), write, true);
  expect((await rowOf(half.gen)).state).toBe('cancelled');
  expect((await rowOf(half.hist)).state).toBe('held');
  // Recovery comes back to it.
  expect([away.record.state, isCutOff(away)]).toEqual(['pending', true]);
  const after = await resumeChain(reread(run), half.site, write, true);
  expect((await rowOf(half.hist)).state).toBe('cancelled');
  expect(after.record).toMatchObject({ state: 'failed', because: 'cancelled before it began' });
  expect([withdrawn(run, 'gen'), withdrawn(run, 'hist')].map((line) => line && 'begun' in line)).toEqual([false, false]);
});

test('a job that somebody let go by hand before the chain was taken back counts as begun', async () => {
  half = await halfSubmitted();
  await half.site.release(write, (await rowOf(half.gen)).id);
  await until('it has run', async () => ((await rowOf(half.gen)).state === 'completed' ? true : undefined));
  const run = record(half.run, { event: 'cancelling', job_ids: ['1'], by: 'test' });
  const after = await resumeChain(run, half.site, write, true);
  expect(after.record.state).toBe('failed');
  expect(withdrawn(run, 'gen')).toMatchObject({ begun: true });
  expect(withdrawn(run, 'hist')).not.toHaveProperty('begun');
});

const row = (change: Partial<JobView>) => view({ id: '1', ...change });
test.each<[string, JobView[], JobView[], boolean]>([
  ['held, then cancelled', [row({ state: 'held' })], [row({ state: 'cancelled', started: null, ended: 9 })], false],
  ['cancelled, start and end being one time', [], [row({ state: 'cancelled', started: 9, ended: 9 })], false],
  ['held, then forgotten', [row({ state: 'held' })], [], false],
  ['held, let go in between and cancelled', [row({ state: 'held' })], [row({ state: 'cancelled', started: 5, ended: 9 })], true],
  ['running, then forgotten', [row({ state: 'running' })], [], true],
  ['in neither look', [], [row({ id: '2', state: 'held' })], true],
  ['a word nobody knows', [], [row({ state: 'unknown' })], true],
  ['one task of several', [], [row({ index: 0, state: 'held' }), row({ index: 1, state: 'running' })], true],
])('%s', (_what, before, after, expected) => {
  expect(mayHaveRun('1', before, after)).toBe(expected);
});

test.each([
  ['by itself', (site: Site) => resumeChain(half.run, site, write, true)],
  [
    'among all',
    (site: Site) =>
      recover(
        half.repo,
        () => site,
        write,
        'policy 1',
        async () => {},
      ),
  ],
])(
  'of a chain that was cut off before its first step was sent, nothing is looked for but that step: %s',
  async (_how, finish) => {
    half = await halfSubmitted(false);
    await finish(half.deafAbout(half.hist.job.name));
    const absent = readJournal(half.run.folder).filter(({ event }) => event === 'absent');
    expect(absent).toMatchObject([
      { step: 'hist', certain: true, why: 'it was not sent: step gen was not accepted yet' },
      { step: 'gen', certain: true, why: 'a healthy look found no job of this name: nothing was accepted' },
    ]);
  },
);
