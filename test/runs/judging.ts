import type { Sight } from '../../src/runs/evidence/evidence.ts';
import { judgeTask } from '../../src/runs/evidence/evidence.ts';
import type { Timings } from '../../src/runs/evidence/timings.ts';
import type { TaskRecord } from '../../src/runs/types.ts';
import type { JobState, JobView } from '../../src/sites/schedulers/scheduler.ts';
import { view } from './samples.ts';

export const TIMINGS: Timings = { visibility: 1, memory: 10, grace: 5, lostLooks: 3, lostAfter: 10 };
export const AT = 1000;
/** What a record knows of a task from its marker. */
export const ITS = { exit: 0, node: 'n1', started: 100, ended: 110, stdout: '/w/out', stderr: '/w/err' };

/** One look, at `AT` and healthy where nothing else is said. */
export function judge(before: TaskRecord, sight: Partial<Sight>): TaskRecord {
  const whole: Sight = { view: undefined, marker: undefined, healthy: true, at: AT, cancelled: false, ...sight };
  return judgeTask(before, whole, TIMINGS);
}

export function row(state: JobState, more: Partial<JobView> = {}): JobView {
  return view({ state, word: state.toUpperCase(), ...more });
}
