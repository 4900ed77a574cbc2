import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { Sight } from '../../src/runs/evidence/evidence.ts';
import { judgeTask } from '../../src/runs/evidence/evidence.ts';
import { TASK_OVER } from '../../src/runs/evidence/lifecycle.ts';
import type { TaskRecord } from '../../src/runs/types.ts';
import { TASK_STATES } from '../../src/runs/types.ts';
import type { Marker } from '../../src/sites/job-script.ts';
import type { JobState } from '../../src/sites/schedulers/scheduler.ts';
import { AT, judge, row, TIMINGS } from './judging.ts';
import { marker, task } from './samples.ts';

const LIVE: JobState[] = ['pending', 'held', 'suspended', 'requeued', 'running', 'completing'];
const FAILED: JobState[] = ['failed', 'timeout', 'cancelled', 'out_of_memory', 'node_failure', 'preempted', 'dependency'];
const clock = fc.integer({ min: 900, max: 1200 });
const views = fc
  .record({
    state: fc.constantFrom<JobState>(...LIVE, ...FAILED, 'completed', 'unknown'),
    exit: fc.option(fc.nat(255)),
    ended: fc.option(clock),
    reason: fc.option(fc.constant('Priority')),
  })
  .map(({ state, ...more }) => row(state, more));
const markers = fc
  .record({
    exit: fc.constantFrom(0, 0, 1, 143),
    signals: fc.constantFrom<string[]>([], [], ['TERM']),
    refused: fc.constantFrom<Marker['refused'][]>(undefined, undefined, 'drift', 'restart', 'launch'),
  })
  .map(({ refused, ...more }) => marker({ ...more, ...(refused ? { refused } : {}) }));
const sights = fc.record({
  view: fc.option(views, { nil: undefined }),
  marker: fc.option(markers, { nil: undefined }),
  healthy: fc.boolean(),
  at: clock,
  cancelled: fc.boolean(),
});
const tasks = fc
  .record({
    state: fc.constantFrom(...TASK_STATES),
    missed: fc.nat(4),
    missingSince: fc.option(clock),
  })
  .map((change) => task(change));
const open = tasks.filter((one) => !TASK_OVER.has(one.state));
const law = (name: string, ...args: [typeof tasks, (before: TaskRecord, sight: Sight, after: TaskRecord) => boolean]) =>
  test(name, () => {
    const [befores, holds] = args;
    fc.assert(
      fc.property(befores, sights, (before, sight) => holds(before, sight, judgeTask(before, sight, TIMINGS))),
      { numRuns: 2000 },
    );
  });

law('a task that is over never changes', tasks, (before, _sight, after) => !TASK_OVER.has(before.state) || after === before);
law(
  'nothing succeeds without a marker of success or the scheduler’s own word',
  open,
  (_before, { view, marker }, after) =>
    after.state !== 'succeeded' || view?.state === 'completed' || (view === undefined && marker?.exit === 0),
);
law(
  'a signal is never success',
  open,
  (_before, { marker }, after) => after.state !== 'succeeded' || !marker || marker.signals.length === 0,
);
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
