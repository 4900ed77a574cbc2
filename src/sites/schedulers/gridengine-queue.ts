import { quote } from '../../base/text.ts';
import type { Answer } from './answers.ts';
import { isWholeList, unusable } from './gridengine-answers.ts';
import { readName, readTasks } from './gridengine-indices.ts';
import { amountOf, KNOWN_GPUS, KNOWN_MEMORY, mebibytes } from './gridengine-resources.ts';
import { stateOf } from './gridengine-states.ts';
import type { JobView } from './scheduler.ts';

/** More tasks of one user than any site lets wait (sge_conf(5), max_u_jobs, max_aj_tasks). */
const MAX_ROWS = 1_000_000;

/** One `job_list` of `qstat -xml -r`: a task that runs, or all waiting tasks of a job. */
type Row = { fields: ReadonlyMap<string, string>; requests: ReadonlyMap<string, string>; hasParents: boolean };

/**
 * The queue's rows, one a task. Throws where the list or the tasks of a row cannot be read: a task that is not seen would pass for one that has left.
 * Jobs that are not asked about are one row each, whatever their size (up to 75,000 tasks, sge_conf(5), max_aj_tasks).
 */
export function queueRows(answer: Answer, isAsked: (job: { id: string; name: string }) => boolean = () => true): JobView[] {
  const held = new Set(listOf(answer, 'holds').map(({ fields }) => fields.get('JB_job_number')));
  const reasons = errorsOf(answer);
  let many = 0;
  return listOf(answer, 'queue').flatMap((row) => {
    const { fields } = row;
    const id = fields.get('JB_job_number') ?? '';
    const { name, indexOf } = readName(fields.get('JB_name') ?? '');
    const word = fields.get('state') ?? '';
    const { state, blocked } = stateOf(word, { hasParents: row.hasParents, isHeld: held.has(id) });
    const started = timeOf(fields.get('JAT_start_time'));
    const tasks = isAsked({ id, name }) ? tasksOf(fields.get('tasks'), answer) : [null];
    many += tasks.length;
    if (many > MAX_ROWS) throw unusable('the queue', `it has more than ${MAX_ROWS} tasks of ours`, answer.stderr);
    return tasks.map((task) => ({
      id,
      index: task === null ? null : indexOf(task),
      name,
      user: fields.get('JB_owner') ?? '',
      state,
      word,
      reason: blocked ? (reasons.get(id) ?? 'it is in an error state') : waitingWords(state, row.hasParents),
      blocked,
      exit: null,
      signal: null,
      node: /@(.+)$/.exec(fields.get('queue_name') ?? '')?.[1] ?? null,
      submitted: timeOf(fields.get('JB_submission_time')),
      started,
      ended: null,
      estimatedStart: null,
      used: null,
      ...sizesOf(row),
    }));
  });
}

/** Rows of a list that was given whole. */
export function listOf(answer: Answer, part: string): Row[] {
  const found = answer.parts.get(part);
  if (found?.exit !== 0) return [];
  if (!isWholeList(found.text)) throw unusable(`the ${part}`, 'the list is not whole', answer.stderr);
  const begun = found.text.split('<job_list').length;
  const isEven = begun === found.text.split('</job_list>').length;
  const rows = isEven
    ? [...found.text.matchAll(/<job_list\b[^<>]*>([\s\S]*?)<\/job_list>/g)].map(([, body = '']) => rowOf(body))
    : [];
  if (begun !== rows.length + 1 || rows.some(({ fields }) => !/^\d+$/.test(fields.get('JB_job_number') ?? '')))
    throw unusable(`the ${part}`, 'its rows are not whole', answer.stderr);
  return rows;
}

function rowOf(body: string): Row {
  const fields = new Map<string, string>();
  const requests = new Map<string, string>();
  let hasParents = false;
  for (const [, tag = '', attributes = '', text = ''] of body.matchAll(/<(\w+)([^<>]*)>([^<]*)<\/\1>/g)) {
    const named = /\bname="([^"]*)"/.exec(attributes)?.[1];
    if (tag === 'hard_request' && named !== undefined) requests.set(named, plain(text));
    else if (tag === 'predecessor_jobs') hasParents = true;
    else if (!fields.has(tag)) fields.set(tag, plain(text));
  }
  return { fields, requests, hasParents };
}

const ENTITIES: Readonly<Record<string, string>> = { lt: '<', gt: '>', quot: '"', apos: "'", amp: '&' };

function plain(text: string): string {
  return text.replace(/&(lt|gt|quot|apos|amp);/g, (all, name: string) => ENTITIES[name] ?? all).trim();
}

/** `[null]` is a job that is no array. */
function tasksOf(text: string | undefined, answer: Answer): (number | null)[] {
  if (text === undefined || text === '') return [null];
  const tasks = readTasks(text);
  if (!tasks) throw unusable('the queue', `the tasks of an array are ${JSON.stringify(quote(text, 100))}`, answer.stderr);
  return tasks;
}

/** `2026-11-30T13:04:10`, in UTC since the script says so, in epoch seconds. */
export function timeOf(text: string | undefined): number | null {
  const match = /^(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.\d+)?Z?$/.exec(text ?? '');
  return match ? Math.floor(Date.parse(`${match[1]}Z`) / 1000) : null;
}

function waitingWords(state: JobView['state'], hasParents: boolean): string | null {
  if (state === 'held') return 'held';
  return state === 'pending' && hasParents ? 'waits for the job it comes after' : null;
}

/** `error reason   1:  11/30/2026 13:05:06 [0:13740]: …` of `qstat -j`, by job. */
function errorsOf(answer: Answer): Map<string, string> {
  const found = new Map<string, string>();
  let id = '';
  for (const line of (answer.parts.get('errors')?.text ?? '').split('\n')) {
    id = /^job_number:\s+(\d+)/.exec(line)?.[1] ?? id;
    const reason = /^error reason\s+\d+:\s*(.*)$/.exec(line)?.[1];
    if (reason !== undefined && !found.has(id)) found.set(id, quote(`in an error state: ${reason}`, 300));
  }
  return found;
}

/** What a task may use now: its slots, and what its hard requests say. */
function sizesOf({ fields, requests }: Row): Pick<JobView, 'may'> {
  const slots = Number(fields.get('slots'));
  if (!Number.isSafeInteger(slots) || slots < 1) return {};
  const amount = (names: readonly string[]) => names.map((name) => requests.get(name)).find((text) => text !== undefined);
  const memory = mebibytes(amount(KNOWN_MEMORY) ?? '');
  const gpus = amountOf(amount(KNOWN_GPUS) ?? '');
  const walltime = amountOf(requests.get('h_rt') ?? '');
  return {
    may: {
      cpus: slots,
      nodes: 1,
      walltimeSeconds: walltime,
      ...(memory === null ? {} : { memoryMb: memory * slots }),
      ...(gpus === null ? {} : { gpus }),
    },
  };
}
