import { Failure } from '../../base/errors.ts';
import { isInterruption } from '../chain/legs.ts';
import type { RunState, TaskRecord } from '../types.ts';

/** Which state may follow which. What is over stays over; a new attempt is the one legal way to start again. */
export const TRANSITIONS: Readonly<Record<RunState, readonly RunState[]>> = {
  pending: ['submitted', 'failed'],
  submitted: ['running', 'synced', 'failed', 'partial'],
  running: ['synced', 'failed', 'partial'],
  synced: ['completed', 'failed', 'partial'],
  completed: [],
  failed: [],
  partial: [],
};

export function isOver(state: RunState): boolean {
  return TRANSITIONS[state].length === 0;
}

export function mayMove(from: RunState, to: RunState): boolean {
  return TRANSITIONS[from].includes(to);
}

/** The one judge of moves. Throws on a move the table does not have. */
export function checkMove(from: RunState, to: RunState): void {
  if (mayMove(from, to)) return;
  throw new Failure('run_state', {
    what: `a run that is ${from} cannot become ${to}`,
    why: 'states never go back',
    next: 'run `autolab-mcp runs` to see where it stands',
  });
}

export const TASK_OVER: ReadonlySet<string> = new Set(['succeeded', 'continued', 'failed', 'interrupted']);

/** Nothing of it is missing: it succeeded, was not needed, or was gone on with, so that the next leg tells. */
export function endedWell({ state }: TaskRecord): boolean {
  return state === 'succeeded' || state === 'continued';
}

export type TaskCounts = {
  total: number;
  waiting: number;
  running: number;
  succeeded: number;
  failed: number;
  interrupted: number;
  unknown: number;
};

export function countTasks(tasks: readonly TaskRecord[]): TaskCounts {
  const n = (...states: string[]) => tasks.filter((task) => states.includes(task.state)).length;
  return {
    total: tasks.length,
    waiting: n('pending', 'held', 'suspended'),
    running: n('running'),
    // What was gone on with is told by what became of it.
    succeeded: n('succeeded', 'continued'),
    failed: n('failed'),
    interrupted: n('interrupted'),
    unknown: n('unknown'),
  };
}

/**
 * The state of a run that follows from its tasks, or undefined where nothing follows yet. All tasks succeeded does not make a run
 * completed: that takes synced artifacts and checked metrics.
 */
export function stateFromTasks(tasks: readonly TaskRecord[]): { to: RunState; because: string } | undefined {
  const counts = countTasks(tasks);
  if (counts.total === 0) return undefined;
  const over = counts.succeeded + counts.failed + counts.interrupted;
  if (over === counts.total) {
    if (counts.succeeded === counts.total)
      return { to: 'running', because: 'every task has ended well; its artifacts are not collected yet' };
    const meant = tasks.filter((task) => task.state !== 'continued' && !task.unneeded);
    const good = meant.filter((task) => task.state === 'succeeded').length;
    if (good > 0) return { to: 'partial', because: `${good} of ${meant.length} tasks succeeded` };
    return { to: endsInItsLastLeg(tasks) ? 'partial' : 'failed', because: failureWords(tasks) };
  }
  if (counts.running > 0 || over > 0)
    return { to: 'running', because: `${counts.running} running, ${over} over, ${counts.waiting} waiting` };
  return undefined;
}

/** Whether it was gone on with and interrupted once more: what the legs have done is there, and one more would go on with it. */
export function endsInItsLastLeg(tasks: readonly TaskRecord[]): boolean {
  const cause = rootCause(tasks);
  return cause !== undefined && isInterruption(cause) && tasks.some(({ state }) => state === 'continued');
}

/** The task whose failure the others follow from: one that waited for another in vain failed because of that one. */
export function rootCause(tasks: readonly TaskRecord[]): TaskRecord | undefined {
  const bad = tasks.filter((task) => task.state === 'failed' || task.state === 'interrupted');
  return bad.find(({ failure }) => failure !== 'dependency') ?? bad[0];
}

/** `task 7`, `step gen, task 7`, `job 17 gen-0, task 7`; empty for the only task there is. */
export function taskName({ step, child, index }: TaskRecord, tasks: readonly TaskRecord[]): string {
  const isOneOfMany = tasks.filter((one) => one.step === step && one.child === child).length > 1;
  return [child ?? '', step === undefined || child !== undefined ? '' : `step ${step}`, isOneOfMany ? `task ${index}` : '']
    .filter(Boolean)
    .join(', ');
}

/** The failure that the others follow from, in words. */
export function failureWords(tasks: readonly TaskRecord[]): string {
  const bad = rootCause(tasks);
  if (!bad) return 'no task failed';
  const name = taskName(bad, tasks);
  const where = name === '' ? '' : `${name}: `;
  return `${where}${bad.failure ?? bad.state}${bad.detail ? ` (${bad.detail})` : ''}`;
}
