import { formatIndices } from '../../base/indices.ts';
import { shellWord } from '../shell-text.ts';
import type { Ask, Output } from '../transports/transport.ts';
import {
  readFindings,
  readHistory,
  readId,
  readJobs,
  readLook,
  readNothing,
  readQueue,
  readRequested,
  readVersion,
} from './local-answers.ts';
import { RUNNER } from './local-runner.ts';
import { sbatchOptions } from './sbatch-options.ts';
import type { Job, Scheduler } from './scheduler.ts';

/** Environment names the runner passes on: variables, and bash's exported functions such as `BASH_FUNC_module%%`. */
const NAME = /^[A-Za-z_][A-Za-z0-9_]*(?:%%|\(\))?$/;

/**
 * The embedded runner: a whole batch system of files and detached `sh` supervisors under `root`, an absolute folder on one machine.
 * Needs nothing but a POSIX shell, coreutils, grep, sed and util-linux there. Not enforced: memory, cpus and gpus a task really takes;
 * an array never runs more tasks at once than the machine has cpus for. A job whose parent failed ends as `dependency`; one whose
 * parent is unknown waits, blocked. A task whose processes vanished leaves the poll, as from a real scheduler; a look-up by name
 * shows it as a node failure.
 */
export function localScheduler(options: { root: string }): Scheduler {
  const { root } = options;
  if (!root.startsWith('/')) throw new Error(`local runner with the relative root ${root}`);
  const command = <T>(words: readonly string[], read: Ask<T>['read']): Ask<T> => {
    const [verb = '', ...rest] = words;
    return { command: { argv: ['sh', '-s', '--', verb, root, ...rest], stdin: RUNNER }, read };
  };
  return {
    name: 'local',
    options: sbatchOptions,
    counted: (requested) => requested,
    submitHeld: (job) => {
      const fault = unfit(job);
      if (fault !== undefined) return command(['refuse', fault], readId);
      const asked = command(['submit', job.script, specText(job), afterText(job)], readId);
      return { ...asked, command: { ...asked.command, env: { AUTOLAB_ENVIRONMENT: environmentText(job) } } };
    },
    readBack: (id) => command(['spec', id], readRequested),
    release: (id) => command(['release', id], readNothing),
    hold: (tasks) => command(['hold', ...tasks.map(({ id }) => id)], saying(readNothing)),
    unhold: (tasks) => command(['unhold', ...tasks.map(({ id }) => id)], saying(readNothing)),
    find: (names, user) => command(['find_name', ...names], readJobs(user)),
    poll: (query) => command(['poll', ...query.jobs.map((job) => job.id)], readLook),
    queue: (_user) => command(['queue'], readQueue),
    history: (user) => command(['history'], readHistory(user)),
    cancel: (jobs) => command(['cancel', ...jobs.flatMap((job) => [job.id, job.name])], readNothing),
    test: (job) => {
      const { cpus, gpus, memoryMb } = job.requested;
      const folder = job.stdout.slice(0, Math.max(1, job.stdout.lastIndexOf('/')));
      return command(
        ['try', job.script, job.cwd, folder, String(cpus), String(gpus), String(memoryMb ?? 0)],
        readFindings(unfit(job)),
      );
    },
    version: () => command(['version'], readVersion),
  };
}

/** It does what it is told, or says that it cannot. */
function saying(read: (output: Output) => void): (output: Output) => string {
  return (output) => {
    read(output);
    return '';
  };
}

/** Why a job cannot be written down or run here at all, whatever the machine. */
function unfit(job: Job): string | undefined {
  const { requested, environment } = job;
  const lines = [job.name, job.script, job.cwd, job.stdout, job.stderr, job.comment];
  if (lines.some((text) => /[\0\n\r]/.test(text))) return 'a name or path holds a line break';
  const paths = [job.script, job.cwd, job.stdout, job.stderr].filter((path) => !path.startsWith('/'));
  if (paths.length > 0) return `the path ${paths[0]} is not absolute`;
  const name = Object.keys(environment).find((one) => !NAME.test(one));
  if (name !== undefined) return `${JSON.stringify(name)} is no name for an environment variable`;
  if (requested.nodes !== 1) return `${requested.nodes} nodes, and this runner has one`;
  if (requested.wholeNodes) return 'a whole node for itself, which this runner cannot give';
  if (requested.indices?.length === 0) return 'an array without indices';
  if (requested.indices?.some((index) => !Number.isSafeInteger(index) || index < 0))
    return 'an array index that is no whole number';
  if (job.after.some((parent) => !/^\d+$/.test(parent.id)))
    return `job ${job.after.map((parent) => parent.id).join(', ')} is no job of this runner`;
  return undefined;
}

function specText(job: Job): string {
  const { name, script, cwd, stdout, stderr, comment, requested } = job;
  const fields = {
    name,
    script,
    cwd,
    stdout,
    stderr,
    comment,
    ...requested,
    indices: requested.indices && formatIndices(requested.indices),
  };
  return Object.entries(fields)
    .map(([key, value]) => `${key}=${value ?? ''}\n`)
    .join('');
}

function afterText(job: Job): string {
  return job.after.map((parent) => `${parent.on}:${parent.id}`).join(' ');
}

function environmentText(job: Job): string {
  return `set -- "$@" ${Object.entries(job.environment)
    .map(([name, value]) => shellWord(`${name}=${value}`))
    .join(' ')}`;
}
