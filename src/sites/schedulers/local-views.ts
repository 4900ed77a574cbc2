import { parseIndices } from '../../base/indices.ts';
import type { JobState, JobView } from './scheduler.ts';

type Entry = {
  id: string;
  fields: Map<string, string>;
  flags: Set<string>;
  /** Indices released before the rest. */
  go: Set<number>;
  waits: string[];
  never: string[];
  started: Map<number, number>;
  ended: Map<number, { word: string; exit: number | null; at: number; note: string }>;
};

const ENDS: Readonly<Record<string, JobState>> = {
  completed: 'completed',
  failed: 'failed',
  timeout: 'timeout',
  cancelled: 'cancelled',
  node_failure: 'node_failure',
  dependency: 'dependency',
  // Its processes are gone and left no word; by name it must not look as if it still ran.
  lost: 'node_failure',
};

/** The files of jobs that an answer says could not be read. Of such a job nothing else in the answer counts. */
export function unreadIn(lines: readonly string[]): string[] {
  return lines.flatMap((line) => /^unreadable (\d+\/(?:spec|log))$/.exec(line)?.[1] ?? []);
}

/** One row a task, in the order of the jobs asked and of their indices, from the lines of the runner's `show`. */
export function viewsOf(lines: readonly string[]): JobView[] {
  const entries = new Map<string, Entry>();
  const entry = (id: string) => {
    const found = entries.get(id) ?? {
      id,
      fields: new Map(),
      flags: new Set(),
      go: new Set(),
      waits: [],
      never: [],
      started: new Map(),
      ended: new Map(),
    };
    entries.set(id, found);
    return found;
  };
  let node: string | null = null;
  for (const line of lines) {
    const file = /^(\d+)\/(spec|log):(.*)$/.exec(line);
    if (file?.[1] && file[2] === 'spec') field(entry(file[1]), file[3] ?? '');
    else if (file?.[1]) logged(entry(file[1]), file[3] ?? '');
    else if (line.startsWith('host ')) node = line.slice(5);
    else flag(line, entry);
  }
  const unread = new Set(unreadIn(lines).map((file) => file.slice(0, file.indexOf('/'))));
  return [...entries.values()]
    .filter((one) => one.fields.has('name') && !unread.has(one.id))
    .flatMap((one) => tasksOf(one).map((index) => view(one, index, node)));
}

function field(entry: Entry, line: string): void {
  const at = line.indexOf('=');
  if (at > 0) entry.fields.set(line.slice(0, at), line.slice(at + 1));
}

/** A torn or foreign line says nothing. */
function logged(entry: Entry, line: string): void {
  const start = /^START (\d+) (\d+) \d+$/.exec(line);
  if (start) entry.started.set(Number(start[1]), Number(start[2]));
  const end = /^END (\d+) (\w+) (\d+|-) (\d+) ?(.*)$/.exec(line);
  if (end)
    entry.ended.set(Number(end[1]), {
      word: end[2] ?? '',
      exit: end[3] === '-' ? null : Number(end[3]),
      at: Number(end[4]),
      note: end[5] ?? '',
    });
}

function flag(line: string, entry: (id: string) => Entry): void {
  const [, kind, id = '', value = ''] = /^(flag|go|waits|never) (\d+) (\w+)$/.exec(line) ?? [];
  if (kind === 'flag') entry(id).flags.add(value);
  if (kind === 'go') entry(id).go.add(Number(value));
  if (kind === 'waits') entry(id).waits.push(value);
  if (kind === 'never') entry(id).never.push(value);
}

function tasksOf(entry: Entry): readonly number[] {
  const text = entry.fields.get('indices');
  return text ? (parseIndices(text)?.indices ?? []) : [0];
}

function view(entry: Entry, index: number, node: string | null): JobView {
  const started = entry.started.get(index) ?? null;
  const end = entry.ended.get(index);
  const now = end
    ? { state: ENDS[end.word] ?? 'unknown', word: end.word.toUpperCase(), reason: end.note || null }
    : waiting(entry, index, started);
  return {
    id: entry.id,
    index: entry.fields.get('indices') ? index : null,
    name: entry.fields.get('name') ?? '',
    user: entry.fields.get('user') ?? '',
    ...now,
    blocked: end === undefined && started === null && entry.never.length > 0,
    exit: end?.exit ?? null,
    // The shell's convention; a script that exits above 128 by itself looks the same.
    signal: end?.exit && end.exit > 128 && end.exit <= 192 ? end.exit - 128 : null,
    node: started === null ? null : node,
    submitted: Number(entry.fields.get('submitted')) || null,
    started,
    ended: end?.at ?? null,
    estimatedStart: null,
    used: end && started !== null ? { elapsedSeconds: Math.max(0, end.at - started), cpuSeconds: null, maxRssMb: null } : null,
  };
}

function waiting(entry: Entry, index: number, started: number | null): Pick<JobView, 'state' | 'word' | 'reason'> {
  if (entry.flags.has('over'))
    return { state: 'node_failure', word: 'UNRECORDED', reason: 'the job is over and this task left no record' };
  if (entry.flags.has('cancel'))
    return { state: started === null ? 'pending' : 'completing', word: 'CANCELLING', reason: 'it is being cancelled' };
  if (started !== null) return { state: 'running', word: 'RUNNING', reason: null };
  if (entry.flags.has('held') && !entry.go.has(index)) return { state: 'held', word: 'HELD', reason: 'it waits for its release' };
  if (entry.flags.has('stopped')) return { state: 'held', word: 'STOPPED', reason: 'it was held while it waited' };
  if (entry.flags.has('stop'))
    return { state: 'pending', word: 'STOPPING', reason: 'it is to be held, which its supervisor has not seen yet' };
  if (entry.never.length > 0)
    return { state: 'pending', word: 'PENDING', reason: `it waits for job ${entry.never.join(', ')}, which is not known here` };
  if (entry.waits.length > 0) return { state: 'pending', word: 'PENDING', reason: `it waits for job ${entry.waits.join(', ')}` };
  return { state: 'pending', word: 'PENDING', reason: 'it waits for its turn' };
}
