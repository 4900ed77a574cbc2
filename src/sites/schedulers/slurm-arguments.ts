import { formatIndices } from '../../base/indices.ts';
import type { Job, Requested } from './scheduler.ts';

/** Names sbatch and its clients read as options of their own, whatever is on the command line (sbatch(1), "INPUT ENVIRONMENT VARIABLES"). */
const OPTION_NAMES = /^(?:SLURM|SBATCH|SLURMD|SLURMCTLD)_/;
const NAME = /^[A-Za-z_][A-Za-z0-9_]*(?:%%|\(\))?$/;

/**
 * All that is asked of sbatch, as options: they win over the `#SBATCH` lines of a script, which the job script has none of. Everything
 * is said outright, so that no default of the user's environment speaks: `--time`, `--no-requeue`, `--export` by name.
 */
export function sbatchOptionsOf(job: Job): string[] {
  const { requested } = job;
  const many = requested.nodes;
  const tasks = requested.tasks ?? many;
  const isArray = requested.indices !== null;
  return [
    `--job-name=${job.name}`,
    `--comment=${job.comment}`,
    `--chdir=${job.cwd}`,
    `--output=${pattern(job.stdout, isArray)}`,
    `--error=${pattern(job.stderr, isArray)}`,
    '--open-mode=append',
    `--nodes=${many}`,
    `--ntasks=${tasks}`,
    `--cpus-per-task=${Math.ceil(requested.cpus / tasks)}`,
    ...(requested.memoryMb === null ? [] : [`--mem=${Math.ceil(requested.memoryMb / many)}M`]),
    ...gpuOptions(requested),
    ...(requested.wholeNodes ? ['--exclusive'] : []),
    ...(requested.walltimeSeconds === null ? [] : [`--time=${timeText(requested.walltimeSeconds)}`]),
    ...(requested.indices === null
      ? []
      : [`--array=${formatIndices(requested.indices)}${requested.parallel === null ? '' : `%${requested.parallel}`}`]),
    ...(requested.partition === null ? [] : [`--partition=${requested.partition}`]),
    ...(requested.exclude?.length ? [`--exclude=${requested.exclude.join(',')}`] : []),
    ...(requested.account === null ? [] : [`--account=${requested.account}`]),
    ...(requested.qos === null ? [] : [`--qos=${requested.qos}`]),
    requested.requeues > 0 ? '--requeue' : '--no-requeue',
    ...(job.after.length === 0
      ? []
      : [
          `--dependency=${job.after.map(({ id, on }) => `${on === 'success' ? 'afterok' : 'afterany'}:${id}`).join(',')}`,
          // Else it would wait for ever for a parent that has failed (slurm.conf(5), kill_invalid_depend).
          '--kill-on-invalid-dep=yes',
        ]),
    // By name, so that values may hold anything; a name that does not exist passes nothing at all.
    `--export=${['AUTOLAB_NOTHING', ...Object.keys(job.environment)].join(',')}`,
  ];
}

/**
 * What a request comes to as Slurm counts it: walltime in whole minutes (sbatch(1), --time), cpus the same for every task, and memory on every node. Rounded
 * up, so that a price made from it is never below what the job gets.
 */
export function countedBySlurm(requested: Requested): Requested {
  const { nodes, cpus, memoryMb, walltimeSeconds } = requested;
  const tasks = requested.tasks ?? nodes;
  return {
    ...requested,
    cpus: Math.ceil(cpus / tasks) * tasks,
    memoryMb: memoryMb === null ? null : Math.ceil(memoryMb / nodes) * nodes,
    walltimeSeconds: walltimeSeconds === null ? null : Math.ceil(walltimeSeconds / 60) * 60,
  };
}

/** Why a job cannot be handed to Slurm at all, whatever the site. */
export function unfitForSlurm(job: Job): string | undefined {
  const texts = [job.name, job.script, job.cwd, job.stdout, job.stderr, job.comment];
  if (texts.some((text) => /[\0\n\r]/.test(text))) return 'a name or path that holds a line break';
  const paths = [job.script, job.cwd, job.stdout, job.stderr];
  const relative = paths.find((path) => !path.startsWith('/'));
  if (relative !== undefined) return `the path ${relative}, which is not absolute`;
  // With a backslash sbatch takes the whole name literally, %a included (sbatch(1), "FILENAME PATTERN").
  const odd = [job.stdout, job.stderr].find((path) => path.includes('\\'));
  if (odd !== undefined) return `the path ${odd}: a backslash cannot stand in an output file’s name`;
  const name = Object.keys(job.environment).find((one) => !NAME.test(one) || OPTION_NAMES.test(one));
  if (name !== undefined) return `the environment variable ${JSON.stringify(name)}, which cannot be passed to a job`;
  if (job.requested.indices?.length === 0) return 'an array without indices';
  const parent = job.after.find(({ id }) => !/^\d+(?:_\d+)?$/.test(id));
  return parent === undefined ? undefined : `the parent ${parent.id}, which is no job of Slurm`;
}

function gpuOptions({ gpus, gpuType, nodes }: Requested): string[] {
  if (gpus === 0) return [];
  const kind = gpuType === null ? '' : `${gpuType}:`;
  return gpus % nodes === 0 ? [`--gres=gpu:${kind}${gpus / nodes}`] : [`--gpus=${kind}${gpus}`];
}

/** `%` begins a pattern in an output file’s name; `{task}` is the array index. */
function pattern(path: string, isArray: boolean): string {
  return path.replaceAll('%', '%%').replaceAll('{task}', isArray ? '%a' : '0');
}

function timeText(seconds: number): string {
  const minutes = Math.ceil(seconds / 60);
  const two = (n: number) => String(n).padStart(2, '0');
  return `${Math.floor(minutes / 1440)}-${two(Math.floor(minutes / 60) % 24)}:${two(minutes % 60)}:00`;
}
