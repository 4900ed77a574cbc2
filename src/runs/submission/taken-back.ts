import type { JobState, JobView } from '../../sites/schedulers/scheduler.ts';

/** A job that is in one of these states costs nothing any more. */
export const OVER: ReadonlySet<JobState> = new Set([
  'completed',
  'failed',
  'timeout',
  'cancelled',
  'out_of_memory',
  'node_failure',
  'preempted',
  'dependency',
]);

const WAITS: ReadonlySet<JobState> = new Set(['pending', 'held', 'dependency']);

/**
 * Whether a job that was taken back before it was let go may have run all the same: somebody with the right to can let go of a held job, too.
 * `before` and `after` are the queue's rows of its name from before and after the cancelling. Where neither look shows the job nothing
 * proves that it has not run; one that waited before and is forgotten since has not.
 */
export function mayHaveRun(id: string, before: readonly JobView[], after: readonly JobView[]): boolean {
  const [was, is] = [before, after].map((rows) => rows.filter((one) => one.id === id));
  const last = is && is.length > 0 ? is : (was ?? []);
  return last.length === 0 || last.some(hasRun);
}

/** A job that is cancelled while it waits is given one time as its start and its end. */
function hasRun({ state, started, ended }: JobView): boolean {
  if (state === 'cancelled') return started !== null && (ended === null || ended > started);
  return !WAITS.has(state);
}
