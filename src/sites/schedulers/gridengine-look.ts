import { quote } from '../../base/text.ts';
import type { Answer } from './answers.ts';
import { accountingRows } from './gridengine-accounting.ts';
import { isHealthy, unusable, wordsOf } from './gridengine-answers.ts';
import { listOf, queueRows } from './gridengine-queue.ts';
import { isOver } from './gridengine-states.ts';
import type { Found, JobState, JobView, Look, PollQuery, Queue } from './scheduler.ts';

const WAITING: ReadonlySet<JobState> = new Set(['pending', 'held', 'suspended', 'requeued']);

/** What of the user's is in the queue. An array is one job, and waits until its first task has started. */
export function readQueue(answer: Answer): Queue {
  needQueue(answer, 'the queue');
  const rows = queueRows(answer, () => false);
  const active = new Set(rows.map(({ id }) => id));
  const started = new Set(rows.filter(({ state }) => !WAITING.has(state)).map(({ id }) => id));
  return { active: active.size, pending: active.size - started.size };
}

/** Throws where the queue could not be read, or where an empty one is not proven. */
export function needQueue(answer: Answer, what: string): void {
  if (isHealthy(answer)) return;
  const queue = answer.parts.get('queue');
  throw unusable(
    what,
    queue ? `qstat ended with ${queue.exit}` : 'qstat was not asked',
    `${answer.stderr}\n${wordsOf(answer, 'health')}`.trim(),
  );
}

/** Whether accounting's silence says anything: it was not asked, or it answered, or nothing was ever written into it. */
export function accountingIsSilent(answer: Answer): boolean {
  const part = answer.parts.get('accounting');
  return part === undefined || part.exit === 0;
}

/** Jobs of these names: the queue's, then accounting's, then those that the qmaster still lists as ended (`qstat -s z`), of whose end nothing is known. */
export function readFound(names: readonly string[], user: string, what: string): (answer: Answer) => Found {
  const asked = new Set(names);
  return (answer) => {
    needQueue(answer, what);
    const ours = (rows: readonly JobView[]) => rows.filter((row) => asked.has(row.name) && row.user === user);
    const queue = ours(queueRows(answer, ({ name }) => asked.has(name)));
    const over = without(ours(accountingRows(answer)), queue);
    const gone = without(ours(endedRows(answer)), [...queue, ...over]);
    const rows = [...queue, ...over, ...gone];
    const seen = new Set(rows.map(({ name }) => name));
    if (seen.size === asked.size || accountingIsSilent(answer)) return { rows };
    const why = 'the queue has not all of them, and accounting does not answer';
    return { rows, missing: unusable(what, why, wordsOf(answer, 'accounting')) };
  };
}

/** Those that ended lately, without a word of how. */
export function endedRows(answer: Answer): JobView[] {
  if (listOf(answer, 'ended').length === 0) return [];
  const ended = answer.parts.get('ended') ?? { text: '', exit: 1 };
  return queueRows({ ...answer, parts: new Map([['queue', ended]]) }, () => false);
}

/** Rows of jobs that are not among `others` already. */
function without(rows: readonly JobView[], others: readonly JobView[]): JobView[] {
  const seen = new Set(others.map(({ id }) => id));
  return rows.filter(({ id }) => !seen.has(id));
}

/** Rows of what was asked, and what is there of what should not be. Not healthy where the queue or accounting did not answer: then what is missing proves nothing. */
export function readLook(jobs: PollQuery['jobs'], user: string, late: readonly string[]): (answer: Answer) => Look {
  const asked = new Set(jobs.map(({ id, name }) => `${id} ${name}`));
  const isAsked = ({ id, name }: { id: string; name: string }) => asked.has(`${id} ${name}`);
  return (answer) => {
    const at = Number(answer.fields.get('clock') ?? Number.NaN);
    if (!Number.isSafeInteger(at)) throw unusable('the jobs', 'it has no clock', answer.stderr);
    const isProof = jobs.length === 0 || (isHealthy(answer) && accountingIsSilent(answer));
    const queue = queueRows(answer, isAsked).filter((row) => row.user === user);
    const surplus = queue.filter(({ name, state }) => late.includes(name) && !isOver(state));
    const views = merged(
      queue.filter(isAsked),
      accountingRows(answer).filter((row) => row.user === user && isAsked(row)),
    );
    return {
      ...(isProof ? { at, healthy: true } : { at, healthy: false, trouble: troubleOf(answer) }),
      jobs: views,
      ...(surplus.length > 0 ? { late: [...new Map(surplus.map(({ id, name }) => [id, { id, name }])).values()] } : {}),
    };
  };
}

/** A task that is in the queue has not ended, whatever accounting says of a start of it. */
function merged(queue: readonly JobView[], accounting: readonly JobView[]): JobView[] {
  const key = ({ id, index }: JobView) => `${id} ${index ?? ''}`;
  const live = new Set(queue.map(key));
  return [...queue, ...accounting.filter((row) => !live.has(key(row)))];
}

/** What the clients said of what is wrong. */
function troubleOf(answer: Answer): string {
  const words = [...new Set(`${answer.stderr}\n${wordsOf(answer, 'health')}`.split('\n').map((line) => line.trim()))].filter(
    Boolean,
  );
  return quote(words.join('; ') || `qstat ended with ${answer.parts.get('queue')?.exit ?? 'nothing'}`, 300);
}
