import type { PlanStep } from '../launch/plan.ts';
import type { TaskRecord } from '../types.ts';

type Step = Pick<PlanStep, 'name' | 'after'>;

/** A step as a leg: work longer than the time limit, gone on with by the next step where this one was interrupted. Counted from 1. */
export type Leg = { number: number; of: number };

/** The step that this one goes on from where that was interrupted. */
export function goesOnFrom({ after = [] }: Pick<Step, 'after'>): string | undefined {
  return after.find(({ on }) => on === 'interrupted')?.step;
}

/** The step that goes on where this one is interrupted. */
export function nextLeg<S extends Step>(steps: readonly S[], name: string): S | undefined {
  return steps.find((step) => goesOnFrom(step) === name);
}

/** The legs of one piece of work in their order, whichever of them is named; a step alone is the only one. */
export function legsOf<S extends Step>(steps: readonly S[], name: string): readonly S[] {
  let first = steps.find((step) => step.name === name);
  for (let before = first && goesOnFrom(first); before !== undefined; before = first && goesOnFrom(first))
    first = steps.find((step) => step.name === before);
  const legs: S[] = [];
  for (let leg = first; leg; leg = nextLeg(steps, leg.name)) legs.push(leg);
  return legs;
}

/** Which leg a step is; undefined for one that is no leg. */
export function legOf(steps: readonly Step[], name: string): Leg | undefined {
  const legs = legsOf(steps, name);
  return legs.length < 2 ? undefined : { number: legs.findIndex((leg) => leg.name === name) + 1, of: legs.length };
}

/**
 * The tasks of a run as its legs make them, each named by its step. A task that did not end well and was gone on with is `continued`; one that was not
 * needed counts only as long as the one it was not needed after has ended well by our own evidence. Pure.
 */
export function withLegs(steps: readonly Step[], tasks: readonly TaskRecord[]): TaskRecord[] {
  if (!steps.some((step) => goesOnFrom(step) !== undefined)) return [...tasks];
  const key = (step: string | undefined, index: number) => `${step}.${index}`;
  const found = new Map(tasks.map((task) => [key(task.step, task.index), task]));
  const judged = new Map<string, TaskRecord>();
  for (const step of steps) {
    const next = nextLeg(steps, step.name)?.name;
    const before = goesOnFrom(step);
    for (const task of tasks.filter((one) => one.step === step.name)) {
      const parent = before === undefined ? undefined : judged.get(key(before, task.index));
      const follower = next === undefined ? undefined : found.get(key(next, task.index));
      judged.set(key(step.name, task.index), judgeLeg(task, parent, follower));
    }
  }
  return tasks.map((task) => judged.get(key(task.step, task.index)) ?? task);
}

function judgeLeg(task: TaskRecord, parent: TaskRecord | undefined, follower: TaskRecord | undefined): TaskRecord {
  if (task.unneeded && parent && isBad(parent))
    return { ...task, state: 'failed', failure: 'dependency', detail: `step ${parent.step} has not ended well after all` };
  return isBad(task) && follower && hasTakenOver(task, follower) ? { ...task, state: 'continued' } : task;
}

/**
 * It ran, so that our job script had found that the one before it was interrupted: its marker shows it. Without one it is believed where the
 * scheduler, too, says that the one before was.
 */
function hasTakenOver(task: TaskRecord, { state, started, failure, unneeded, evidence }: TaskRecord): boolean {
  const isOver = state === 'succeeded' || state === 'failed' || state === 'interrupted';
  if (isOver && (unneeded || failure === 'dependency')) return false;
  if (isOver && evidence.endsWith('marker')) return true;
  return isInterruption(task) && (state === 'running' || (isOver && started !== null));
}

/** Whether it was cut short from outside, as a time limit does. */
export function isInterruption({ state, failure }: TaskRecord): boolean {
  return state === 'interrupted' || failure === 'time_limit' || failure === 'preempted' || failure === 'node_failure';
}

function isBad({ state }: TaskRecord): boolean {
  return state === 'failed' || state === 'interrupted';
}
