import { quote } from '../../base/text.ts';
import type { GpuView, PartitionView } from './description.ts';

/** Nodes of a partition that are alike in all of this, and how many (sinfo(1)). */
type Alike = {
  nodes: number;
  usable: boolean;
  idleCpus: number | null;
  memoryMb: number | null;
  gpus: Card[];
  used: Card[] | null;
};
export type Card = { type: string | null; number: number };

/** Partitions as `scontrol show partition -o` tells them, with what sinfo's rows tell of their nodes, where there are any. */
export function partitionsOf(text: string, nodes: string | null, separator: string): PartitionView[] {
  const alike = alikeOf(nodes ?? '', separator);
  return text
    .split('\n')
    .map(wordsOf)
    .flatMap((words) => {
      const name = words.get('PartitionName');
      return name === undefined ? [] : [viewOf(name, words, alike.get(name))];
    });
}

/** `Key=value` words of a line; no value of a partition holds a blank (22.05 to 25.x). */
export function wordsOf(line: string): Map<string, string> {
  return new Map(
    line
      .trim()
      .split(/\s+/)
      .map((word): [string, string] => [word.slice(0, word.indexOf('=')), word.slice(word.indexOf('=') + 1)]),
  );
}

function viewOf(name: string, words: ReadonlyMap<string, string>, alike: readonly Alike[] | undefined): PartitionView {
  const most = walltime(words.get('MaxTime'));
  const memory = (alike ?? []).flatMap(({ memoryMb }) => memoryMb ?? []);
  const qos = words.get('QoS');
  return {
    name: quote(name, 100),
    isDefault: words.get('Default') === 'YES',
    state: quote(words.get('State') ?? 'unknown', 40),
    maxWalltime: most,
    // Without one the maximum is taken (slurm.conf(5), DefaultTime).
    defaultWalltime: words.get('DefaultTime') === 'NONE' ? most : walltime(words.get('DefaultTime')),
    nodes: { total: numberOf(words.get('TotalNodes')), usable: alike ? sum(usable(alike).map((one) => one.nodes)) : null },
    cpus: { total: numberOf(words.get('TotalCPUs')), free: alike ? sum(usable(alike).map((one) => one.idleCpus)) : null },
    memoryMb: memory.length === 0 ? null : { least: Math.min(...memory), most: Math.max(...memory) },
    gpus: alike ? gpusOf(alike) : null,
    qos: qos === undefined || qos === 'N/A' || qos === '(null)' ? null : quote(qos, 100),
    rules: rulesOf(words),
  };
}

function rulesOf(words: ReadonlyMap<string, string>): string[] {
  const only = (key: string, what: string) => {
    const names = words.get(key);
    return names === undefined || names === 'ALL' || names === '(null)' ? [] : [`${what} ${quote(names, 300)}`];
  };
  return [
    ...only('AllowAccounts', 'only accounts'),
    ...only('DenyAccounts', 'not accounts'),
    ...only('AllowQos', 'only QOS'),
    ...only('DenyQos', 'not QOS'),
    ...only('AllowGroups', 'only groups'),
    ...only('AllocNodes', 'only from'),
    ...(words.get('RootOnly') === 'YES' ? ['only root'] : []),
    ...(words.get('ReqResv') === 'YES' ? ['only in a reservation'] : []),
    ...(words.get('OverSubscribe') === 'EXCLUSIVE' ? ['whole nodes alone'] : []),
  ];
}

function alikeOf(text: string, separator: string): Map<string, Alike[]> {
  const found = new Map<string, Alike[]>();
  for (const line of text.split('\n')) {
    const [name, state, nodes, cpus, memory, gres, used] = line.split(separator);
    const many = numberOf(nodes);
    if (name === undefined || many === null || used === undefined) continue;
    const [, idle] = /^\d+\/(\d+)\/\d+\/\d+$/.exec(cpus ?? '') ?? [];
    const row = {
      nodes: many,
      usable: isUsable(state ?? ''),
      idleCpus: numberOf(idle),
      memoryMb: numberOf(memory),
      gpus: cardsOf(gres ?? ''),
      used: /^(?:N\/A|)$/.test(used) ? null : cardsOf(used),
    };
    found.set(name, [...(found.get(name) ?? []), row]);
  }
  return found;
}

/** Can take jobs now. Suffixes that do no harm: powered down or up by need, planned for another job (sinfo(1), "NODE STATE CODES"). */
function isUsable(state: string): boolean {
  return /^(?:idle|mixed|allocated|completing|planned)[~#-]*$/.test(state);
}

function usable(alike: readonly Alike[]): Alike[] {
  return alike.filter((one) => one.usable);
}

function gpusOf(alike: readonly Alike[]): GpuView[] {
  const types = new Set(alike.flatMap(({ gpus }) => gpus.map(({ type }) => type)));
  return [...types].map((type) => {
    const free = usable(alike).map(({ nodes, gpus, used }) => {
      const here = ofType(gpus, type);
      if (here === 0) return 0;
      // Cards in use without a type, beside typed ones: which are free is not known.
      if (used === null || (type !== null && ofType(used, null) > 0)) return null;
      return nodes * Math.max(0, here - ofType(used, type));
    });
    return { type, total: alike.reduce((all, { nodes, gpus }) => all + nodes * ofType(gpus, type), 0), free: sum(free) };
  });
}

function ofType(cards: readonly Card[], type: string | null): number {
  return cards.filter((card) => card.type === type).reduce((all, { number }) => all + number, 0);
}

/** `gpu:a100:4(S:0-1),gpu:2(IDX:0,3)`, and the older and newer spellings `gres:gpu:…`, `gres/gpu:…`. */
export function cardsOf(text: string): Card[] {
  return text
    .replace(/\([^()]*\)/g, '')
    .split(',')
    .flatMap((item) => {
      const [, type, number] = /^(?:gres[:/])?gpu(?::([^:]+))??(?::no_consume)?:(\d+)$/.exec(item) ?? [];
      return number === undefined ? [] : [{ type: type === undefined ? null : quote(type, 60), number: Number(number) }];
    });
}

function walltime(text: string | undefined): string | null {
  if (text === 'UNLIMITED') return 'unlimited';
  return text !== undefined && /^[\d:-]+$/.test(text) ? text : null;
}

function numberOf(text: string | undefined): number | null {
  return text !== undefined && /^\d{1,12}$/.test(text) ? Number(text) : null;
}

/** Of nothing 0; of anything not known, not known. */
function sum(numbers: readonly (number | null)[]): number | null {
  return numbers.reduce<number | null>((all, one) => (all === null || one === null ? null : all + one), 0);
}
