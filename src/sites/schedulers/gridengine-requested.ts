import { Failure } from '../../base/errors.ts';
import { quote } from '../../base/text.ts';
import { readName, readTasks } from './gridengine-indices.ts';
import { amountOf, KNOWN_GPUS, KNOWN_MEMORY, mebibytes, secondsOf } from './gridengine-resources.ts';
import type { Requested } from './scheduler.ts';

/** Hard requests that are read into the request; everything else is what somebody added. */
const READ: ReadonlySet<string> = new Set(['h_rt', 's_rt', 'hostname', 'h', ...KNOWN_MEMORY, ...KNOWN_GPUS]);

/** The record of a job: `key:   value` lines of `qstat -j`. */
export function recordOf(text: string): Map<string, string> {
  const lines = text.split('\n').flatMap((line): [string, string][] => {
    const [, key, value = ''] = /^([a-z][a-z _()-]{0,60}):(.*)$/.exec(line.slice(0, 100_000)) ?? [];
    return key === undefined ? [] : [[key, value.trim()]];
  });
  // The first of a name counts: what is further down may be of a script or an environment.
  return new Map(lines.reverse());
}

/**
 * What Grid Engine says a job will get, from `qstat -j` (8.1.9): slots as cpus, the upper end of a range, memory over all slots. What somebody's
 * .sge_request added and no figure here can hold stands in `extras`. Throws where a figure cannot be read: never a default.
 */
export function requestedOf(text: string): Requested {
  const fields = recordOf(text);
  const hard = pairs(fields.get('hard resource_list') ?? '');
  const [pe, slots] = slotsOf(fields, text);
  const [memoryName, memory] =
    KNOWN_MEMORY.map((name) => [name, hard.get(name)] as const).find(([, amount]) => amount !== undefined) ?? [];
  const [gpuName, gpus] =
    KNOWN_GPUS.map((name) => [name, hard.get(name)] as const).find(([, amount]) => amount !== undefined) ?? [];
  const limit = hard.get('h_rt');
  const extras = extrasOf(fields, hard);
  const restart = fields.get('restart');
  return {
    cpus: slots,
    gpus: gpus === undefined ? 0 : (amountOf(gpus) ?? fail(`${gpuName} is ${gpus}`, text)),
    gpuType: null,
    nodes: 1,
    memoryMb: memory === undefined ? null : (mebibytes(memory) ?? fail(`${memoryName} is ${memory}`, text)) * slots,
    walltimeSeconds: limit === undefined ? null : (secondsOf(limit) ?? fail(`h_rt is ${limit}`, text)),
    indices: indicesOf(fields, text),
    parallel: numberOf(fields.get('maximum concurrency')),
    partition: named(fields.get('hard_queue_list')),
    account: named(fields.get('project')),
    qos: null,
    // Unsaid it is the queue's to decide (qsub(1), -r).
    requeues: restart === 'n' ? 0 : 1,
    ...(pe !== undefined || memoryName !== undefined || gpuName !== undefined
      ? { names: { ...(pe ? { pe } : {}), ...(memoryName ? { memory: memoryName } : {}), ...(gpuName ? { gpus: gpuName } : {}) } }
      : {}),
    ...(extras.length > 0 ? { extras } : {}),
  };
}

function slotsOf(fields: ReadonlyMap<string, string>, text: string): [string | undefined, number] {
  const said = fields.get('parallel environment');
  if (said === undefined) return [undefined, 1];
  const [, pe, least, most] = /^(\S+) range: (\d+)(?:-(\d+))?(?::\d+)?$/.exec(said) ?? [];
  if (pe === undefined) return fail(`the parallel environment is ${said}`, text);
  return [pe, Number(most ?? least)];
}

function indicesOf(fields: ReadonlyMap<string, string>, text: string): number[] | null {
  const said = fields.get('job-array tasks');
  if (said === undefined) return null;
  const tasks = readTasks(said) ?? fail(`the array is ${said}`, text);
  const { indexOf } = readName(fields.get('job_name') ?? '');
  return tasks.map(indexOf);
}

/** What a file of defaults or somebody else has added that costs, or changes what runs. */
function extrasOf(fields: ReadonlyMap<string, string>, hard: ReadonlyMap<string, string>): string[] {
  const found = [...hard].filter(([name]) => !READ.has(name)).map(([name, amount]) => `${name}=${amount}`);
  const memory = KNOWN_MEMORY.filter((name) => hard.has(name));
  const more = memory.slice(1).map((name) => `${name}=${hard.get(name)}`);
  const variables = (fields.get('env_list') ?? '')
    .split(/,(?=[A-Za-z_][\w%()]*=)/)
    .map((one) => one.split('=')[0] ?? '')
    .filter((name) => name !== '' && name !== 'NONE' && name !== 'TERM');
  const others = ['reserve', 'checkpoint_object', 'ar_id', 'script_args', 'script_arguments'].filter((key) => fields.has(key));
  return [
    ...found,
    ...more,
    ...variables.map((name) => `the variable ${name}`),
    ...others.map((key) => `${key} ${fields.get(key)}`),
  ];
}

function pairs(text: string): Map<string, string> {
  const all = text.split(',').filter((one) => one !== '');
  return new Map(all.map((one) => [one.replace(/=.*$/, ''), one.includes('=') ? one.slice(one.indexOf('=') + 1) : 'TRUE']));
}

function named(value: string | undefined): string | null {
  return value === undefined || value === '' || value === 'NONE' ? null : value;
}

function numberOf(value: string | undefined): number | null {
  return value !== undefined && /^[1-9]\d{0,8}$/.test(value) ? Number(value) : null;
}

function fail(why: string, text: string): never {
  throw new Failure('scheduler_answer', {
    what: 'Grid Engine’s record of the held job cannot be read',
    why,
    next: 'call again; the job stays held meanwhile',
    quoted: quote(text),
  });
}
