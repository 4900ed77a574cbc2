import { parseIndices } from '../../base/indices.ts';
import { quote } from '../../base/text.ts';
import type { JobState, JobView } from './scheduler.ts';
import type { Answer } from './slurm-answers.ts';
import { unusable } from './slurm-answers.ts';
import { isOver, reasonWords, stateOf, waitingFor } from './slurm-states.ts';
import { parseWalltime } from './units.ts';

/**
 * The queue's rows, one a task: the waiting tasks of an array are one row of squeue, with their indices as an expression. Lines that are
 * no row of ours are skipped: they cannot carry the answer's random word. Throws where the indices cannot be read: a task that is not seen
 * would pass for one that has left the queue. Jobs that are not asked about are one row each whatever their size: an array of anybody's can
 * have four million tasks (MaxArraySize, slurm.conf(5)).
 */
export function queueRows(answer: Answer, isAsked: (job: { id: string; name: string }) => boolean = () => true): JobView[] {
  return rowsOf(answer, 'queue', 15).flatMap(
    ([
      id = '',
      index = '',
      word = '',
      reason = '',
      status = '',
      submit = '',
      start = '',
      end = '',
      user = '',
      node = '',
      name = '',
      ...sizes
    ]) => {
      const state = endOf(word, reason);
      const waiting = state === 'pending' ? waitingFor(reason) : { held: false, blocked: false };
      const over = isOver(state);
      const wait = Number(status);
      const known = over && Number.isSafeInteger(wait);
      const tasks = isAsked({ id, name }) ? tasksOf(index, answer) : [null];
      return tasks.map((task) => ({
        id,
        index: task,
        name,
        user,
        state: waiting.held ? 'held' : state,
        word,
        reason: state === 'running' || state === 'completed' ? null : reasonText(reason),
        blocked: waiting.blocked || word === 'SPECIAL_EXIT',
        // A wait status: the exit code above the signal.
        exit: known ? (wait >> 8) & 255 : null,
        signal: known ? wait & 127 || null : null,
        node: node === '' || node === 'N/A' ? null : node,
        submitted: numberOf(submit),
        started: state === 'pending' ? null : numberOf(start),
        ended: over ? numberOf(end) : null,
        estimatedStart: state === 'pending' ? numberOf(start) : null,
        used: null,
        ...(over ? {} : sizesOf(sizes)),
      }));
    },
  );
}

/** The indices of a row; `[null]` is a job that is no array. */
function tasksOf(text: string, answer: Answer): (number | null)[] {
  if (text === '' || text === 'N/A') return [null];
  const read = parseIndices(text);
  if (!read) throw unusable('the queue', `the indices of an array are ${JSON.stringify(quote(text, 100))}`, answer.stderr);
  return read.indices;
}

/** A job that Slurm took back since its parent failed is CANCELLED to it (slurm.conf(5), kill_invalid_depend). */
function endOf(word: string, reason: string): JobState {
  const state = stateOf(word);
  return state === 'cancelled' && reason === 'DependencyNeverSatisfied' ? 'dependency' : state;
}

/** What accounting calls a job that it has been told the end of before its beginning, for a second or two (as_mysql_job.c; seen on 22.05). */
const UNNAMED = 'allocation';

/** One row a task: the queue's while it is there and not over; accounting's word on an end, which knows more, before the queue's. */
export function merged(queue: readonly JobView[], accounting: readonly JobView[]): JobView[] {
  const key = (view: JobView) => `${view.id}_${view.index ?? ''} ${view.name}`;
  const rows = new Map(queue.map((view) => [key(view), view]));
  const names = new Map(queue.map((view) => [view.id, view.name]));
  // Of what was taken back since its parent failed accounting only says that it was cancelled.
  const vain = new Map(queue.flatMap((view) => (view.state === 'dependency' ? [[view.id, view]] : [])));
  const arrays = new Set(queue.flatMap((view) => (view.index === null ? [] : [view.id])));
  for (const told of accounting) {
    // For as long, it does not know which task of an array this is either.
    if (told.index === null && arrays.has(told.id)) continue;
    const view = told.name === UNNAMED ? { ...told, name: names.get(told.id) ?? told.name } : told;
    const seen = rows.get(key(view));
    // The same id had another job before; or this job was started again, and of its last start accounting has not heard yet.
    if (told.submitted !== null && told.submitted < (seen?.submitted ?? 0)) continue;
    const parent = view.state === 'cancelled' ? vain.get(view.id) : undefined;
    if (!seen || isOver(seen.state)) rows.set(key(view), parent ? { ...view, state: parent.state, reason: parent.reason } : view);
  }
  return [...rows.values()];
}

/**
 * Rows of a part of a command that went well, each of so many fields with the separator behind every one of them. Lines between rows are
 * a site's banner, and those within a field are its own. Throws where rows are cut off or run into each other: a row that is not seen would
 * pass for a job that is not there.
 */
export function rowsOf(answer: Answer, part: string, fields: number): string[][] {
  const found = answer.parts.get(part);
  if (found?.exit !== 0) return [];
  const cells = found.text.split(`@${answer.word}@`);
  const rest = lastLine(cells.pop() ?? '');
  const rows = Array.from({ length: Math.floor(cells.length / fields) }, (_, at) => {
    const [first = '', ...more] = cells.slice(at * fields, (at + 1) * fields);
    return [lastLine(first), ...more];
  });
  if (cells.length % fields !== 0 || /^\d/.test(rest) || rows.some(([first = '']) => !/^\d/.test(first)))
    throw unusable(`the ${part}`, 'its rows are not whole', answer.stderr);
  return rows;
}

function lastLine(text: string): string {
  return text.slice(text.lastIndexOf('\n') + 1).trim();
}

/** What a task may use now; nothing where a figure is not said as one. A range counts with its upper end. */
function sizesOf([cpus = '', nodes = '', limit = '', tres = '']: readonly string[]): Pick<JobView, 'may'> {
  const count = (text: string) => numberOf(/^(?:\d+-)?(\d+)$/.exec(text)?.[1] ?? '');
  const { memoryMb, gpus, nodes: asked } = tresOf(tres);
  // Of a job that waits squeue's own number of nodes is a guess, and may be more than it asked for (22.05).
  const [many, wide, walltime] = [count(cpus), asked ?? count(nodes), parseWalltime(limit)];
  if (many === null || wide === null || (walltime === undefined && limit !== 'UNLIMITED')) return {};
  return {
    may: {
      cpus: many,
      nodes: wide,
      walltimeSeconds: walltime ?? null,
      ...(memoryMb === undefined ? {} : { memoryMb }),
      ...(gpus === undefined ? {} : { gpus }),
    },
  };
}

/** `cpu=4,mem=1000M,node=1,gres/gpu=2,gres/gpu:a100=2`; nothing of what is not in it, and sites need not count GPUs. */
export function tresOf(text: string): { cpus?: number; nodes?: number; gpus?: number; memoryMb?: number } {
  const found: ReturnType<typeof tresOf> = {};
  for (const word of text.split(',')) {
    const [, name = '', amount = ''] = /^([^=]+)=(.+)$/.exec(word) ?? [];
    const count = numberOf(amount);
    if (name === 'cpu' && count !== null) found.cpus = count;
    if (name === 'node' && count !== null) found.nodes = count;
    if (/^gres\/gpu(?::|$)/.test(name) && count !== null) found.gpus = Math.max(count, found.gpus ?? 0);
    const memory = name === 'mem' ? mebibytes(/\d$/.test(amount) ? `${amount}M` : amount) : null;
    if (memory !== null) found.memoryMb = Math.ceil(memory);
  }
  return found;
}

export function numberOf(text: string): number | null {
  return /^\d{1,12}$/.test(text) ? Number(text) : null;
}

function reasonText(reason: string): string | null {
  const words = reasonWords(reason);
  return words === null ? null : quote(words, 200);
}

/** sacct’s `4864K` or `1.50G` in MiB. */
export function mebibytes(text: string): number | null {
  const [, amount, unit = ''] = /^(\d+(?:\.\d+)?)([KMGTP]?)$/.exec(text) ?? [];
  const factor = { '': 1 / 1048576, K: 1 / 1024, M: 1, G: 1024, T: 1048576, P: 1073741824 }[unit];
  return amount === undefined || factor === undefined ? null : Math.round(Number(amount) * factor * 10) / 10;
}
