import { Failure } from '../../base/errors.ts';
import { parseIndices } from '../../base/indices.ts';
import { quote } from '../../base/text.ts';
import type { Requested } from './scheduler.ts';
import { parseWalltime } from './units.ts';

/** Lines of `scontrol show job` that hold free text: a path or a comment must not be read as fields. */
const TEXT =
  /^\s*(?:Command|WorkDir|StdErr|StdIn|StdOut|Comment|AdminComment|SystemComment|Features|JobName|SubmitLine|BatchFeatures|Switches)=/;

/**
 * What Slurm says a job will get, from `scontrol show job`: totals over its nodes, the upper end of every range, and of TRES
 * (`ReqTRES` since 23.02), the per-node and the per-job figures the highest, since a site need not count GPUs in TRES. An array that has
 * begun is several records: the highest of all. Throws where a figure cannot be read: never a default.
 */
export function requestedOf(text: string): Requested {
  const records = text
    .split(/\n(?=JobId=)/)
    .map(fieldsOf)
    .filter((fields) => fields.has('JobId'));
  const [first, ...more] = records.map(recordOf);
  if (!first) throw unreadable('the record is empty', text);
  return more.reduce(highest, first);
}

function recordOf(fields: ReadonlyMap<string, string>): Requested {
  const need = (key: string) => fields.get(key) ?? fail(`it has no ${key}`, fields);
  const tres = new Map((fields.get('TRES') ?? fields.get('ReqTRES') ?? '').split(',').map((one) => pair(one)));
  const nodes = upper(need('NumNodes'), fields);
  const gpus = gpusOf(fields, tres, nodes);
  const array = fields.get('ArrayTaskId');
  const indices =
    array === undefined || array === 'N/A' ? undefined : (parseIndices(array) ?? fail(`ArrayTaskId is ${array}`, fields));
  const throttle = Number(fields.get('ArrayTaskThrottle') ?? 0);
  const requeue = need('Requeue');
  const shared = fields.get('OverSubscribe') ?? fields.get('Shared') ?? '';
  return {
    cpus: Math.max(upper(need('NumCPUs'), fields), tres.has('cpu') ? upper(tres.get('cpu') ?? '', fields) : 0),
    gpus: gpus.count,
    gpuType: gpus.type,
    nodes,
    memoryMb: memoryOf(fields, tres),
    walltimeSeconds: walltimeOf(need('TimeLimit'), fields),
    indices: indices?.indices ?? null,
    parallel: indices?.parallel ?? (throttle > 0 ? throttle : null),
    partition: named(fields, 'Partition'),
    account: named(fields, 'Account'),
    qos: named(fields, 'QOS'),
    requeues: requeue === '0' ? 0 : requeue === '1' ? 1 : fail(`Requeue is ${requeue}`, fields),
    ...(/^(?:NO|EXCLUSIVE|TOPO)$/.test(shared) ? { wholeNodes: true as const } : {}),
  };
}

/** `key=value` words, of lines without free text alone; the line of JobId counts up to the name. */
function fieldsOf(record: string): Map<string, string> {
  const words = record
    .split('\n')
    .filter((line) => !TEXT.test(line))
    .flatMap((line) =>
      line
        .replace(/ JobName=.*$/, '')
        .trim()
        .split(/\s+/),
    )
    .filter((word) => word.includes('='));
  return new Map(words.map((word) => pair(word)));
}

function pair(word: string): [string, string] {
  const at = word.indexOf('=');
  return at < 0 ? [word, ''] : [word.slice(0, at), word.slice(at + 1)];
}

function named(fields: ReadonlyMap<string, string>, key: string): string | null {
  const value = fields.get(key);
  return value === undefined || value === '' || value === '(null)' || value === 'N/A' ? null : value;
}

/** `2`, `2-4` or `2K` (scontrol shortens by 1024 in some versions). */
function upper(text: string, fields: ReadonlyMap<string, string>): number {
  const [, amount, unit = ''] = /^(?:[\d.]+K?-)?(\d+(?:\.\d+)?)(K?)$/.exec(text) ?? [];
  return amount === undefined ? fail(`a number is ${text}`, fields) : Math.ceil(Number(amount) * (unit === 'K' ? 1024 : 1));
}

/** All GPUs of the job, and their kind where one is named. */
function gpusOf(
  fields: ReadonlyMap<string, string>,
  tres: ReadonlyMap<string, string>,
  nodes: number,
): { count: number; type: string | null } {
  let type: string | null = null;
  let count = 0;
  for (const [name, amount] of tres) {
    const kind = /^gres\/gpu(?::(.+))?$/.exec(name);
    if (!kind) continue;
    type = kind[1] ?? type;
    count = Math.max(count, upper(amount, fields));
  }
  const tasks = upper(fields.get('NumTasks') ?? '1', fields);
  for (const [key, times] of [
    ['TresPerNode', nodes],
    ['TresPerJob', 1],
    ['TresPerTask', tasks],
    ['TresPerSocket', Number.NaN],
  ] as const) {
    for (const one of (fields.get(key) ?? '').split(',')) {
      const [, kind, amount = '1'] =
        /^(?:gres[:/])?gpu(?:[:=]([A-Za-z_][\w.-]*))?(?:[:=](\d+))?$/.exec(one) ??
        (/^(?:gres[:/])?gpu/.test(one) ? fail(`${key} is ${one}`, fields) : []);
      if (!/^(?:gres[:/])?gpu/.test(one)) continue;
      if (Number.isNaN(times)) fail(`${key} is ${one}`, fields);
      type = kind ?? type;
      count = Math.max(count, Number(amount) * times);
    }
  }
  return { count, type };
}

/** MiB over all nodes; 0 for whole nodes; null where nothing is said and the site has no default. */
function memoryOf(fields: ReadonlyMap<string, string>, tres: ReadonlyMap<string, string>): number | null {
  const node = fields.get('MinMemoryNode');
  if (node === '0') return 0;
  const total = tres.get('mem');
  if (total !== undefined) return mebibytes(total, fields);
  return fields.get('MinMemoryCPU') === '0' ? 0 : null;
}

function mebibytes(text: string, fields: ReadonlyMap<string, string>): number {
  const [, amount, unit = 'M'] = /^(\d+(?:\.\d+)?)([KMGTP])?$/.exec(text) ?? [];
  const factor = { K: 1 / 1024, M: 1, G: 1024, T: 1048576, P: 1073741824 }[unit];
  return amount === undefined || factor === undefined
    ? fail(`the memory is ${text}`, fields)
    : Math.ceil(Number(amount) * factor);
}

function walltimeOf(text: string, fields: ReadonlyMap<string, string>): number | null {
  if (text === 'UNLIMITED' || text === 'Partition_Limit') return null;
  return parseWalltime(text) ?? fail(`TimeLimit is ${text}`, fields);
}

function highest(a: Requested, b: Requested): Requested {
  const most = (x: number | null, y: number | null) => (x === null || y === null ? null : Math.max(x, y));
  const indices =
    a.indices && b.indices ? [...new Set([...a.indices, ...b.indices])].sort((x, y) => x - y) : (a.indices ?? b.indices);
  return {
    ...a,
    cpus: Math.max(a.cpus, b.cpus),
    gpus: Math.max(a.gpus, b.gpus),
    nodes: Math.max(a.nodes, b.nodes),
    memoryMb: a.memoryMb === 0 || b.memoryMb === 0 ? 0 : most(a.memoryMb, b.memoryMb),
    walltimeSeconds: most(a.walltimeSeconds, b.walltimeSeconds),
    indices,
    parallel: most(a.parallel, b.parallel),
    requeues: Math.max(a.requeues, b.requeues),
    partition: a.partition === b.partition ? a.partition : `${a.partition},${b.partition}`,
    ...(a.wholeNodes || b.wholeNodes ? { wholeNodes: true as const } : {}),
  };
}

function fail(why: string, fields: ReadonlyMap<string, string>): never {
  throw unreadable(why, [...fields].map(([key, value]) => `${key}=${value}`).join(' '));
}

function unreadable(why: string, text: string): Failure {
  return new Failure('scheduler_answer', {
    what: 'Slurm’s record of the held job cannot be read',
    why,
    next: 'call again; the job stays held meanwhile',
    quoted: quote(text),
  });
}
