import type { Requested, Used } from '../../sites/schedulers/scheduler.ts';
import { isOpenChild } from '../children/children.ts';
import { isOver, TASK_OVER } from '../evidence/lifecycle.ts';
import type { Plan, PlanStep } from '../launch/plan.ts';
import { decidedStep, indicesOf, planDigest, priceOfStep } from '../launch/plan.ts';
import { payerOf } from '../place.ts';
import type { Run } from '../run.ts';
import { allowance } from '../submission/allowance.ts';
import type { Attempt, TaskRecord } from '../types.ts';
import type { Cost, Reservation, Spending } from './spending.ts';

const NOTHING: Cost = { cpu_hours: 0, gpu_hours: 0 };

/** What a job may cost at worst, for the book. Where the price is not known no limit lets it pass, and nothing is counted. */
export function reservationOf(repo: string, plan: Plan, step: PlanStep, job: string): Reservation {
  const { cpu_hours, gpu_hours } = priceOfStep(plan, step);
  return { ...payerOf(repo, plan, step), job, cpu_hours: cpu_hours ?? 0, gpu_hours: gpu_hours ?? 0 };
}

/** Writes down what each submission of a run has come to, as far as that is certain. Safe to repeat. */
export function settle(
  run: Pick<Run, 'plan' | 'record' | 'replicates' | 'steps' | 'step' | 'decided'>,
  spending: Pick<Spending, 'settle'>,
): void {
  if (run.replicates) return;
  for (const step of run.steps ?? []) settle(step, spending);
  if (run.steps) return;
  const { attempts } = run.record;
  for (const attempt of attempts) {
    // What was accepted before a retry was settled before it.
    const before = attempt.jobId === null ? NOTHING : undefined;
    const cost = attempt === attempts.at(-1) ? costOf(run, attempt) : before;
    if (cost) spending.settle(attempt.name, cost);
  }
}

/** Undefined while the job may still cost something. */
function costOf(
  run: Pick<Run, 'plan' | 'record' | 'step' | 'decided'>,
  { phase, begun, jobId, planDigest: decided }: Attempt,
): Cost | undefined {
  if (phase === 'withdrawn' && begun) return undefined;
  if (phase === 'none' || phase === 'refused' || phase === 'withdrawn') return NOTHING;
  if (phase === 'unknown') return undefined;
  if (jobId === null) return isOver(run.record.state) ? NOTHING : undefined;
  // A plan that was altered since says nothing of what the job could cost.
  if (planDigest(run.decided ?? run.plan) !== decided) return undefined;
  const step = decidedStep(run);
  const tasks = run.record.tasks.filter(({ index }) => indicesOf(step).includes(index));
  if (tasks.length !== indicesOf(step).length || !tasks.every(({ state }) => TASK_OVER.has(state))) return undefined;
  const { requested, submits } = step;
  const most = allowance(step);
  // What its script submitted is in the same reservation, and may still cost something while any of it is open.
  const children = (run.record.children ?? []).filter(({ job }) => job !== null).flatMap((child) => child.tasks);
  if ((run.record.children ?? []).some(isOpenChild)) return undefined;
  const each = submits && allowance({ requested: submits.each, ...(submits.worst ? { worst: submits.worst } : {}) });
  const seconds = [
    ...tasks.map((task) => kept(task, requested, most)),
    ...children.map((task) => kept(task, submits?.each ?? requested, each ?? most)),
  ];
  const hours = (of: keyof NonNullable<Used['held']>) => seconds.reduce((sum, held) => sum + held[of], 0) / 3600;
  return { cpu_hours: hours('cpuSeconds'), gpu_hours: hours('gpuSeconds') };
}

/**
 * What a task kept from others: what accounting says it was given, where that is more than it asked for, such as whole nodes and cores, or
 * a start before the last one. Without accounting's word it was given the most that was decided on.
 */
function kept(task: TaskRecord, asked: Requested, most: Requested): NonNullable<Used['held']> {
  const held = task.used?.held;
  const longest = most.walltimeSeconds ?? 0;
  // Nobody but accounting knows how long it ran before it was started again.
  const before = held || neverRan(task) ? 0 : asked.requeues * longest;
  const seconds = before + secondsOf(task, longest);
  const { cpus, gpus } = held ? asked : most;
  return {
    cpuSeconds: Math.max(held?.cpuSeconds ?? 0, seconds * cpus),
    gpuSeconds: Math.max(held?.gpuSeconds ?? 0, seconds * gpus),
  };
}

/** How long a task held its resources; one of which nothing is known counts as planned. */
function secondsOf(task: TaskRecord, planned: number): number {
  const { used, started, ended } = task;
  if (used?.elapsedSeconds != null) return used.elapsedSeconds;
  // A clock that was set back in between tells nothing.
  if (started !== null && ended !== null) return ended >= started ? ended - started : planned;
  return neverRan(task) ? 0 : planned;
}

/** Without the scheduler's word on its end it may have run unseen. */
function neverRan({ started, failure, evidence }: TaskRecord): boolean {
  return started === null && failure !== null && failure !== 'lost' && evidence.startsWith('scheduler');
}
