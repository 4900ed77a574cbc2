import { Failure } from '../../base/errors.ts';
import { formatIndices } from '../../base/indices.ts';
import { goesOnFrom, legOf } from '../chain/legs.ts';
import { everyTask, stateOf } from '../children/children.ts';
import { asAsked } from '../children/submits.ts';
import { endedWell, isOver, TASK_OVER } from '../evidence/lifecycle.ts';
import type { StepEvidence } from '../evidence/step-evidence.ts';
import type { Plan, PlanStep } from '../launch/plan.ts';
import { decidedStep, indicesOf, saidAs, stepOf } from '../launch/plan.ts';
import { current } from '../record.ts';
import type { Run } from '../run.ts';
import type { FailureClass, TaskRecord } from '../types.ts';
import { failedNodes } from './failed-nodes.ts';
import type { Chosen } from './retry-evidence.ts';
import { faultsOf, notAsExpected, refuseGapInEvidence, refuseNeeded } from './retry-evidence.ts';
import { refuseHalfMasters } from './retry-masters.ts';

export type Wish = {
  /** Whose tasks `tasks` are, in a run of several steps. */
  step?: string | undefined;
  /** These and no others, also where they went well; absent: those that did not. */
  tasks?: readonly number[] | undefined;
  /** This step and everything after it, whole. */
  from?: string | undefined;
  memoryMb?: number | undefined;
  walltimeSeconds?: number | undefined;
  /** Whether its scheduler can keep off a node that has failed. */
  elsewhere?: boolean | undefined;
};

/** Which tasks of a step are run again, and why it asks for other resources than before. */
export type Again = { step: string; indices: readonly number[]; more: string | null };

/** Of what was too little the double is asked for; whether that may be is the policy's to say. */
const MORE = 2;

/**
 * The plan of a retry: the steps that have something to run again, each with those tasks alone. Refused while anything may still run, and
 * where an earlier step has not ended well of which nothing is to be run: what comes after it would be made of nothing. The same goes for
 * what the steps left behind, as far as `evidence` tells of it.
 */
export function retryPlan(run: Run, wish: Wish, evidence: readonly StepEvidence[] = []): { plan: Plan; again: Again[] } {
  const parts = run.steps ?? [run];
  refuseUnknown(run, parts, wish);
  const chosen = isCutOff(run, parts) ? theRest(run, parts) : anew(run, parts, wish, evidence);
  const again = chosen.flatMap(({ part, indices }) => (indices.length === 0 ? [] : [stepAgain(part, indices, wish)]));
  const faults = faultsOf(evidence);
  if (again.length === 0)
    throw new Failure('run_state', {
      what: `nothing of run ${run.id} is to be run again`,
      why:
        faults === ''
          ? 'every task has ended well'
          : `every task has ended well, and no single task is to blame for this: ${faults}`,
      next: 'name tasks in tasks, or a step in from, if they are meant to run once more',
    });
  const names = new Set(again.map(({ step }) => step.name));
  const steps = again.map(({ step: { after, ...step } }): PlanStep => {
    const waits = (after ?? []).filter((one) => names.has(one.step));
    return waits.length > 0 ? { ...step, after: waits } : step;
  });
  const attempt = 1 + Math.max(...parts.map(({ record }) => current(record)?.attempt ?? 0));
  const told = again.map(({ step, indices, more }) => ({ step: step.name, indices, more }));
  return { plan: { ...run.plan, steps, retry: { of: run.id, attempt } }, again: told };
}

/** A retry of which some steps were accepted, and wait, and of others nothing was. */
function isCutOff(run: Run, parts: readonly Run[]): boolean {
  return run.record.retries > 0 && !isOver(run.record.state) && parts.some(isUnsent);
}

function theRest(run: Run, parts: readonly Run[]): Chosen[] {
  return parts.map((part) => {
    const meant = run.reopening?.steps.find(({ name }) => name === stepOf(part).name);
    return { part, indices: isUnsent(part) ? [...(meant ? indicesOf(meant) : notWell(run, part))] : [] };
  });
}

function anew(run: Run, parts: readonly Run[], wish: Wish, evidence: readonly StepEvidence[]): Chosen[] {
  refuseOpen(run, parts);
  const isNamed = wish.tasks !== undefined || wish.from !== undefined;
  if (!isNamed) refuseGapInEvidence(run, evidence);
  const first = wish.from === undefined ? 0 : parts.findIndex((part) => isOf(part, wish.from));
  const chosen: Chosen[] = [];
  for (const [at, part] of parts.entries()) {
    // What is made of something that is made anew is made anew, too.
    const its = stepOf(part);
    // The rest of an array is not made of its first task.
    const isOther = (step: string) => saidAs(stepOf({ plan: part.plan, step })) !== saidAs(its);
    const parents = (its.after ?? []).flatMap(({ on, step }) => (on !== 'interrupted' && isOther(step) ? [step] : []));
    const isStale = chosen.some((one) => one.indices.length > 0 && parents.includes(one.part.step ?? ''));
    const asked = isStale ? part.record.tasks.map(({ index }) => index) : indicesFor(run, part, wish, at, first);
    const unfit = isNamed || isStale ? [] : notAsExpected(part, evidence);
    // A leg goes on task by task.
    const before = chosen.find((one) => one.part.step === goesOnFrom(its))?.indices ?? [];
    chosen.push({ part, indices: [...new Set([...asked, ...unfit, ...before])].sort((a, b) => a - b) });
  }
  refuseGap(run, chosen);
  refuseHalfMasters(run, chosen);
  refuseNeeded(run, chosen, evidence);
  return chosen;
}

function isUnsent({ record }: Run): boolean {
  return record.opened || current(record)?.phase === 'none';
}

/** What a script submits by itself is submitted again by it alone. */
function notWell(run: Run, part: Run): number[] {
  if (part.record.children?.some((child) => stateOf(child) === 'failed')) return part.record.tasks.map(({ index }) => index);
  return tasksOf(run, part)
    .filter((task) => !endedWell(task))
    .map(({ index }) => index);
}

/** The tasks of a step as the run has them, with what its legs make of them. */
function tasksOf(run: Run, part: Run): readonly TaskRecord[] {
  return part.step === undefined ? part.record.tasks : run.record.tasks.filter(({ step }) => step === part.step);
}

/** `gen 3,7 with memory 2000 → 4000 MB; hist`. */
export function againWords(again: readonly Again[]): string {
  return again
    .map(
      ({ step, indices, more }) =>
        `${step}${indices.length > 0 ? ` ${formatIndices(indices)}` : ''}${more ? ` with ${more}` : ''}`,
    )
    .join('; ');
}

function indicesFor(run: Run, part: Run, { tasks, step, from }: Wish, at: number, first: number): number[] {
  const all = part.record.tasks.map(({ index }) => index);
  if (from !== undefined) return at < first ? [] : all;
  if (tasks === undefined || !isOf(part, step)) return notWell(run, part);
  const named = tasks.filter((index) => all.includes(index));
  return named.length > 0 || part.step === step ? named : notWell(run, part);
}

/** Whether a part is what is called so: the step, or one half of it. */
function isOf(part: Run, step: string | undefined): boolean {
  return part.step === undefined || part.step === step || saidAs(stepOf(part)) === step;
}

function stepAgain(
  part: Run,
  indices: readonly number[],
  wish: Wish,
): { step: PlanStep; indices: readonly number[]; more: string | null } {
  const before = decidedStep(part).requested;
  const whole = stepOf(part);
  const classes = new Set(part.record.tasks.filter(({ index }) => indices.includes(index)).map(({ failure }) => failure));
  const memoryMb = wish.memoryMb ?? doubled(before.memoryMb, classes, 'out_of_memory');
  // A leg is meant to reach its limit.
  const isLeg = legOf(part.plan.steps, whole.name) !== undefined;
  const walltimeSeconds = wish.walltimeSeconds ?? doubled(before.walltimeSeconds, isLeg ? new Set() : classes, 'time_limit');
  const nodes = wish.elsewhere ? failedNodes(part.record.tasks.filter(({ index }) => indices.includes(index))) : [];
  const more = [
    memoryMb === before.memoryMb ? '' : `memory ${before.memoryMb ?? 'unknown'} → ${memoryMb} MB`,
    walltimeSeconds === before.walltimeSeconds ? '' : `walltime ${before.walltimeSeconds ?? 'unknown'} → ${walltimeSeconds} s`,
    nodes.length === 0 ? '' : `${nodes.join(', ')} excluded`,
  ].filter(Boolean);
  const step = asAsked(whole);
  const its = whole.requested.indices === null ? null : [...indices];
  const requested = {
    ...whole.requested,
    indices: its,
    memoryMb,
    walltimeSeconds,
    ...(nodes.length === 0 ? {} : { exclude: nodes }),
  };
  return { step: { ...step, requested }, indices: its ?? [], more: more.join(', ') || null };
}

function doubled(amount: number | null, classes: ReadonlySet<FailureClass | null>, kind: FailureClass): number | null {
  return amount !== null && classes.has(kind) ? amount * MORE : amount;
}

function refuseOpen(run: Run, parts: readonly Run[]): void {
  const open = parts.filter((part) => {
    const attempt = current(part.record);
    const isNothing =
      attempt === undefined || attempt.phase === 'none' || attempt.phase === 'refused' || attempt.phase === 'withdrawn';
    return !isNothing && everyTask(part.record).some(({ state }) => !TASK_OVER.has(state));
  });
  if (open.length === 0) return;
  // Held until the others are there, which they will not be.
  const isHalf = parts.some(({ record }) => !record.opened && current(record)?.phase === 'none');
  throw new Failure('run_state', {
    what: `run ${run.id} is ${run.record.state}: ${open.map(({ step }) => step ?? 'its job').join(', ')} has tasks that have not ended`,
    why: 'a task that may still run is not run a second time',
    next: isHalf
      ? 'cancel_run takes back what is held of it; then call again'
      : 'monitor_runs until all have ended, or cancel_run first',
  });
}

function refuseUnknown(run: Run, parts: readonly Run[], { step, tasks, from }: Wish): void {
  const names = parts.flatMap((part) => part.step ?? []);
  for (const name of [step, from]) {
    if (name === undefined || names.includes(name)) continue;
    throw new Failure('usage', {
      what: `run ${run.id} has no step ${JSON.stringify(name)}`,
      next: names.length > 0 ? `name one of ${names.join(', ')}` : 'it is a run of one step: leave it out',
    });
  }
  if (tasks === undefined) return;
  if (from !== undefined || (step === undefined && names.length > 0))
    throw new Failure('usage', {
      what: from === undefined ? 'tasks without their step' : 'from and tasks do not go together',
      next: `name the step of the tasks: one of ${names.join(', ')}`,
    });
  const there = parts.filter((part) => isOf(part, step)).flatMap(({ record }) => record.tasks.map(({ index }) => index));
  const strange = tasks.filter((index) => !there.includes(index));
  if (strange.length === 0) return;
  throw new Failure('usage', {
    what: `task ${formatIndices(strange)} is none of ${step === undefined ? `run ${run.id}` : `step ${step}`}`,
    why: `its tasks are ${formatIndices(there)}`,
    next: 'name some of them',
  });
}

/** Nothing is run of a step whose parent has a task that has not ended well and is not run again. */
function refuseGap(run: Run, chosen: readonly Chosen[]): void {
  for (const { part, indices } of chosen) {
    if (indices.length === 0) continue;
    const parents = (stepOf(part).after ?? []).filter(({ on }) => on !== 'any').map(({ step }) => step);
    const gap = chosen.find(
      (one) =>
        parents.includes(one.part.step ?? '') &&
        tasksOf(run, one.part).some((task) => !endedWell(task) && !one.indices.includes(task.index)),
    );
    if (!gap) continue;
    throw new Failure('run_state', {
      what: `step ${part.step} of run ${run.id} comes after step ${gap.part.step}, which has not ended well`,
      why: 'it would be made of what is not there',
      next: gap.indices.length > 0 ? 'leave tasks out, or name those that failed, too' : `begin earlier: from ${gap.part.step}`,
    });
  }
}
