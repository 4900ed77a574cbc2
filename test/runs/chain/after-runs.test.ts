import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { awaited, refuseAfter, standingOf, waitSpec } from '../../../src/runs/chain/after-runs.ts';
import { refuseAwaited } from '../../../src/runs/chain/waiting-runs.ts';
import type { JournalEvent } from '../../../src/runs/journal.ts';
import { parseLaunchFile } from '../../../src/runs/launch/launch-file.ts';
import { stepOf } from '../../../src/runs/launch/plan.ts';
import { markOpen } from '../../../src/runs/open.ts';
import type { Run } from '../../../src/runs/run.ts';
import type { TaskRecord } from '../../../src/runs/types.ts';
import { failureOf } from '../failing.ts';
import { observed, plan, RUN_ID, runOnDisk, scratch, task, told } from '../samples.ts';

let repo: { path: string; remove(): void };
beforeEach(() => {
  repo = scratch('after-runs');
});
afterEach(() => repo.remove());

const seen = (change: Partial<TaskRecord>): JournalEvent[] => [...told(), observed([task(change)])];
const RUNNING = seen({ state: 'running' });
const GOOD = seen({ state: 'succeeded' });
const moved = (to: 'running' | 'failed'): JournalEvent => ({ event: 'moved', from: 'submitted', to, because: 'x' });
const NEVER = 'never';

/** A run that can be found by its id. */
function there(events: readonly JournalEvent[]): Run {
  const run = runOnDisk(repo.path, events);
  writeFileSync(join(run.folder, 'gate', 'plan.json'), JSON.stringify(run.plan));
  return run;
}

test.each<[string, JournalEvent[], string, string, string]>([
  ['its submission was cut off', told('intent'), NEVER, NEVER, NEVER],
  ['it is accepted and not let go', told('submitted'), NEVER, NEVER, NEVER],
  ['it waits', told(), 'waits', 'waits', NEVER],
  ['it runs', RUNNING, 'waits', 'waits', NEVER],
  ['what became of it is unknown', seen({ state: 'unknown' }), NEVER, NEVER, NEVER],
  ['it ended well', GOOD, 'met', 'met', NEVER],
  ['it failed', [...seen({ state: 'failed', failure: 'exit_code' }), moved('failed')], NEVER, 'met', NEVER],
  ['it reached its limit', [...seen({ state: 'failed', failure: 'time_limit' }), moved('failed')], NEVER, 'met', 'met'],
  ['it ended with 0 after a signal', seen({ state: 'interrupted', failure: 'interrupted' }), NEVER, 'met', 'met'],
  [
    'its artifacts are not as expected',
    [...GOOD, moved('running'), { event: 'synced', status: 'failed', detail: '1 missing', missing: ['a'] }],
    NEVER,
    'met',
    NEVER,
  ],
  ['it was let go and has failed without a task’s word', [...told(), moved('failed')], NEVER, 'met', NEVER],
])('where %s', (_what, events, success, any, interrupted) => {
  const run = runOnDisk(repo.path, events);
  const standings = (['success', 'any', 'interrupted'] as const).map((on) => standingOf({ run: RUN_ID, on }, run));
  expect(standings.map((one) => (typeof one === 'string' ? one : NEVER))).toEqual([success, any, interrupted]);
});

test.each<[string, JournalEvent[], 'running' | 'succeeded' | 'failed' | undefined, string, string]>([
  ['its own job runs', RUNNING, undefined, NEVER, NEVER],
  ['one that it submitted still runs', GOOD, 'running', NEVER, NEVER],
  ['one that it submitted has failed', [...GOOD, moved('failed')], 'failed', NEVER, 'met'],
  ['all that it submitted has ended well', GOOD, 'succeeded', 'met', 'met'],
])('where scripts of it submit by themselves and %s', (_what, events, state, success, any) => {
  const run = runOnDisk(repo.path, events);
  const each = stepOf(run).requested;
  const steps = run.plan.steps.map((step) => ({ ...step, submits: { jobs: 1, tasks: 1, each } }));
  const own = { slot: '1', job: '8', name: 'hist', script: 'hist.sh', after: '', by: '' };
  const children =
    state === undefined ? [] : [{ ...own, tasks: [task({ state, ...(state === 'failed' ? { failure: 'exit_code' } : {}) })] }];
  const master = { ...run, plan: { ...run.plan, steps }, record: { ...run.record, children } };
  const standings = (['success', 'any'] as const).map((on) => standingOf({ run: RUN_ID, on }, master));
  expect(standings.map((one) => (typeof one === 'string' ? one : NEVER))).toEqual([success, any]);
});

test('a run is not run again while another that comes after it may still run', () => {
  const first = { ...runOnDisk(join(repo.path, 'x'), GOOD), id: '20260101T000000Z_000000' };
  const second = runOnDisk(repo.path, RUNNING);
  const of = (after?: { run: string; on: 'any' }[]) =>
    writeFileSync(join(second.folder, 'gate', 'plan.json'), JSON.stringify({ ...second.plan, ...(after ? { after } : {}) }));
  markOpen(repo.path, second.id, second.plan.iteration.folder);
  of();
  expect(() => refuseAwaited(repo.path, first)).not.toThrow();
  of([{ run: first.id, on: 'any' }]);
  expect(failureOf(() => refuseAwaited(repo.path, first))).toMatchObject({
    code: 'run_state',
    what: `run ${second.id} of iteration it1 comes after run ${first.id}, and is ${second.record.state}`,
  });
  repo.remove();
  const ended = runOnDisk(repo.path, GOOD);
  markOpen(repo.path, ended.id, ended.plan.iteration.folder);
  of([{ run: first.id, on: 'any' }]);
  expect(() => refuseAwaited(repo.path, first)).not.toThrow();
});

test('a run that is not there, and a group, are waited for in no way', () => {
  const run = runOnDisk(repo.path, GOOD);
  for (const on of ['success', 'any', 'interrupted'] as const) {
    expect(standingOf({ run: RUN_ID, on }, undefined)).toMatchObject({ never: 'it is no run of ours' });
    expect(standingOf({ run: RUN_ID, on }, { ...run, replicates: [run] })).toMatchObject({ never: 'it is a group of runs' });
  }
});

test('elsewhere it can be waited for only when it is over', () => {
  const after = [{ run: RUN_ID, on: 'success' as const }];
  expect(failureOf(() => refuseAfter(repo.path, after, 'local')).why).toBe('it is no run of ours');
  there(told());
  expect(failureOf(() => refuseAfter(repo.path, after, 'cluster'))).toMatchObject({
    code: 'run_state',
    what: `launch.yaml waits for run ${RUN_ID}, which is on site local`,
    why: 'a job on cluster cannot wait for a job elsewhere',
  });
  expect(() => refuseAfter(repo.path, after, 'local')).not.toThrow();
});

test('while it is active its job is waited for, and its task’s end is looked for; ended well it is neither', () => {
  const child = (on: 'success' | 'any', step = plan().steps): Run => {
    const run = runOnDisk(join(repo.path, 'x'), []);
    const its = { ...plan(), steps: step, after: [{ run: RUN_ID, on }] };
    return { ...run, plan: its, iterationFolder: join(repo.path, its.iteration.folder) };
  };
  const run = there(told());
  expect(awaited(child('success'))).toEqual([{ id: '7', on: 'success' }]);
  expect(awaited(child('any'))).toEqual([{ id: '7', on: 'any' }]);
  expect(waitSpec(child('success'))).toEqual({ ends: [{ run: RUN_ID, gate: join(run.folder, 'gate'), tasks: ['main.0.1'] }] });
  expect(waitSpec(child('any'))).toEqual({});
  const later = plan().steps.map((one) => ({ ...one, after: [{ step: 'x', on: 'success' as const }] }));
  expect(awaited(child('success', later))).toEqual([]);
  repo.remove();
  there(GOOD);
  expect([awaited(child('success')), waitSpec(child('success'))]).toEqual([[], {}]);
});

test.each([
  ['after: [{ run: ../r }]', /expected a run id/],
  ['after: []', /may not be empty/],
  [`after: [{ run: ${RUN_ID}, on: failure }]`, /after\[0\]\.on/],
  [`after: [${RUN_ID}]`, /after\[0\]/],
  ['canary: true\nsteps: [{ name: a, script: a.sh }]', /with steps each step says its own canary/],
  ['steps: [{ name: a, script: a.sh, canary: true }]', /only an array has a first task that can run alone/],
  [
    'steps: [{ name: a, script: a.sh, canary: true, legs: 2, array: { indices: "0-3" } }]',
    /a canary and legs do not go together/,
  ],
  [
    'steps: [{ name: a, script: a.sh, canary: true, array: { indices: "0-3" } }, { name: a-canary, script: a.sh }]',
    /would be called a-canary/,
  ],
])('%s is refused', (lines, why) => {
  expect(failureOf(() => parseLaunchFile(`schema_version: "1"\n${lines}\n`, 'l.yaml')).what).toMatch(why);
});
