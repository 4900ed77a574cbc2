import { VARIABLE } from '../shell-text.ts';
import { namedWith, numbered } from './gridengine-indices.ts';
import { KNOWN_GPUS, KNOWN_MEMORY, softLimit } from './gridengine-resources.ts';
import { starter } from './gridengine-starter.ts';
import type { Job, Requested } from './scheduler.ts';

/** Names of variables that qsub, the shells before the script, or Grid Engine itself read as their own (qsub(1), ENVIRONMENTAL VARIABLES). */
const OWN_NAMES = /^(?:SGE_|JOB_ID$|TASK_ID$|al_|IFS$|ENV$|BASH_ENV$|SHELLOPTS$|BASHOPTS$|NSLOTS$|TMPDIR$)/;

/**
 * All that is asked of qsub, as options: they win over its files of defaults, but do not take back what those add (sge_request(5)), which is why the
 * job is read back. `-C ''` and the starter on stdin: no `#$` line of anybody's is obeyed.
 */
export function qsubOptionsOf(job: Job): string[] {
  const { requested } = job;
  const { indices } = requested;
  return [
    '-terse',
    ...['-C', ''],
    ...['-N', namedWith(job.name, indices)],
    ...['-A', accountText(job.comment)],
    ...['-S', '/bin/sh'],
    ...['-wd', job.cwd],
    ...['-o', '/dev/null', '-e', '/dev/null', '-j', 'n'],
    ...['-b', 'n', '-m', 'n', '-now', 'n', '-notify'],
    ...resourceOptions(requested),
    ...(indices === null ? [] : ['-t', numbered(indices).range]),
    ...(indices === null || requested.parallel === null ? [] : ['-tc', String(requested.parallel)]),
    ...(job.after.length === 0 ? [] : ['-hold_jid', [...new Set(job.after.map(({ id }) => id))].join(',')]),
    ...(job.after.length === 0 || job.held ? ['-h'] : []),
  ];
}

/** The part of the options that a test without the script needs as well. */
export function resourceOptions(requested: Requested): string[] {
  const { cpus, memoryMb, walltimeSeconds, gpus, names = {} } = requested;
  const soft = softLimit(requested);
  const hard = [
    ...(walltimeSeconds === null ? [] : [`h_rt=${walltimeSeconds}`]),
    ...(soft === null ? [] : [`s_rt=${soft}`]),
    ...(memoryMb === null ? [] : [`${names.memory}=${Math.ceil(memoryMb / cpus)}M`]),
    ...(gpus === 0 ? [] : [`${names.gpus}=${gpus}`]),
    ...(requested.exclude?.length ? [`h=!(${requested.exclude.join('|')})`] : []),
  ];
  return [
    ...['-r', requested.requeues > 0 ? 'y' : 'n'],
    ...(cpus > 1 ? ['-pe', names.pe ?? '', String(cpus)] : []),
    ...(hard.length === 0 ? [] : ['-l', hard.join(',')]),
    ...(requested.partition === null ? [] : ['-q', requested.partition]),
    ...(requested.account === null ? [] : ['-P', requested.account]),
  ];
}

/** What the submission's script is told before qsub's own options. */
export function submissionWords(job: Job): string[] {
  return [job.name, job.script, starter(job), Object.keys(job.environment).join(' '), ...qsubOptionsOf(job)];
}

/** Memory is asked for per slot: rounded up, so that a price made from it is never below what the job gets. */
export function countedByGridEngine(requested: Requested): Requested {
  const { cpus, memoryMb } = requested;
  return { ...requested, memoryMb: memoryMb === null ? null : Math.ceil(memoryMb / cpus) * cpus };
}

/** Why a job cannot be handed to Grid Engine at all, whatever the site, and what to do. */
export function unfitForGridEngine(job: Job): { has: string; next: string } | undefined {
  const { requested } = job;
  const mend = 'mend it in launch/launch.yaml or rename the folder, and submit again';
  const texts = [job.name, job.script, job.cwd, job.stdout, job.stderr, job.comment];
  if (texts.some((text) => /[\0\n\r]/.test(text))) return { has: 'a name or path that holds a line break', next: mend };
  const relative = [job.script, job.cwd, job.stdout, job.stderr].find((path) => !path.startsWith('/'));
  if (relative !== undefined) return { has: `the path ${relative}, which is not absolute`, next: mend };
  const name = namedWith(job.name, requested.indices);
  // A name that it does not take is refused with words that mean anything (`Error reading answer list from qmaster`, 8.1.9).
  if (!/^[A-Za-z_][\w.,-]*$/.test(name)) return { has: `the name ${name}, which Grid Engine does not take`, next: mend };
  if (name.length > 500)
    return {
      has: `${requested.indices?.length} array indices that are in too many pieces to be told in its name`,
      next: 'ask for fewer at once, or for a range of them',
    };
  const variable = Object.keys(job.environment).find((one) => !VARIABLE.test(one) || OWN_NAMES.test(one));
  if (variable !== undefined)
    return { has: `the environment variable ${JSON.stringify(variable)}, which cannot be passed to a job`, next: mend };
  if (requested.indices?.length === 0) return { has: 'an array without indices', next: mend };
  const parent = job.after.find(({ id }) => !/^\d+$/.test(id));
  if (parent) return { has: `the parent ${parent.id}, which is no job of Grid Engine`, next: mend };
  return unfitResources(requested);
}

function unfitResources(requested: Requested): { has: string; next: string } | undefined {
  const { cpus, nodes, names = {} } = requested;
  if (nodes !== 1)
    return {
      has: `${nodes} nodes`,
      next: 'ask for slots in a parallel environment whose rule spreads them (resources.cpus and names.pe)',
    };
  if (cpus > 1 && names.pe === undefined)
    return {
      has: `${cpus} cpus and no parallel environment`,
      next: 'name the site’s one in launch/launch.yaml (resources: { names: { pe: omp } }), or as `#$ -pe omp 4` in the script; `qconf -spl` lists them',
    };
  if (requested.memoryMb !== null && !KNOWN_MEMORY.some((name) => name === names.memory))
    return {
      has: `${requested.memoryMb} MiB of memory${names.memory === undefined ? '' : ` as ${names.memory}`}, and no name for that which is known here`,
      next: `name the site’s one in launch/launch.yaml (resources: { names: { memory: mem_free } }), or as \`#$ -l mem_free=1G\` in the script; known are ${KNOWN_MEMORY.join(', ')}, and \`qconf -sc\` lists the site’s`,
    };
  if (requested.gpus > 0 && !KNOWN_GPUS.some((name) => name === names.gpus))
    return {
      has: `${requested.gpus} gpus${names.gpus === undefined ? '' : ` as ${names.gpus}`}, and no name for that which is known here`,
      next: `name the site’s one in launch/launch.yaml (resources: { names: { gpus: gpus } }), or as \`#$ -l gpus=1\` in the script; known are ${KNOWN_GPUS.join(', ')}`,
    };
  if (requested.gpuType !== null)
    return {
      has: `the GPU type ${requested.gpuType}`,
      next: 'leave the type out: sites name it differently, and its name is not known here',
    };
  if (requested.wholeNodes) return { has: 'a whole node for itself', next: 'ask for as many cpus as the host has' };
  if (requested.qos !== null)
    return { has: `the QOS ${requested.qos}`, next: 'take it out: Grid Engine has queues and projects' };
  if (requested.memoryMb === 0) return { has: 'memory 0, the whole node’s', next: 'name an amount' };
  if (cpus === 1 && names.pe !== undefined && requested.tasks !== undefined && requested.tasks > 1)
    return { has: `${requested.tasks} tasks and one cpu`, next: 'ask for as many cpus as tasks' };
  return undefined;
}

/** Free text of the accounting record (qsub(1), -A): it takes no blanks, colons or slashes (8.1.9), and we use no commas. */
export function accountText(comment: string): string {
  return comment.replaceAll(' ', ',').replace(/[^\w.,=+-]/g, '_') || 'autolab-mcp';
}

export function commentOf(account: string | undefined): string | null {
  return account === undefined || account === '' || account === 'sge' ? null : account.replaceAll(',', ' ');
}
