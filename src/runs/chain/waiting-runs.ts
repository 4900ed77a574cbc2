import { Failure } from '../../base/errors.ts';
import { isOver, TASK_OVER } from '../evidence/lifecycle.ts';
import { openRuns } from '../open.ts';
import type { Run } from '../run.ts';

/**
 * Refused where another run, of whatever iteration, is made of this one and may still run: the jobs that it waits for are those of before,
 * so that it would begin, or go on, while what it reads is written anew.
 */
export function refuseAwaited(repo: string, { id }: Run): void {
  const other = openRuns(repo).runs.find(
    ({ plan, record }) =>
      plan.after?.some(({ run }) => run === id) &&
      !isOver(record.state) &&
      record.tasks.some(({ state }) => !TASK_OVER.has(state)),
  );
  if (!other) return;
  throw new Failure('run_state', {
    what: `run ${other.id} of iteration ${other.plan.iteration.id} comes after run ${id}, and is ${other.record.state}`,
    why: `what it reads of ${id} would be written anew while it runs`,
    next: `monitor_runs until ${other.id} is over, or cancel_run it; after the retry submit it again`,
  });
}
