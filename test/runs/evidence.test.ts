import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Sight } from '../../src/runs/evidence.ts';
import { judgeTask } from '../../src/runs/evidence.ts';
import { TASK_OVER } from '../../src/runs/lifecycle.ts';
import type { Timings } from '../../src/runs/timings.ts';
import type { TaskRecord } from '../../src/runs/types.ts';
import { TASK_STATES } from '../../src/runs/types.ts';
import type { Marker } from '../../src/sites/job-script.ts';
import type { JobState, JobView } from '../../src/sites/schedulers/scheduler.ts';
import { marker, task, view } from './samples.ts';

const TIMINGS: Timings = { visibility: 1, memory: 10, grace: 5, lostLooks: 3, lostAfter: 10 };
const AT = 1000;

function judge(before: TaskRecord, sight: Partial<Sight>): TaskRecord {
  const whole: Sight = { view: undefined, marker: undefined, healthy: true, at: AT, cancelled: false, ...sight };
  return judgeTask(before, whole, TIMINGS);
}
const row = (state: JobState, more: Partial<JobView> = {}) => view({ state, word: state.toUpperCase(), ...more });
const its = { exit: 0, node: 'n1', started: 100, ended: 110, stdout: '/w/out', stderr: '/w/err' };

type Case = [string, TaskRecord, Partial<Sight>, TaskRecord];

describe('the scheduler shows it alive', () => {
  const live = { evidence: 'scheduler' as const };
  test.each<Case>([
    ['pending', task(), { view: row('pending', { reason: 'Priority', estimatedStart: 2000 }) }, task({ ...live, detail: 'Priority', estimatedStart: 2000 })],
    ['held', task(), { view: row('held') }, task({ ...live, state: 'held', detail: 'held' })],
    ['suspended', task(), { view: row('suspended') }, task({ ...live, state: 'suspended' })],
    ['requeued', task({ state: 'running' }), { view: row('requeued', { reason: 'requeued' }) }, task({ ...live, detail: 'requeued' })],
    ['blocked', task(), { view: row('pending', { reason: 'BadConstraints', blocked: true }) }, task({ ...live, detail: 'BadConstraints', blocked: true })],
    ['running', task(), { view: row('running', { node: 'n1', started: 100 }) }, task({ ...live, state: 'running', node: 'n1', started: 100 })],
    ['completing, with the marker there', task(), { view: row('completing'), marker: marker() }, task({ ...live, ...its, state: 'running' })],
    ['seen again', task({ state: 'unknown', missed: 2, missingSince: 990 }), { view: row('running') }, task({ ...live, state: 'running' })],
  ])('%s', (_what, before, sight, after) => {
    expect(judge(before, sight)).toEqual(after);
  });
});

describe('the scheduler says it failed', () => {
  const failed = { state: 'failed' as const, evidence: 'scheduler' as const };
  test.each<Case>([
    ['out of memory', task(), { view: row('out_of_memory') }, task({ ...failed, failure: 'out_of_memory', detail: 'the scheduler says OUT_OF_MEMORY' })],
    ['time limit', task(), { view: row('timeout') }, task({ ...failed, failure: 'time_limit', detail: 'the scheduler says TIMEOUT' })],
    ['node failure', task(), { view: row('node_failure', { reason: 'n1 is down' }) }, task({ ...failed, failure: 'node_failure', detail: 'the scheduler says NODE_FAILURE (n1 is down)' })],
    ['preempted', task(), { view: row('preempted') }, task({ ...failed, failure: 'preempted', detail: 'the scheduler says PREEMPTED' })],
    ['dependency', task(), { view: row('dependency') }, task({ ...failed, failure: 'dependency', detail: 'the scheduler says DEPENDENCY' })],
    ['cancelled by somebody', task(), { view: row('cancelled') }, task({ ...failed, failure: 'cancelled', detail: 'the scheduler says CANCELLED' })],
    ['an exit code', task(), { view: row('failed', { exit: 3 }) }, task({ ...failed, exit: 3, failure: 'exit_code', detail: 'exit code 3' })],
    ['a signal', task(), { view: row('failed', { exit: 137, signal: 9 }) }, task({ ...failed, exit: 137, failure: 'exit_code', detail: 'ended by signal 9' })],
    ['no exit code', task(), { view: row('failed') }, task({ ...failed, failure: 'exit_code', detail: 'the scheduler says failed and gives no exit code' })],
    ['after our cancelling', task(), { view: row('failed', { exit: 143 }), cancelled: true }, task({ ...failed, exit: 143, failure: 'cancelled', detail: 'exit code 143' })],
    [
      'out of memory, and the marker says well',
      task(),
      { view: row('out_of_memory'), marker: marker() },
      task({ ...its, state: 'failed', failure: 'out_of_memory', detail: 'the scheduler says OUT_OF_MEMORY; the script itself ended with exit code 0', evidence: 'scheduler+marker' }),
    ],
    [
      'failed, and the marker says well',
      task(),
      { view: row('failed', { exit: 1 }), marker: marker() },
      task({ ...its, state: 'failed', failure: 'exit_code', detail: 'the scheduler says FAILED; the script itself ended with exit code 0', evidence: 'scheduler+marker' }),
    ],
    [
      'failed, and the marker knows why',
      task(),
      { view: row('failed', { exit: 78 }), marker: marker({ exit: 78, refused: 'drift' }) },
      task({ ...its, exit: 78, state: 'failed', failure: 'drift', detail: 'the script in the run folder is not the one that was approved', evidence: 'scheduler+marker' }),
    ],
  ])('%s', (_what, before, sight, after) => {
    expect(judge(before, sight)).toEqual(after);
  });
});

describe('the scheduler says it went well, or has no row', () => {
  const both = { ...its, evidence: 'scheduler+marker' as const };
  const alone = { ...its, evidence: 'marker' as const };
  const scripts: [string, Partial<Marker>, Partial<TaskRecord>][] = [
    ['exit 0', {}, { state: 'succeeded' }],
    ['exit 0 after a signal', { signals: ['TERM'] }, { state: 'interrupted', failure: 'interrupted', detail: 'it ended with exit code 0 after TERM' }],
    ['exit 2', { exit: 2 }, { state: 'failed', exit: 2, failure: 'exit_code', detail: 'exit code 2' }],
    ['exit 143 after a signal', { exit: 143, signals: ['TERM'] }, { state: 'failed', exit: 143, failure: 'exit_code', detail: 'exit code 143 after TERM' }],
    ['refused: drift', { exit: 78, refused: 'drift' }, { state: 'failed', exit: 78, failure: 'drift', detail: 'the script in the run folder is not the one that was approved' }],
    ['refused: launch', { exit: 78, refused: 'launch' }, { state: 'failed', exit: 78, failure: 'launch', detail: 'its folder, modules or setup lines failed before the script began' }],
    ['refused: restart', { exit: 77, refused: 'restart' }, { state: 'failed', exit: 77, failure: 'node_failure', detail: 'it was started again more often than the policy grants' }],
  ];
  test.each(scripts)('%s', (_what, left, after) => {
    const running = task({ state: 'running' });
    expect(judge(running, { view: row('completed'), marker: marker(left) })).toEqual(task({ ...both, ...after }));
    expect(judge(running, { marker: marker(left) })).toEqual(task({ ...alone, ...after }));
  });
});

describe('success without a marker waits for the filesystem', () => {
  const waiting = task({ state: 'running', ended: 999, evidence: 'scheduler', detail: 'ended; its marker is not visible yet', missingSince: AT });
  const taken = task({ state: 'succeeded', ended: 999, evidence: 'scheduler', detail: 'on the scheduler’s word alone: the job left no marker' });
  const done = row('completed', { ended: 999 });

  test('at first it is still running', () => expect(judge(task({ state: 'running' }), { view: done })).toEqual(waiting));
  test('within the grace it waits on', () => expect(judge(waiting, { view: done, at: AT + 4 })).toEqual(waiting));
  test('after it the scheduler’s word counts, marked so', () =>
    expect(judge(waiting, { view: done, at: AT + 5 })).toEqual(taken));
  test('a marker in time is taken', () =>
    expect(judge(waiting, { view: done, marker: marker(), at: AT + 1 })).toMatchObject({ state: 'succeeded', evidence: 'scheduler+marker' }));
  test('looks that did not find it are no part of the grace', () => {
    const gone = task({ state: 'unknown', missed: 2, missingSince: AT - 100 });
    expect(judge(gone, { view: row('completed') })).toMatchObject({ state: 'running', missed: 0, missingSince: AT });
  });
});

describe('in no record and without a marker', () => {
  const running = task({ state: 'running' });
  const gone = (missed: number) =>
    task({ state: 'unknown', detail: 'in no record of the scheduler, and no marker yet', missed, missingSince: AT });
  test('it becomes unknown, then lost after enough looks and enough time', () => {
    const seen = [0, 1, 2, 9, 10].reduce<TaskRecord[]>((all, later) => [...all, judge(all.at(-1) ?? running, { at: AT + later })], []);
    const lost = task({ state: 'failed', failure: 'lost', detail: 'in no record of the scheduler in 5 looks, and it left no marker' });
    expect(seen).toEqual([gone(1), gone(2), gone(3), gone(4), lost]);
  });
  test('time alone does not do it', () => {
    expect(judge(judge(running, {}), { at: AT + 10_000 })).toEqual(gone(2));
  });
  test('after a cancellation of ours it was cancelled', () => {
    expect(judge(gone(2), { at: AT + 10, cancelled: true })).toEqual(
      task({ state: 'failed', failure: 'cancelled', detail: 'it left the scheduler after its cancellation was asked for' }),
    );
  });
  test('the wait for a marker is no part of the deadline', () => {
    const waiting = task({ state: 'running', missed: 0, missingSince: AT - 100 });
    expect(judge(waiting, {})).toEqual(gone(1));
  });
});

test('an unhealthy look without a row keeps the state, whatever the marker says', () => {
  const before = task({ state: 'running', node: 'n1' });
  const detail = 'the scheduler did not answer usably; this is the last proven state';
  expect(judge(before, { healthy: false })).toEqual({ ...before, detail });
  expect(judge(before, { healthy: false, marker: marker() })).toEqual({ ...before, detail });
});

test('a word in no table is unknown: no error, and with a marker still no success', () => {
  const after = { state: 'unknown', detail: 'the scheduler says SPECIAL_EXIT, which is in no table', evidence: 'scheduler' } as const;
  const strange = view({ state: 'unknown', word: 'SPECIAL_EXIT' });
  expect(judge(task(), { view: strange })).toEqual(task(after));
  expect(judge(task(), { view: strange, marker: marker() })).toEqual(task({ ...its, ...after }));
});

describe('laws', () => {
  const LIVE: JobState[] = ['pending', 'held', 'suspended', 'requeued', 'running', 'completing'];
  const FAILED: JobState[] = ['failed', 'timeout', 'cancelled', 'out_of_memory', 'node_failure', 'preempted', 'dependency'];
  const clock = fc.integer({ min: 900, max: 1200 });
  const views = fc.record({
    state: fc.constantFrom<JobState>(...LIVE, ...FAILED, 'completed', 'unknown'),
    exit: fc.option(fc.nat(255)),
    ended: fc.option(clock),
    reason: fc.option(fc.constant('Priority')),
  }).map(({ state, ...more }) => row(state, more));
  const markers = fc.record({
    exit: fc.constantFrom(0, 0, 1, 143),
    signals: fc.constantFrom<string[]>([], [], ['TERM']),
    refused: fc.constantFrom<Marker['refused'][]>(undefined, undefined, 'drift', 'restart', 'launch'),
  }).map(({ refused, ...more }) => marker({ ...more, ...(refused ? { refused } : {}) }));
  const sights = fc.record({
    view: fc.option(views, { nil: undefined }),
    marker: fc.option(markers, { nil: undefined }),
    healthy: fc.boolean(),
    at: clock,
    cancelled: fc.boolean(),
  });
  const tasks = fc.record({
    state: fc.constantFrom(...TASK_STATES),
    missed: fc.nat(4),
    missingSince: fc.option(clock),
  }).map((change) => task(change));
  const open = tasks.filter((one) => !TASK_OVER.has(one.state));
  const law = (name: string, ...args: [typeof tasks, (before: TaskRecord, sight: Sight, after: TaskRecord) => boolean]) =>
    test(name, () => {
      const [befores, holds] = args;
      fc.assert(fc.property(befores, sights, (before, sight) => holds(before, sight, judgeTask(before, sight, TIMINGS))), { numRuns: 2000 });
    });

  law('a task that is over never changes', tasks, (before, _sight, after) => !TASK_OVER.has(before.state) || after === before);
  law(
    'nothing succeeds without a marker of success or the scheduler’s own word',
    open,
    (_before, { view, marker }, after) => after.state !== 'succeeded' || view?.state === 'completed' || (view === undefined && marker?.exit === 0),
  );
  law('a signal is never success', open, (_before, { marker }, after) => after.state !== 'succeeded' || !marker || marker.signals.length === 0);
  law(
    'a look without a row that proves nothing never ends a task',
    open,
    (before, { view, healthy }, after) => view !== undefined || healthy || after.state === before.state,
  );
  law(
    'a scheduler’s failure wins over every marker',
    open,
    (_before, { view }, after) => view === undefined || !FAILED.includes(view.state) || after.state === 'failed',
  );
  law(
    'what is alive at the scheduler is not over',
    open,
    (_before, { view }, after) => view === undefined || !LIVE.includes(view.state) || !TASK_OVER.has(after.state),
  );
  law('every end but success has its class', open, (_before, _sight, after) =>
    TASK_OVER.has(after.state) ? (after.failure === null) === (after.state === 'succeeded') : after.failure === null,
  );
  test('time alone moves a task from unknown to lost only, and only after enough healthy looks and the deadline', () => {
    const looks = fc.array(fc.record({ wait: fc.nat(6), healthy: fc.boolean() }), { maxLength: 12 });
    fc.assert(
      fc.property(open, looks, (start, all) => {
        let [at, first, healthy] = [AT, 0, 0];
        let now = task({ state: start.state });
        for (const look of all) {
          at += look.wait;
          now = judge(now, { at, healthy: look.healthy });
          if (look.healthy) first = healthy++ === 0 ? at : first;
          if (TASK_OVER.has(now.state)) {
            expect(now).toMatchObject({ state: 'failed', failure: 'lost' });
            return healthy >= TIMINGS.lostLooks && at - first >= TIMINGS.lostAfter;
          }
          if (healthy >= TIMINGS.lostLooks && at - first >= TIMINGS.lostAfter && look.healthy) return false;
        }
        return true;
      }),
      { numRuns: 1000 },
    );
  });
});
