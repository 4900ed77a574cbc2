import { join } from 'node:path';
import { sha256 } from '../base/digest.ts';
import { asFailure, Failure } from '../base/errors.ts';
import { inside, readText, shown } from '../base/files.ts';
import type { Reads } from '../context.ts';
import { totalPrice } from '../policies/price.ts';
import type { CodeFiles } from '../runs/capsule.ts';
import { readCapsule } from '../runs/capsule.ts';
import type { Design } from '../runs/design.ts';
import { readDesign } from '../runs/design.ts';
import type { Iteration } from '../runs/iteration.ts';
import { findIteration } from '../runs/iteration.ts';
import type { LaunchFile } from '../runs/launch-file.ts';
import { readLaunchFile } from '../runs/launch-file.ts';
import type { Plan } from '../runs/plan.ts';
import { onlyStep, PLAN_VERSION, refuseSubmitting } from '../runs/plan.ts';
import { readRun, runFolders } from '../runs/run.ts';
import { isPlaceholder, localScript, slurmScript } from '../runs/scripts.ts';
import { readState } from '../runs/state.ts';
import { chooseSite } from '../sites/index.ts';
import type { Requested, ScriptOptions, Worst } from '../sites/schedulers/scheduler.ts';
import type { Site } from '../sites/site.ts';
import { jobFacts, priceView } from './pricing.ts';

/** A plan with what it was made from. `script.text` is what will run, word for word. */
export type Planned = {
  plan: Plan;
  iteration: Iteration;
  design: Design;
  files: CodeFiles;
  script: { text: string; path: string; generated: boolean };
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
  const script = launchScript(iteration, design, pythonBin(reads));
  refuseSubmitting(script.text, script.path);
  const options = site.scheduler.options(script.text);
  const step = {
    name: 'main',
    script: { path: script.path, sha256: sha256(script.text), generated: script.generated },
    args: [],
    jobName: options.name ?? `autolab-${iteration.id}`,
    requested: site.scheduler.counted(requested(design, launch, options)),
  };
  const { capsule, files } = await readCapsule(repo);
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
    steps: [step],
    environment: {
      modules: [...launch.environment.modules],
      setup: [...launch.environment.setup],
      pass: [...launch.environment.pass],
      set: { ...launch.environment.set },
    },
    seeds: seeds(design),
    preflight: launch.preflight.map((argv) => [...argv]),
    logs: [...launch.logs],
    artifacts: { pull: [...launch.artifacts.pull], expect: launch.artifacts.expect.map((one) => ({ ...one })) },
    inputs: inputs(iteration.path),
    capsule,
    price: priceView(totalPrice([jobFacts(step)])),
  };
  return { plan, iteration, design, files, script };
}

/** The plan with what its site may give for it at worst, and its price after that. A site that cannot be asked leaves it unknown. */
export async function atItsSite(reads: Reads, planned: Planned): Promise<Planned> {
  const { plan } = planned;
  const step = onlyStep(plan);
  const worst = await worstAt(reads.site(plan.site), step.requested);
  if (!worst) return planned;
  const steps = [{ ...step, worst }];
  return { ...planned, plan: { ...plan, steps, price: priceView(totalPrice(steps.map(jobFacts))) } };
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

/** What is asked for: launch.yaml before the script's own option lines before the design's estimates. */
function requested(design: Design, launch: LaunchFile, options: ScriptOptions): Requested {
  const said = options.requested;
  const { resources, array } = launch;
  const indices = array?.indices ?? said.indices ?? null;
  if (indices && design.replicates > 1 && indices.length !== design.replicates) {
    throw new Failure('file_invalid', {
      what: `design.yaml asks for ${design.replicates} replicates, and the array has ${indices.length} tasks`,
      why: 'with an array each replicate is one of its tasks; without one each is a run of its own',
      next: `write array: { indices: "0-${design.replicates - 1}" } into launch/launch.yaml, take the array out, or write replicates.count: ${indices.length} into design.yaml`,
    });
  }
  return {
    cpus: resources.cpus ?? Math.max(said.cpus ?? 1, resources.tasks ?? 1),
    gpus: resources.gpus ?? said.gpus ?? design.gpus,
    gpuType: resources.gpuType ?? said.gpuType ?? design.gpuType,
    nodes: resources.nodes ?? said.nodes ?? design.nodes ?? 1,
    ...tasksOf(resources.tasks ?? said.tasks, resources.nodes ?? said.nodes ?? design.nodes ?? 1),
    memoryMb: resources.memoryMb ?? said.memoryMb ?? design.memoryMb,
    walltimeSeconds: resources.walltimeSeconds ?? said.walltimeSeconds ?? design.walltimeSeconds,
    indices: indices ? [...indices] : null,
    parallel: array ? array.parallel : (said.parallel ?? null),
    partition: resources.partition ?? said.partition ?? design.partition,
    account: resources.account ?? said.account ?? null,
    qos: resources.qos ?? said.qos ?? design.qos,
    requeues: resources.requeues ?? said.requeues ?? 0,
    ...((resources.exclusive ?? said.wholeNodes) ? { wholeNodes: true as const } : {}),
  };
}

/** Only where there is more than one a node: as many as nodes is what every job has. */
function tasksOf(tasks: number | null | undefined, nodes: number): { tasks?: number } {
  return tasks != null && tasks > nodes ? { tasks } : {};
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

/** The launch script that is there, or the one the design generates where it is missing or still the scaffold's placeholder. */
function launchScript(iteration: Iteration, design: Design, python: string): Planned['script'] {
  const path = join('launch', design.location === 'slurm' ? 'run_slurm.sbatch' : 'run_local.sh');
  const found = readText(inside(iteration.path, path, 'launch script'));
  if (found !== undefined && !isPlaceholder(found) && !isOurs(iteration, path, found))
    return { text: found, path, generated: false };
  const text = design.location === 'slurm' ? slurmScript(design, python) : localScript(design, python);
  const { cli, module } = design.spec.entrypoint;
  const words = cli?.trim() || module;
  if (/placeholder|<[A-Za-z_]+>|\{\{\w+\}\}|\b(?:TODO|TBD|FIXME)\b/i.test(words)) {
    throw new Failure(found === undefined ? 'script_missing' : 'script_placeholder', {
      what: `${path} ${found === undefined ? 'is not there' : 'has no command in it'}, and design.yaml has none to put there (${JSON.stringify(words)})`,
      why: 'an empty job would be submitted',
      next: `write the command into ${path}, or the real entrypoint into design.yaml`,
    });
  }
  return { text, path, generated: true };
}

/** Whether the script is one this program wrote from an earlier design and nobody has touched: it follows the design then. */
function isOurs(iteration: Iteration, path: string, text: string): boolean {
  const hash = sha256(text);
  return runFolders(iteration.path)
    .filter((one) => one.ours)
    .some(({ id }) =>
      readRun(iteration.path, id).plan.steps.some(
        ({ script }) => script.generated && script.path === path && script.sha256 === hash,
      ),
    );
}

function inputs(folder: string): Record<string, string> {
  const named = ['design.yaml', join('launch', 'launch.yaml')];
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
