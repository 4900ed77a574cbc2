import { isOver, TASK_OVER } from './lifecycle.ts';
import { payerOf } from './place.ts';
import type { Plan, PlanStep } from './plan.ts';
import { indicesOf, planDigest, priceOfStep, stepOf } from './plan.ts';
import type { Run } from './run.ts';
import type { Cost, Reservation, Spending } from './spending.ts';
import type { Attempt, TaskRecord } from './types.ts';

const NOTHING: Cost = { cpu_hours: 0, gpu_hours: 0 };

/** What a job may cost at worst, for the book. Where the price is not known no limit lets it pass, and nothing is counted. */
export function reservationOf(repo: string, plan: Plan, step: PlanStep, job: string): Reservation {
  const { cpu_hours, gpu_hours } = priceOfStep(plan, step);
  return { ...payerOf(repo, plan, step), job, cpu_hours: cpu_hours ?? 0, gpu_hours: gpu_hours ?? 0 };
}

/** Writes down what each submission of a run has come to, as far as that is certain. Safe to repeat. */
export function settle(
  run: Pick<Run, 'plan' | 'record' | 'replicates' | 'steps' | 'step'>,
  spending: Pick<Spending, 'settle'>,
): void {
  if (run.replicates) return;
  if (run.steps) return run.steps.forEach((step) => void settle(step, spending));
  const { attempts } = run.record;
  for (const attempt of attempts) {
    const cost = attempt === attempts.at(-1) ? costOf(run, attempt) : NOTHING;
    if (cost) spending.settle(attempt.name, cost);
  }
}

/** Undefined while the job may still cost something. */
function costOf(
  run: Pick<Run, 'plan' | 'record' | 'step'>,
  { phase, begun, jobId, planDigest: decided }: Attempt,
): Cost | undefined {
  if (phase === 'withdrawn' && begun) return undefined;
  if (phase === 'none' || phase === 'refused' || phase === 'withdrawn') return NOTHING;
  if (phase === 'unknown') return undefined;
  if (jobId === null) return isOver(run.record.state) ? NOTHING : undefined;
  // A plan that was altered since says nothing of what the job could cost.
  if (planDigest(run.plan) !== decided) return undefined;
  const { tasks } = run.record;
  if (tasks.length !== indicesOf(stepOf(run)).length || !tasks.every(({ state }) => TASK_OVER.has(state))) return undefined;
  const { requested } = stepOf(run);
  const hours = tasks.reduce((sum, task) => sum + secondsOf(task, requested.walltimeSeconds ?? 0), 0) / 3600;
  return { cpu_hours: hours * requested.cpus, gpu_hours: hours * requested.gpus };
}

/** How long a task held its resources; one of which nothing is known counts as planned. */
function secondsOf({ used, started, ended, failure, evidence }: TaskRecord, planned: number): number {
  if (used?.elapsedSeconds != null) return used.elapsedSeconds;
  if (started !== null && ended !== null) return Math.max(0, ended - started);
  // Without the scheduler's word on its end it may have run unseen.
  const neverRan = started === null && failure !== null && failure !== 'lost' && evidence.startsWith('scheduler');
  return neverRan ? 0 : planned;
}
