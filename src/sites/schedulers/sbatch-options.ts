import { WORD } from '../../base/ids.ts';
import { nearest } from '../../base/text.ts';
import type { Directive } from './sbatch-lines.ts';
import { directives, refuseLine } from './sbatch-lines.ts';
import type { Requested, ScriptOptions } from './scheduler.ts';
import { parseIndices, parseMemoryMb, parseWalltime } from './units.ts';

export { formatIndices, parseIndices, parseMemoryMb, parseWalltime } from './units.ts';

type Said = { -readonly [K in keyof Requested]?: Requested[K] } & { name?: string; perNode?: number };

/** The closed list: an option and what its value means. A reader answers false for a value it does not take. */
const OPTIONS: Readonly<Record<string, { short?: string; takes: string; read: (value: string, said: Said) => boolean }>> = {
  time: {
    short: 't',
    takes: 'a time limit such as 1:30:00 or 2-12',
    read: (v, s) => set(s, 'walltimeSeconds', parseWalltime(v)),
  },
  'cpus-per-task': { short: 'c', takes: 'a number of cpus', read: (v, s) => set(s, 'cpus', positive(v)) },
  mem: { takes: 'an amount such as 16G', read: (v, s) => set(s, 'memoryMb', parseMemoryMb(v)) },
  gres: { takes: 'gpu[:type][:number], and leave --gpus out', read: readGres },
  gpus: { short: 'G', takes: '[type:]number, and leave --gres out', read: readGpus },
  'job-name': {
    short: 'J',
    takes: 'a name',
    read: (v, s) => set(s, 'name', v !== '' && !/[^\x20-\x7e]/.test(v) ? v : undefined),
  },
  partition: { short: 'p', takes: 'one partition', read: (v, s) => set(s, 'partition', word(v)) },
  account: { short: 'A', takes: 'an account', read: (v, s) => set(s, 'account', word(v)) },
  qos: { short: 'q', takes: 'a quality of service', read: (v, s) => set(s, 'qos', word(v)) },
  array: { short: 'a', takes: 'indices such as 0-31%4', read: readArray },
  nodes: { short: 'N', takes: 'a number of nodes or a range', read: readNodes },
  ntasks: { short: 'n', takes: '1', read: (v) => v === '1' },
};
const KNOWN = Object.keys(OPTIONS);

/** What to do instead, for options people really write. */
const REMEDIES: Readonly<Record<string, string>> = {
  output: 'take the line out: output goes to the run’s logs folder, where `logs` finds it',
  error: 'take the line out: output goes to the run’s logs folder, where `logs` finds it',
  chdir: 'take the line out: the job starts in the iteration folder',
  'mem-per-cpu': 'say --mem for the whole job',
  'mem-per-gpu': 'say --mem for the whole job',
  'gpus-per-node': 'say --gres=gpu:N (per node) or --gpus=N (in all)',
  'gpus-per-task': 'say --gpus=N (in all)',
  'ntasks-per-node': 'say --ntasks=1 and --cpus-per-task',
  dependency: 'say `after` in launch/launch.yaml',
  export: 'say `environment` in launch/launch.yaml',
  requeue: 'take the line out: the policy grants requeues',
  'no-requeue': 'take the line out: jobs are not requeued unless the policy grants it',
};
const SHORT: Readonly<Record<string, string>> = { o: 'output', e: 'error', D: 'chdir', d: 'dependency' };

/**
 * What the `#SBATCH` lines of a script ask for, by sbatch's own grammar and a closed list; a repeated option counts with its last
 * value, as for sbatch. cpus, gpus and memory are totals over the nodes asked for. Throws `script_directive` with line and option for all
 * that is not in the list, and for `#PBS` (which sbatch obeys) and `#$` lines.
 */
export function sbatchOptions(script: string): ScriptOptions {
  const said: Said = {};
  for (const directive of directives(script)) apply(directive, said);
  const { name = null, perNode, ...requested } = said;
  const nodes = requested.nodes ?? 1;
  if (perNode !== undefined) requested.gpus = perNode * nodes;
  if (requested.cpus !== undefined) requested.cpus *= nodes;
  if (requested.memoryMb) requested.memoryMb *= nodes;
  return { requested, name };
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
  if (value === undefined) throw refuseLine(line, shown, 'it has no value', `give it ${known.takes}`);
  if (!known.read(value, said))
    throw refuseLine(line, `${shown} ${JSON.stringify(value)}`, 'the value cannot be priced', `give it ${known.takes}`);
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

/** Per node. One kind of gpu; other generic resources are not priced. */
function readGres(value: string, said: Said): boolean {
  const match = /^gpu(?::([A-Za-z_][\w.-]*))?(?::(\d{1,5}))?$/.exec(value);
  if (!match || said.gpus !== undefined) return false;
  said.gpuType = match[1] ?? null;
  said.perNode = Number(match[2] ?? 1);
  return true;
}

/** In all, over the nodes. */
function readGpus(value: string, said: Said): boolean {
  const match = /^(?:([A-Za-z_][\w.-]*):)?(\d{1,5})$/.exec(value);
  if (!match || said.perNode !== undefined) return false;
  said.gpuType = match[1] ?? null;
  said.gpus = Number(match[2]);
  return true;
}
