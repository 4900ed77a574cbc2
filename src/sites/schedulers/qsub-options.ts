import { WORD, WORDS } from '../../base/ids.ts';
import { nearest } from '../../base/text.ts';
import { amountOf, KNOWN_GPUS, KNOWN_MEMORY, mebibytes, secondsOf } from './gridengine-resources.ts';
import type { QsubLine } from './qsub-lines.ts';
import { qsubLines, refuseLine } from './qsub-lines.ts';
import { sbatchOptions } from './sbatch-options.ts';
import type { Requested, ScriptOptions } from './scheduler.ts';

type Said = { -readonly [K in keyof Requested]?: Requested[K] } & { name?: string; perSlotMb?: number };

/** The closed list: an option, how many words it takes, and what they mean. A reader answers false for what it does not take. */
const OPTIONS: Readonly<
  Record<string, { words: number; takes: string; read: (words: readonly string[], said: Said, script: string) => boolean }>
> = {
  N: {
    words: 1,
    takes: 'a name',
    read: ([v = ''], s) => set(s, 'name', /^[^\s:/@\\*?]+$/.test(v) && !/^\d/.test(v) ? v : undefined),
  },
  l: {
    words: 1,
    takes: `h_rt=TIME, memory (${KNOWN_MEMORY.join(', ')}) per slot, or a number of gpus (${KNOWN_GPUS.join(', ')})`,
    read: ([v = ''], s) => v.split(',').every((one) => readResource(one, s)),
  },
  pe: { words: 2, takes: 'a parallel environment and a number of slots or a range', read: readSlots },
  P: { words: 1, takes: 'a project', read: ([v = ''], s) => set(s, 'account', WORD.test(v) ? v : undefined) },
  q: {
    words: 1,
    takes: 'a queue, or several with commas between them',
    read: ([v = ''], s) => set(s, 'partition', WORDS.test(v) ? v : undefined),
  },
  t: {
    words: 1,
    takes: 'one range from 1 on, such as 1-32 or 1-31:2: Grid Engine reads a list as something else',
    read: readTasks,
  },
  tc: { words: 1, takes: 'a number of tasks', read: ([v = ''], s) => set(s, 'parallel', positive(v)) },
  r: {
    words: 1,
    takes: 'y or n',
    read: ([v = ''], s) => /^(?:y|n|yes|no)$/.test(v) && set(s, 'requeues', v.startsWith('y') ? 1 : 0),
  },
  S: {
    words: 1,
    takes: 'the program of the script’s first line, which is what starts it',
    read: ([v = ''], _s, script) => v === shebang(script),
  },
  // Without effect here: a job starts in the iteration’s folder, and its output goes to the run’s logs.
  cwd: { words: 0, takes: 'nothing', read: () => true },
  j: { words: 1, takes: 'y or n', read: ([v = '']) => /^(?:y|n|yes|no)$/.test(v) },
};
const KNOWN = Object.keys(OPTIONS);

/** What to do instead, for options people really write. */
const REMEDIES: Readonly<Record<string, string>> = {
  o: 'take the line out: output goes to the run’s logs folder, where `logs` finds it',
  e: 'take the line out: output goes to the run’s logs folder, where `logs` finds it',
  wd: 'take the line out: the job starts in the iteration folder',
  hold_jid: 'say `after` in launch/launch.yaml',
  hold_jid_ad: 'say `after` in launch/launch.yaml',
  v: 'say `environment` in launch/launch.yaml',
  V: 'say `environment` in launch/launch.yaml: all of a shell’s variables would be shown to everybody by qstat -j',
  m: 'take the line out: `monitor` tells how it ended',
  M: 'take the line out: `monitor` tells how it ended',
  now: 'take the line out: a job that may not wait cannot be read back before it starts',
  sync: 'take the line out: `monitor` tells how it ended',
  ac: 'take the line out: the job carries the run’s id already',
};

/**
 * What the `#$` lines of a script ask for, by qsub's own grammar and a closed list; a repeated option counts with its last value, and resources of `-l`
 * with the last of each name, as for qsub. Memory is a total over the slots. A script without such lines may have `#SBATCH` ones, which are read the
 * same way as for every other site. Throws `script_directive` with line and option for all that is not in the list.
 */
export function qsubOptions(script: string): ScriptOptions {
  const lines = qsubLines(script, (option) => OPTIONS[option]?.words);
  if (lines.length === 0) return sbatchOptions(script);
  const said: Said = {};
  for (const line of lines) apply(line, said, script);
  const { name = null, perSlotMb, ...requested } = said;
  return {
    requested: { ...requested, ...(perSlotMb === undefined ? {} : { memoryMb: perSlotMb * (requested.cpus ?? 1) }) },
    name,
  };
}

function apply({ line, option, values }: QsubLine, said: Said, script: string): void {
  const known = Object.hasOwn(OPTIONS, option) ? OPTIONS[option] : undefined;
  if (!known) {
    const near = nearest(option, KNOWN);
    const next =
      (Object.hasOwn(REMEDIES, option) ? REMEDIES[option] : undefined) ??
      (near && near !== option ? `did you mean -${near}?` : 'take the line out, or say it in launch/launch.yaml');
    throw refuseLine(line, `-${option}`, `options that are read: ${KNOWN.map((one) => `-${one}`).join(', ')}`, next);
  }
  if (values.length < known.words) throw refuseLine(line, `-${option}`, 'it has no value', `give it ${known.takes}`);
  if (!known.read(values, said, script))
    throw refuseLine(
      line,
      `-${option} ${JSON.stringify(values.join(' '))}`,
      'the value cannot be priced',
      `give it ${known.takes}`,
    );
}

function set<K extends keyof Said>(said: Said, key: K, value: Said[K] | undefined): boolean {
  if (value === undefined) return false;
  said[key] = value;
  return true;
}

function positive(text: string): number | undefined {
  return /^[1-9]\d{0,6}$/.test(text) ? Number(text) : undefined;
}

function readResource(text: string, said: Said): boolean {
  const [, name = '', value = ''] = /^(\w+)=(.+)$/.exec(text) ?? [];
  if (name === 'h_rt') return set(said, 'walltimeSeconds', secondsOf(value));
  if (KNOWN_MEMORY.some((one) => one === name)) {
    // Two names of memory would be two requests, of which one figure cannot hold both.
    if (said.names?.memory !== undefined && said.names.memory !== name) return false;
    said.names = { ...said.names, memory: name };
    return set(said, 'perSlotMb', mebibytes(value) ?? undefined);
  }
  if (!KNOWN_GPUS.some((one) => one === name) || amountOf(value) === null) return false;
  said.names = { ...said.names, gpus: name };
  return set(said, 'gpus', amountOf(value) ?? undefined);
}

/** Of a range of slots the upper end is what may be used. */
function readSlots([pe = '', slots = '']: readonly string[], said: Said): boolean {
  const [, least, most] = /^(\d+)(?:-(\d+))?$/.exec(slots) ?? [];
  const cpus = positive(most ?? least ?? '');
  if (!WORD.test(pe) || cpus === undefined || (most !== undefined && (positive(least ?? '') ?? cpus + 1) > cpus)) return false;
  said.names = { ...said.names, pe };
  return set(said, 'cpus', cpus);
}

function readTasks([text = '']: readonly string[], said: Said): boolean {
  const [, first, last = first, step = '1'] = /^(\d{1,6})(?:-(\d{1,6})(?::(\d{1,6}))?)?$/.exec(text) ?? [];
  const [least, most, by] = [positive(first ?? ''), positive(last ?? ''), positive(step)];
  if (least === undefined || most === undefined || by === undefined || most < least || most - least >= 100_000) return false;
  return set(
    said,
    'indices',
    Array.from({ length: Math.floor((most - least) / by) + 1 }, (_, at) => least + at * by),
  );
}

function shebang(script: string): string | undefined {
  return /^#!\s*(\S+)/.exec(script)?.[1];
}
