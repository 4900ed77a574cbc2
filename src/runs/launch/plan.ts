import { digest } from '../../base/digest.ts';
import { shortId } from '../../base/ids.ts';
import type { Job, Requested, Worst } from '../../sites/schedulers/scheduler.ts';
import { commentOf } from '../audit/job-comment.ts';
import type { Submits } from '../children/submits.ts';
import type { Resume } from '../resume/schema.ts';
import { submitted } from '../submission/allowance.ts';

export { refuseSubmitting } from '../children/nested-submission.ts';

export const PLAN_VERSION = '1';

/** What is frozen of the code at planning: enough to see that something else would run, and to name it later. */
export type Capsule = {
  commit: string | null;
  /** Null where HEAD is on none. */
  branch?: string | null;
  clean: boolean;
  changed: string[];
  /** Of every code file as it is. */
  digest: string | null;
  why: string | null;
};

export type PlanStep = {
  name: string;
  /** Relative to the iteration folder. */
  script: { path: string; sha256: string; generated: boolean };
  args: string[];
  /** The name the user's script gives itself. */
  jobName: string;
  requested: Requested;
  /** Steps before it, and whether it goes on only after their success. Absent: it starts at once. */
  after?: { step: string; on: 'success' | 'any' | 'interrupted' }[];
  /** Jobs that its script may submit by itself. Absent: none. */
  submits?: Submits;
  /** It is a part of this array, whose other part is another step: its first task, which runs alone, or the rest. */
  part?: { of: string; indices: number[] };
  /** Worst case of this step, with all that it may submit; absent in a plan of one step, whose price it is. */
  price?: PlanPrice;
  /** What the site may give it at worst, where that is more than was asked or differs by site. Absent: as it is asked. */
  worst?: Worst;
};

/** Everything about a run that is decided before it has an id. */
export type Plan = {
  schema_version: typeof PLAN_VERSION;
  iteration: { id: string; type: string; folder: string; experiment: string | null };
  site: string;
  scheduler: string;
  host_mode: 'local' | 'slurm';
  steps: PlanStep[];
  environment: { modules: string[]; setup: string[]; pass: string[]; set: Record<string, string> };
  seeds: { count: number; strategy: string; base: number | null } | null;
  preflight: string[][];
  logs: string[];
  /** The log that the workload writes about itself, as launch.yaml names it. Absent: none. */
  events?: string;
  artifacts: { pull: string[]; expect: unknown[] };
  /** The workspace that it goes on with. Absent: none. */
  resume?: Resume;
  /** SHA-256 of the files the plan was read from, and of configurations that markers must name, relative to the iteration folder. */
  inputs: Record<string, string>;
  capsule: Capsule;
  /** It executes from a snapshot taken at the submission. Absent: from the files of the repository as they are when it runs. */
  code?: 'snapshot';
  /** SHA-256 of the files that launch.yaml names as `inputs`, relative to the repository: a task begins only while they are that. */
  reads?: Record<string, string>;
  /** Worst case in hours of one run of it; null where a part of it is not known. */
  price: PlanPrice;
  /** The run of which only some tasks are run again, each with the index and the width it had. */
  retry?: { of: string; attempt: number };
  /** Runs that must have ended first, as `on` says. Absent: none. */
  after?: AfterRun[];
  /** Only these runs of a group: the rest of one whose submission was cut off. Absent: everything that is planned. */
  rest?: string[];
  /** Which run of a group this is. Like the run's id it comes with the reservation, so it is no part of what is decided on. */
  replicate?: Replicate;
};

export type AfterRun = { run: string; on: 'success' | 'any' | 'interrupted' };

export type PlanPrice = {
  cpu_hours: number | null;
  gpu_hours: number | null;
  memory_gb_hours: number | null;
  node_hours: number | null;
};

/** `group` is the base id; numbers count from 1. */
export type Replicate = { group: string; number: number; seed: number };

/**
 * What makes a plan this plan and no other: everything but where the code stands in git, whether the script was there or is written
 * at submission, and which run of its group it became. Equal before and after the same files are committed.
 */
export function planSubject({ replicate: _, ...plan }: Plan): object {
  const steps = plan.steps.map(({ script, ...step }) => ({ ...step, script: { path: script.path, sha256: script.sha256 } }));
  return { ...plan, steps, capsule: plan.capsule.digest };
}

/** The digest of a plan's subject: what approvals, permits and the journal know a plan by. */
export function planDigest(plan: Plan): string {
  return digest(planSubject(plan));
}

/** How many runs a plan is: replicates without an array are runs of their own under one base id. */
export function runsOf(plan: Pick<Plan, 'steps' | 'seeds'>): number {
  const isArray = plan.steps.some((step) => step.requested.indices !== null);
  return isArray ? 1 : (plan.seeds?.count ?? 1);
}

/** Whether scripts of it may submit by themselves. */
export function maySubmit({ steps }: Pick<Plan, 'steps'>): boolean {
  return steps.some(({ submits }) => submits !== undefined);
}

/** The name under which launch.yaml knows a step. */
export function saidAs({ name, part }: Pick<PlanStep, 'name' | 'part'>): string {
  return part?.of ?? name;
}

/** The array indices of a step; `[0]` for a step that is no array. */
export function indicesOf(step: PlanStep): readonly number[] {
  return step.requested.indices ?? [0];
}

/** The step that a run, or a part of one, is about: the one named, or the only one there is. */
export function stepOf({ plan, step }: { plan: Pick<Plan, 'steps'>; step?: string }): PlanStep {
  const found = step === undefined ? plan.steps[0] : plan.steps.find(({ name }) => name === step);
  if (found && (step !== undefined || plan.steps.length === 1)) return found;
  throw new Error(step === undefined ? `a run of ${plan.steps.length} steps where one is meant` : `no step ${step} in the plan`);
}

/** The step as it was decided on last: for a retry as its own plan has it, with the tasks and resources of that. */
export function decidedStep({ plan, decided, step }: { plan: Plan; decided?: Plan; step?: string }): PlanStep {
  const name = stepOf({ plan, ...(step === undefined ? {} : { step }) }).name;
  return stepOf({ plan: decided ?? plan, step: name });
}

/** What a step may cost at worst. */
export function priceOfStep(plan: Plan, step: PlanStep): PlanPrice {
  return step.price ?? plan.price;
}

/** `al_<run>.<step>.<attempt>.<nonce>`: lower case, one name for one submission. */
export function jobName(runId: string, step: string, attempt: number, nonce: string): string {
  return `al_${shortId(runId, 80)}.${step}.${attempt}.${nonce}`;
}

export type JobPaths = { script: string; cwd: string; logs: string; attempt?: number };

/**
 * How the logs of a task are called, without their ending: each attempt has its own, so that none is overwritten. No step, whatever its name, has
 * another's: a first attempt's ends in a number.
 */
export function logName(step: string, task: number | '{task}', attempt: number): string {
  return `${step}.${task}${attempt > 1 ? `.attempt-${attempt}` : ''}`;
}

/** What ties a job to a repository: the hash of the decision's audit line, and the repository's mark. */
export type JobWitness = { head: string | null; repository: string | null };

/**
 * The scheduler's job for one attempt of a step. Its comment names the run, the plan, the line of the audit log that decided on it, and
 * the repository, so that the scheduler's accounting is a witness of all of them; `readComment` reads it.
 */
export function jobOf(
  plan: Plan,
  step: PlanStep,
  name: string,
  runId: string,
  paths: JobPaths,
  environment: Record<string, string>,
  version: string,
  { head, repository }: JobWitness = { head: null, repository: null },
): Job {
  const log = logName(step.name, '{task}', paths.attempt ?? 1);
  return {
    name,
    script: paths.script,
    cwd: paths.cwd,
    stdout: `${paths.logs}/${log}.out`,
    stderr: `${paths.logs}/${log}.err`,
    requested: submitted(step),
    environment,
    after: [],
    comment: commentOf({ version, run: runId, plan: planDigest(plan), head, repository }),
  };
}
