import { join } from 'node:path';
import { sha256 } from '../base/digest.ts';
import { asFailure, Failure } from '../base/errors.ts';
import { readText, shown } from '../base/files.ts';
import type { Reads } from '../context.ts';
import { totalPrice } from '../policies/price.ts';
import { withFiles } from '../runs/artifacts/command-words.ts';
import type { Design } from '../runs/autolab/design.ts';
import { readDesign } from '../runs/autolab/design.ts';
import type { Iteration } from '../runs/autolab/iteration.ts';
import { findIteration } from '../runs/autolab/iteration.ts';
import { readState } from '../runs/autolab/state.ts';
import { readInputs } from '../runs/code/inputs.ts';
import { refuseSharedEvents } from '../runs/events/place.ts';
import type { CodeFiles, Listing } from '../runs/launch/capsule.ts';
import { readCapsule } from '../runs/launch/capsule.ts';
import { type LaunchFile, readLaunchFile } from '../runs/launch/launch-file.ts';
import type { Plan } from '../runs/launch/plan.ts';
import { PLAN_VERSION } from '../runs/launch/plan.ts';
import { profileVariables } from '../runs/submission/remote-submission.ts';
import { chooseSite } from '../sites/index.ts';
import type { Requested, Worst } from '../sites/schedulers/scheduler.ts';
import type { Site } from '../sites/site.ts';
import type { Script } from './plan-steps.ts';
import { planSteps } from './plan-steps.ts';
import { jobsOfStep, priceView } from './pricing.ts';

/** A plan with what it was made from. The text of a script is what will run, word for word. */
export type Planned = {
  plan: Plan;
  iteration: Iteration;
  design: Design;
  files: CodeFiles;
  /** What a snapshot would be taken of; null where there is no git. */
  listing: Listing | null;
  /** The script of each step, in their order. */
  scripts: readonly Script[];
};

/** Reads an iteration's files into a plan. Looks only; every fault of a file is a Failure that names file, line and remedy. */
export async function planRun(reads: Reads, iterationId: string | undefined, siteAsked?: string): Promise<Planned> {
  const { repo } = reads;
  const iteration = findIteration(repo, iterationId ?? focusedIteration(repo));
  const design = readDesign(join(iteration.path, 'design.yaml'));
  if (design.iterationId !== iteration.id) {
    throw new Failure('file_invalid', {
      what: `design.yaml says iteration_id ${design.iterationId}, and its folder is ${iteration.id}`,
      next: `write iteration_id: ${iteration.id} into ${shown(repo, join(iteration.path, 'design.yaml'))}`,
    });
  }
  const launch = readLaunchFile(join(iteration.path, 'launch', 'launch.yaml'));
  const siteName = chooseSite(repo, siteAsked ?? launch.site, design.location);
  const site = reads.site(siteName);
  const planned = planSteps(iteration, design, launch, site.scheduler, pythonBin(reads));
  const steps = planned.map(({ step }) => step);
  const { capsule, files, listing } = await readCapsule(repo);
  if (launch.code === 'snapshot' && !listing) throw unfrozen(capsule.why);
  const plan: Plan = {
    schema_version: PLAN_VERSION,
    iteration: {
      id: iteration.id,
      type: iteration.type,
      folder: shown(repo, iteration.path),
      experiment: focusedExperiment(repo, iteration.id),
    },
    site: siteName,
    scheduler: site.kind,
    host_mode: design.location,
    steps,
    environment: {
      modules: [...launch.environment.modules],
      setup: [...launch.environment.setup],
      pass: [...launch.environment.pass],
      set: { ...(siteName === 'slurm' && site.far ? profileVariables(repo) : {}), ...launch.environment.set },
    },
    seeds: seeds(design),
    preflight: launch.preflight.map((argv) => [...argv]),
    logs: [...launch.logs],
    ...(launch.events === undefined ? {} : { events: launch.events }),
    ...(launch.resume ? { resume: launch.resume } : {}),
    artifacts: { pull: [...launch.artifacts.pull], expect: launch.artifacts.expect.map((one) => withFiles(repo, one)) },
    inputs: inputs(iteration.path, configsOf(launch)),
    capsule,
    ...(launch.code !== 'live' && listing ? { code: 'snapshot' as const } : {}),
    ...(launch.inputs.length > 0 ? { reads: readInputs(repo, launch.inputs) } : {}),
    price: priceView(totalPrice(steps.flatMap(jobsOfStep))),
    ...(launch.after.length > 0 ? { after: launch.after.map((one) => ({ ...one })) } : {}),
  };
  refuseSharedEvents(plan);
  return { plan, iteration, design, files, listing, scripts: planned.map(({ script }) => script) };
}

function unfrozen(why: string | null): Failure {
  return new Failure('unsupported', {
    what: 'launch/launch.yaml asks for code: snapshot, and there is no git repository to take one of',
    ...(why === null ? {} : { why }),
    next: 'git init, or write code: live and leave the files alone while the job waits',
  });
}

/** The plan with what its site may give for it at worst, and its price after that. A site that cannot be asked leaves it unknown. */
export async function atItsSite(reads: Reads, planned: Planned): Promise<Planned> {
  const { plan } = planned;
  const site = reads.site(plan.site);
  const several = plan.steps.length > 1;
  const steps = await Promise.all(
    plan.steps.map(async (step) => {
      const worst = await worstAt(site, step.requested);
      const most = step.submits && (await worstAt(site, step.submits.each));
      const submits = step.submits && most ? { submits: { ...step.submits, worst: most } } : {};
      const priced = worst ? { ...step, ...submits, worst } : { ...step, ...submits };
      return several ? { ...priced, price: priceView(totalPrice(jobsOfStep(priced))) } : priced;
    }),
  );
  return { ...planned, plan: { ...plan, steps, price: priceView(totalPrice(steps.flatMap(jobsOfStep))) } };
}

async function worstAt(site: Site, requested: Requested): Promise<Worst | undefined> {
  try {
    return await site.worst(requested);
  } catch (error) {
    const why = `what site ${site.name} would give is not known: ${asFailure(error).message}`;
    return { cpus: { why }, gpus: { why }, memoryMb: { why }, walltimeSeconds: { why }, wholeNodes: false };
  }
}

/** The iteration `.autolab/state.json` is at. */
export function focusedIteration(repo: string): string {
  return readState(repo).iteration_id;
}

function focusedExperiment(repo: string, iteration: string): string | null {
  const state = readState(repo);
  return state.iteration_id === iteration && state.experiment_id ? state.experiment_id : null;
}

function seeds(design: Design): Plan['seeds'] {
  const { replicates, compute } = design.spec;
  if (!replicates) return null;
  return {
    count: replicates.count,
    strategy: replicates.seed_strategy ?? 'increment',
    base: replicates.base_seed ?? compute.seed ?? null,
  };
}

/** The configurations that markers must name, and what a workspace's results are of: what they say decides what the jobs do. */
function configsOf({ artifacts, resume }: LaunchFile): string[] {
  const named = artifacts.expect.flatMap((one) => ('same' in one && one.same?.config) || []);
  return [...new Set([...named, ...(resume ? [resume.config] : [])])].sort();
}

function inputs(folder: string, configs: readonly string[]): Record<string, string> {
  const named = ['design.yaml', join('launch', 'launch.yaml'), ...configs];
  return Object.fromEntries(named.flatMap((name) => hashed(folder, name)));
}

function hashed(folder: string, name: string): [string, string][] {
  const text = readText(join(folder, name));
  return text === undefined ? [] : [[name, sha256(text)]];
}

function pythonBin(reads: Reads): string {
  const named = reads.policy().autolab.python_bin;
  return typeof named === 'string' && named.trim() !== '' ? named : 'python3';
}
