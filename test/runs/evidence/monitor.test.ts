import { expect, test } from 'vitest';
import { grown, isWatched, needsMarkers, observe } from '../../../src/runs/evidence/monitor.ts';
import type { JournalEvent } from '../../../src/runs/journal.ts';
import { replay } from '../../../src/runs/record.ts';
import type { Run } from '../../../src/runs/run.ts';
import type { Look } from '../../../src/sites/schedulers/scheduler.ts';
import { lines, marker, observed, plan, task, told, view } from '../samples.ts';

function runOf(events: JournalEvent[], indices: readonly number[] | null = null): Run {
  const its = plan({ indices });
  return { id: 'r', folder: '/r', iterationFolder: '/', plan: its, record: replay(lines(events), indices ?? [0]) };
}
const look = (jobs: Look['jobs'], more: Partial<Look> = {}): Look => ({ at: 1000, healthy: true, jobs, ...more });
const none = { gate: '/r/gate', markers: [], duplicates: [], restarts: [], unreadable: [] };
const of = { step: 'main', attempt: 1 };
const running = task({ state: 'running', evidence: 'scheduler' });

test('the first sight of a running task moves the run', () => {
  expect(observe(runOf(told()), look([view()]), undefined)).toEqual([
    { event: 'observed', ...of, looked: 1000, tasks: [running] },
    { event: 'moved', from: 'submitted', to: 'running', because: '1 running, 0 over, 0 waiting' },
  ]);
});

test('what a job may use beyond what was decided on is told, each once; whole nodes that were priced are not beyond it', () => {
  const run = runOf(told());
  const may = { cpus: 2, nodes: 1, walltimeSeconds: 60, memoryMb: 500, gpus: 1 };
  const seen = look([view({ may }), view({ may })]);
  expect(grown(run, seen)).toEqual(['cpus 2 instead of 1', 'gpus 1 instead of 0']);
  const its = plan({ memoryMb: 400 });
  expect(grown({ ...run, plan: its }, seen)).toContain('memory MiB 500 instead of 400');
  const worst = { cpus: 2, gpus: 1, memoryMb: 500, walltimeSeconds: 60, wholeNodes: true };
  expect(grown({ ...run, plan: { ...its, steps: its.steps.map((step) => ({ ...step, worst })) } }, seen)).toEqual([]);
});

test('the same sight again is no news', () => {
  const run = runOf([...told(), observed([running]), { event: 'moved', from: 'submitted', to: 'running', because: '' }]);
  expect(observe(run, look([view()], { at: 2000 }), undefined)).toEqual([]);
});

test('only news are written, task by task', () => {
  const run = runOf(
    [
      ...told(),
      observed([
        { ...running, index: 4 },
        { ...running, index: 5 },
      ]),
    ],
    [4, 5],
  );
  const jobs = [view({ index: 4 }), view({ index: 5, state: 'failed', word: 'FAILED', exit: 1 })];
  expect(observe(run, look(jobs), none)).toEqual([
    {
      event: 'observed',
      ...of,
      looked: 1000,
      tasks: [task({ index: 5, state: 'failed', failure: 'exit_code', detail: 'exit code 1', exit: 1, evidence: 'scheduler' })],
    },
    { event: 'moved', from: 'submitted', to: 'running', because: '1 running, 1 over, 0 waiting' },
  ]);
});

test('the last tasks end the run in part', () => {
  const run = runOf([...told(), { event: 'moved', from: 'submitted', to: 'running', because: '' }], [0, 1]);
  const jobs = [view({ index: 0, state: 'completed' }), view({ index: 1, state: 'timeout', word: 'TIMEOUT' })];
  const events = observe(run, look(jobs), { ...none, markers: [marker()] });
  expect(events.at(-1)).toEqual({ event: 'moved', from: 'running', to: 'partial', because: '1 of 2 tasks succeeded' });
});

test.each([
  ['another id', view({ id: '8' })],
  ['the recycled id of another name', view({ name: 'al_r.main.1.ff' })],
  ['another index', view({ index: 3 })],
])('a row that is not this job’s is none: %s', (_what, foreign) => {
  expect(observe(runOf(told()), look([foreign]), none)).toEqual(observe(runOf(told()), look([]), none));
});

test.each([
  ['another job', marker({ job_id: '8' })],
  ['another attempt', marker({ attempt: 2 })],
  ['another step', marker({ step: 'other' })],
  ['another task', marker({ task: 1 })],
])('a marker that is not this task’s is none: %s', (_what, foreign) => {
  const events = observe(runOf(told()), look([]), { ...none, markers: [foreign] });
  expect(events).toMatchObject([{ event: 'observed', tasks: [{ state: 'unknown' }] }]);
});

test('of several starts the last one counts', () => {
  const markers = [marker({ restart: 1 }), marker({ restart: 0, exit: 1 })];
  const events = observe(runOf(told()), look([view({ state: 'completed' })]), { ...none, markers });
  expect(events).toMatchObject([{ tasks: [{ state: 'succeeded' }] }, { to: 'running' }]);
});

const restart = (number: number, at: number, more = {}) => ({
  ...{ schema_version: '1' as const, step: 'main', task: 0, attempt: 1, job_id: marker().job_id },
  ...{ restart: number, at, ...more },
});

test('what an earlier start left is no evidence of how a later one ended', () => {
  const judged = (
    jobs: Look['jobs'],
    restarts: ReturnType<typeof restart>[],
    markers = [marker({ exit: 143, signals: ['TERM'] })],
  ) => observe(runOf(told()), look(jobs), { ...none, markers, restarts })[0];
  const completed = view({ state: 'completed', ended: 990 });
  expect(judged([completed], [])).toMatchObject({ tasks: [{ state: 'failed' }] });
  expect(judged([completed], [restart(1, 900)])).toMatchObject({
    tasks: [{ state: 'running', detail: expect.stringContaining('marker') }],
  });
  expect(judged([completed], [restart(1, 900, { job_id: 'other' })])).toMatchObject({ tasks: [{ state: 'failed' }] });
  const last = [marker({ exit: 143 }), marker({ restart: 1 })];
  expect(judged([completed], [restart(1, 900)], last)).toMatchObject({ tasks: [{ state: 'succeeded' }] });
});

test('a scheduler that knows only how an earlier start ended has said nothing of the last one', () => {
  const preempted = view({ state: 'preempted', word: 'PREEMPTED', ended: 800 });
  const judged = (at: number, markers = [marker({ restart: 1 })]) =>
    observe(runOf(told()), look([preempted]), { ...none, markers, restarts: [restart(1, at)] })[0];
  expect(judged(900)).toMatchObject({ tasks: [{ state: 'succeeded', evidence: 'marker' }] });
  expect(judged(900, [])).toMatchObject({ tasks: [{ state: 'unknown' }] });
  // A job can write such a note itself: no failure but those after which a scheduler starts a job again is passed over for one.
  for (const state of ['failed', 'out_of_memory', 'timeout', 'cancelled'] as const) {
    const forged = { ...none, markers: [marker({ restart: 1 })], restarts: [restart(1, 900)] };
    const [seen] = observe(runOf(told()), look([view({ state, ended: 800, exit: 1 })]), forged);
    expect(seen).toMatchObject({ tasks: [{ state: 'failed' }] });
  }
  // Clocks of a site may differ by a little.
  expect(judged(801)).toMatchObject({ tasks: [{ failure: 'preempted' }] });
});

test('a look that is older than the last one says nothing', () => {
  const run = runOf([...told(), observed([running], 1001)]);
  expect(observe(run, look([]), none)).toEqual([]);
});

test('a run that is not at the scheduler is not judged by what the scheduler does not show', () => {
  const [intent] = told('intent');
  const again = { ...intent, attempt: 2, name: 'second' } as JournalEvent;
  for (const events of [told('intent'), told('submitted'), [...told(), again]]) {
    const run = runOf(events);
    expect(isWatched(run)).toBe(false);
    expect(observe(run, look([]), none)).toEqual([]);
  }
});

test('a run of which every task is over is looked at no more', () => {
  const over = runOf([...told(), observed([task({ state: 'succeeded' })])]);
  expect([isWatched(over), isWatched(runOf(told()))]).toEqual([false, true]);
  expect(observe(over, look([]), none)).toEqual([]);
});

test('markers are read only of runs of which a task has left the queue', () => {
  const run = runOf(told(), [0, 1]);
  const live = [view({ index: 0 }), view({ index: 1, state: 'held' })];
  expect(needsMarkers(run, look(live))).toBe(false);
  expect(needsMarkers(run, look(live.slice(1)))).toBe(true);
  expect(needsMarkers(run, look([live[0] ?? view(), view({ index: 1, state: 'completed' })]))).toBe(true);
});

test('an unhealthy look moves nothing', () => {
  const run = runOf([...told(), observed([running])]);
  const events = observe(run, look([], { healthy: false }), { ...none, markers: [marker()] });
  expect(events).toEqual([
    {
      event: 'observed',
      ...of,
      looked: 1000,
      tasks: [{ ...running, detail: 'the scheduler did not answer usably; this is the last proven state' }],
    },
    { event: 'moved', from: 'submitted', to: 'running', because: '1 running, 0 over, 0 waiting' },
  ]);
});
