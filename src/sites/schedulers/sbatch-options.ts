import { WORD, WORDS } from '../../base/ids.ts';
import { parseIndices } from '../../base/indices.ts';
import { nearest } from '../../base/text.ts';
import type { Directive } from './sbatch-lines.ts';
import { directives, FLAGS, refuseLine } from './sbatch-lines.ts';
import type { Shares } from './sbatch-shares.ts';
import { totals } from './sbatch-shares.ts';
import type { Requested, ScriptOptions } from './scheduler.ts';
import { parseMemoryMb, parseWalltime } from './units.ts';

export { parseMemoryMb, parseWalltime } from './units.ts';

type Said = { -readonly [K in keyof Requested]?: Requested[K] } & { name?: string; shares: Shares };

/** The closed list: an option and what its value means. A reader answers false for a value it does not take. */
const OPTIONS: Readonly<
  Record<string, { short?: string; takes: string; read: (value: string, said: Said) => boolean; flag?: true }>
> = {
  time: {
    short: 't',
    takes: 'a time limit such as 1:30:00 or 2-12',
    read: (v, s) => set(s, 'walltimeSeconds', parseWalltime(v)),
  },
  nodes: { short: 'N', takes: 'a number of nodes or a range', read: readNodes },
  ntasks: { short: 'n', takes: 'a number of tasks', read: (v, s) => share(s, 'tasks', positive(v)) },
  'ntasks-per-node': { takes: 'a number of tasks', read: (v, s) => share(s, 'tasksPerNode', positive(v)) },
  'cpus-per-task': { short: 'c', takes: 'a number of cpus', read: (v, s) => share(s, 'cpusPerTask', positive(v)) },
  'cpus-per-gpu': { takes: 'a number of cpus', read: (v, s) => share(s, 'cpusPerGpu', positive(v)) },
  mem: { takes: 'an amount such as 16G, said once', read: (v, s) => memory(s, 'node', v) },
  'mem-per-cpu': { takes: 'an amount such as 2G, and leave --mem out', read: (v, s) => memory(s, 'cpu', v) },
  'mem-per-gpu': { takes: 'an amount such as 32G, and leave --mem out', read: (v, s) => memory(s, 'gpu', v) },
  gres: { takes: 'gpu[:type][:number], and no other option of gpus', read: (v, s) => gpus(s, 'node', GRES.exec(v)) },
  gpus: { short: 'G', takes: '[type:]number, and no other option of gpus', read: (v, s) => gpus(s, 'job', GPUS.exec(v)) },
  'gpus-per-node': { takes: '[type:]number, and no other option of gpus', read: (v, s) => gpus(s, 'node', GPUS.exec(v)) },
  'gpus-per-task': { takes: '[type:]number, and no other option of gpus', read: (v, s) => gpus(s, 'task', GPUS.exec(v)) },
  'job-name': {
    short: 'J',
    takes: 'a name',
    read: (v, s) => set(s, 'name', v !== '' && !/[^\x20-\x7e]/.test(v) ? v : undefined),
  },
  partition: {
    short: 'p',
    takes: 'a partition, or several with commas between them',
    read: (v, s) => set(s, 'partition', WORDS.test(v) ? v : undefined),
  },
  account: { short: 'A', takes: 'an account', read: (v, s) => set(s, 'account', word(v)) },
  qos: { short: 'q', takes: 'a quality of service', read: (v, s) => set(s, 'qos', word(v)) },
  array: { short: 'a', takes: 'indices such as 0-31%4', read: readArray },
  exclusive: {
    takes: 'no value: with =user or =mcs nobody else gets the rest of its nodes, and accounting counts only what was asked',
    read: (v, s) => v === '' && set(s, 'wholeNodes', true),
  },
  requeue: { takes: 'no value', read: (v, s) => v === '' && set(s, 'requeues', 1) },
  'no-requeue': { takes: 'no value', read: (v, s) => v === '' && set(s, 'requeues', 0) },
};
const KNOWN = Object.keys(OPTIONS);

/** What to do instead, for options people really write. */
const REMEDIES: Readonly<Record<string, string>> = {
  output: 'take the line out: output goes to the run’s logs folder, where `logs` finds it',
  error: 'take the line out: output goes to the run’s logs folder, where `logs` finds it',
  chdir: 'take the line out: the job starts in the iteration folder',
  'gpus-per-socket': 'say --gres=gpu:N (per node) or --gpus=N (in all)',
  dependency: 'say `after` in launch/launch.yaml',
  export: 'say `environment` in launch/launch.yaml',
};
const SHORT: Readonly<Record<string, string>> = { o: 'output', e: 'error', D: 'chdir', d: 'dependency' };

/**
 * What the `#SBATCH` lines of a script ask for, by sbatch's own grammar and a closed list; a repeated option counts with its last
 * value, as for sbatch. cpus, gpus and memory are totals over the nodes asked for. Throws `script_directive` with line and option for all
 * that is not in the list, and for `#PBS` (which sbatch obeys) and `#$` lines.
 */
export function sbatchOptions(script: string): ScriptOptions {
  const said: Said = { shares: {} };
  for (const directive of directives(script)) apply(directive, said);
  const { name = null, shares, ...requested } = said;
  return { requested: { ...requested, ...totals(shares, requested.nodes ?? 1) }, name };
}

function longName(letter: string): string | undefined {
  return KNOWN.find((name) => OPTIONS[name]?.short === letter) ?? SHORT[letter];
}

function apply(directive: Directive, said: Said): void {
  const { line, option, shown, value } = directive;
  const name = option.length === 1 ? (longName(option) ?? option) : option;
  const known = Object.hasOwn(OPTIONS, name) ? OPTIONS[name] : undefined;
  if (!known) {
    const near = nearest(name, KNOWN);
    const next =
      (Object.hasOwn(REMEDIES, name) ? REMEDIES[name] : undefined) ??
      (near && near !== name ? `did you mean --${near}?` : 'take the line out, or say it in launch/launch.yaml');
    throw refuseLine(line, shown, `options that are priced: ${KNOWN.map((one) => `--${one}`).join(', ')}`, next);
  }
  const text = FLAGS.has(name) ? (value ?? '') : value;
  if (text === undefined) throw refuseLine(line, shown, 'it has no value', `give it ${known.takes}`);
  if (!known.read(text, said))
    throw refuseLine(line, `${shown} ${JSON.stringify(text)}`, 'the value cannot be priced', `give it ${known.takes}`);
}

function set<K extends keyof Said>(said: Said, key: K, value: Said[K] | undefined): boolean {
  if (value === undefined) return false;
  said[key] = value;
  return true;
}

function word(text: string): string | undefined {
  return WORD.test(text) ? text : undefined;
}

function positive(text: string): number | undefined {
  return /^[1-9]\d{0,6}$/.test(text) ? Number(text) : undefined;
}

/** `N` or `MIN-MAX`: the upper end is what may be used. */
function readNodes(value: string, said: Said): boolean {
  const match = /^(?:(\d+)-)?(\d+)$/.exec(value);
  const most = positive(match?.[2] ?? '');
  if (most === undefined || (match?.[1] !== undefined && (positive(match[1]) ?? most + 1) > most)) return false;
  return set(said, 'nodes', most);
}

function readArray(value: string, said: Said): boolean {
  const array = parseIndices(value);
  return array !== undefined && set(said, 'indices', array.indices) && set(said, 'parallel', array.parallel);
}

function share<K extends 'tasks' | 'tasksPerNode' | 'cpusPerTask' | 'cpusPerGpu'>(
  { shares }: Said,
  key: K,
  value: number | undefined,
): boolean {
  if (value === undefined) return false;
  shares[key] = value;
  return true;
}

/** One way of saying the memory: of --mem, --mem-per-cpu and --mem-per-gpu sbatch takes one. */
function memory({ shares }: Said, per: NonNullable<Shares['memory']>['per'], value: string): boolean {
  const mb = parseMemoryMb(value);
  if (mb === undefined || (shares.memory && shares.memory.per !== per) || (mb === 0 && per !== 'node')) return false;
  shares.memory = { per, mb };
  return true;
}

/** One kind of gpu; other generic resources are not priced. */
const GRES = /^gpu(?::([A-Za-z_][\w.-]*))?(?::(\d{1,5}))?$/;
const GPUS = /^(?:([A-Za-z_][\w.-]*):)?(\d{1,5})$/;

function gpus(said: Said, per: NonNullable<Shares['gpus']>['per'], match: RegExpExecArray | null): boolean {
  const { shares } = said;
  if (!match || (shares.gpus && shares.gpus.per !== per)) return false;
  shares.gpus = { per, count: Number(match[2] ?? 1) };
  said.gpuType = match[1] ?? null;
  return true;
}
