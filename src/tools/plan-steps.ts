import { join } from 'node:path';
import { sha256 } from '../base/digest.ts';
import { Failure } from '../base/errors.ts';
import { inside, readText } from '../base/files.ts';
import { isUnfilledCommand } from '../checks/placeholders.ts';
import { totalPrice } from '../policies/price.ts';
import type { Design } from '../runs/autolab/design.ts';
import type { Iteration } from '../runs/autolab/iteration.ts';
import { plannedSubmits } from '../runs/children/submits.ts';
import type { LaunchFile, LaunchStep } from '../runs/launch/launch-file.ts';
import { legNames } from '../runs/launch/launch-legs.ts';
import type { PlanStep } from '../runs/launch/plan.ts';
import { refuseSubmitting, saidAs } from '../runs/launch/plan.ts';
import { isGeneratedForm, isPlaceholder, localScript, slurmScript } from '../runs/launch/scripts.ts';
import { newestRuns } from '../runs/run.ts';
import type { Requested, Scheduler, ScriptOptions } from '../sites/schedulers/scheduler.ts';
import { withCanaries } from './canary-steps.ts';
import { jobsOfStep, priceView } from './pricing.ts';

/** A script as it will run; `path` is from the iteration folder on. */
export type Script = { text: string; path: string; generated: boolean };
type Planned = { step: PlanStep; script: Script };
type Asked = Pick<LaunchFile, 'resources' | 'array' | 'submits'>;

/** The steps of a run with their scripts: those of launch.yaml, or one with the launch script. */
export function planSteps(
  iteration: Iteration,
  design: Design,
  launch: LaunchFile,
  scheduler: Scheduler,
  python: string,
): Planned[] {
  const planned = withCanaries(
    launch.steps
      ? launch.steps.map((step) => ({ ...planStep(iteration, design, step, scheduler), canary: step.canary }))
      : onlyInLegs(planOnly(iteration, design, launch, scheduler, python), launch.legs).map((one) => ({
          ...one,
          canary: launch.canary,
        })),
  );
  const steps = planned.map(({ step }) => step);
  refuseOtherReplicates(design, steps);
  if (planned.length === 1) return planned;
  return planned.map(({ step, script }) => ({ script, step: { ...step, price: priceView(totalPrice(jobsOfStep(step))) } }));
}

function planOnly(iteration: Iteration, design: Design, launch: LaunchFile, scheduler: Scheduler, python: string): Planned {
  const script = launchScript(iteration, design, python);
  return planOf(design, launch, scheduler, { name: 'main', args: [] }, script, `autolab-${iteration.id}`);
}

/** The one step there is in its legs: the same once more, where the one before it was interrupted. */
function onlyInLegs(only: Planned, legs: number): Planned[] {
  const names = legNames(only.step.name, legs);
  return names.map((name, at) => {
    const before = names[at - 1];
    return before === undefined ? only : { ...only, step: { ...only.step, name, after: [{ step: before, on: 'interrupted' }] } };
  });
}

function planStep(iteration: Iteration, design: Design, launch: LaunchStep, scheduler: Scheduler): Planned {
  const path = join('launch', launch.script);
  const text = readText(inside(iteration.path, path, 'script of a step'));
  if (text === undefined)
    throw new Failure('script_missing', {
      what: `step ${launch.name}: ${path} is not there`,
      next: `write it, or name another script in launch/launch.yaml; the path is from the folder of launch.yaml on`,
    });
  const { name, args, after } = launch;
  const made = planOf(
    design,
    launch,
    scheduler,
    { name, args: [...args] },
    { text, path, generated: false },
    `${iteration.id}-${name}`,
  );
  return after.length === 0 ? made : { ...made, step: { ...made.step, after: after.map((one) => ({ ...one })) } };
}

function planOf(
  design: Design,
  asked: Asked,
  scheduler: Scheduler,
  named: Pick<PlanStep, 'name' | 'args'>,
  script: Script,
  usualName: string,
): Planned {
  refuseUnrecorded(script, asked, scheduler);
  const options = scheduler.options(script.text);
  const its = scheduler.counted(requested(design, asked, options));
  if (asked.submits && its.requeues > 0) throw submittedAgain(named.name);
  return {
    script,
    step: {
      ...named,
      script: { path: script.path, sha256: sha256(script.text), generated: script.generated },
      jobName: options.name ?? usualName,
      requested: its,
      ...(asked.submits ? { submits: plannedSubmits(asked.submits, its, scheduler.counted) } : {}),
    },
  };
}

/** The scheduler would start it anew, and its script submit once more what is there already. */
function submittedAgain(step: string): Failure {
  return new Failure('file_invalid', {
    what: `step ${step} submits jobs by itself (submits), and may be started again by the scheduler (requeues)`,
    why: 'started again, its script would submit its jobs a second time beside the first',
    next: 'take requeues out of launch/launch.yaml, or --requeue out of the script; retry_tasks runs it again when all that it submitted is over',
  });
}

/** A script submits by itself only where that is declared, and only by the program whose calls can be recorded. */
function refuseUnrecorded({ text, path }: Script, { submits }: Asked, { recorder }: Scheduler): void {
  refuseSubmitting(text, path, submits ? recorder?.program : undefined);
}

/** Replicates are the tasks of an array, or runs of their own; a chain is one run, so that its replicates need an array in it. */
function refuseOtherReplicates(design: Design, steps: readonly PlanStep[]): void {
  if (design.replicates <= 1) return;
  const arrays = [...new Map(steps.map((step) => [saidAs(step), step.part?.indices ?? step.requested.indices])).values()].flatMap(
    (indices) => (indices ? [indices.length] : []),
  );
  if (arrays.includes(design.replicates) || (arrays.length === 0 && steps.length === 1)) return;
  const found = arrays.length === 0 ? 'no step is an array' : `the array has ${arrays.join(' or ')} tasks`;
  throw new Failure('file_invalid', {
    what: `design.yaml asks for ${design.replicates} replicates, and ${found}`,
    why: 'with an array each replicate is one of its tasks; without one each is a run of its own, of one step',
    next: `write array: { indices: "0-${design.replicates - 1}" } into launch/launch.yaml, take the array out, or write replicates.count: ${arrays[0] ?? 1} into design.yaml`,
  });
}

/** What is asked for: launch.yaml before the script's own option lines before the design's estimates. */
function requested(design: Design, { resources, array }: Asked, { requested: said }: ScriptOptions): Requested {
  const indices = array?.indices ?? said.indices ?? null;
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
    ...(resources.names || said.names ? { names: { ...said.names, ...resources.names } } : {}),
  };
}

/** Only where there is more than one a node: as many as nodes is what every job has. */
function tasksOf(tasks: number | null | undefined, nodes: number): { tasks?: number } {
  return tasks != null && tasks > nodes ? { tasks } : {};
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
  if (isUnfilledCommand(words)) {
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
  if (!isGeneratedForm(text)) return false;
  const hash = sha256(text);
  for (const { plan } of newestRuns(iteration.path))
    if (plan.steps.some(({ script }) => script.generated && script.path === path && script.sha256 === hash)) return true;
  return false;
}
