import { quote } from '../../base/text.ts';
import type { Found, JobState, JobView, Look, PollQuery, Queue } from './scheduler.ts';
import { accountingRows } from './slurm-accounting.ts';
import type { Answer } from './slurm-answers.ts';
import { isHealthy, unusable } from './slurm-answers.ts';
import { merged, queueRows } from './slurm-rows.ts';
import { NO_ACCOUNTING } from './slurm-site.ts';
import { isOver } from './slurm-states.ts';

const WAITING: ReadonlySet<JobState> = new Set(['pending', 'held', 'suspended', 'requeued']);

/** What of the user's is in the queue. An array is one job, and waits until its first task has started. */
export function readQueue(answer: Answer): Queue {
  const live = provenQueue(answer, 'the queue', () => false).filter((view) => !isOver(view.state));
  const started = live.filter(({ state }) => !WAITING.has(state));
  const active = new Set(live.map(({ id }) => id)).size;
  return { active, pending: active - new Set(started.map(({ id }) => id)).size };
}

/** The queue's rows; throws where it could not be read, or where an empty one is not proven. */
export function provenQueue(answer: Answer, what: string, isAsked?: Parameters<typeof queueRows>[1]): JobView[] {
  needQueue(answer, what);
  return queueRows(answer, isAsked);
}

/** Throws where the queue could not be read, or where an empty one is not proven. */
export function needQueue(answer: Answer, what: string): void {
  const queue = answer.parts.get('queue');
  if (queue?.exit === 0 && isHealthy(answer)) return;
  const ping = answer.parts.get('ping')?.text ?? '';
  throw unusable(what, queue ? `squeue ended with ${queue.exit}` : 'squeue was not asked', `${answer.stderr}\n${ping}`.trim());
}

/** Whether accounting's silence says anything: it answered, or there is none. */
export function accountingIsSilent(answer: Answer): boolean {
  const part = answer.parts.get('accounting');
  return part === undefined || part.exit === 0 || NO_ACCOUNTING.test(`${part.text}\n${answer.stderr}`);
}

/** What the queue does not show is asked of accounting, whose silence must be proven as well. */
export function readFound(names: readonly string[], user: string, what: string): (answer: Answer) => Found {
  const asked = new Set(names);
  return (answer) => {
    const rowsOfThose = provenQueue(answer, what, ({ name }) => asked.has(name));
    const queue = theirs(rowsOfThose, user, answer).filter(({ name }) => asked.has(name));
    const inQueue = new Set(queue.map(({ name }) => name));
    const over = theirs(accountingRows(answer), user, answer).filter(({ name }) => asked.has(name) && !inQueue.has(name));
    const rows = [...queue, ...over];
    if (inQueue.size === asked.size || accountingIsSilent(answer)) return { rows };
    const words = `${answer.parts.get('accounting')?.text ?? ''}\n${answer.stderr}`.trim();
    return { rows, missing: unusable(what, 'the queue has not all of them, and accounting does not answer', words) };
  };
}

/**
 * Rows of what was asked, and what is there of what should not be. Not healthy where the queue or accounting did not answer: then what is
 * missing proves nothing.
 */
export function readLook(jobs: PollQuery['jobs'], user: string, late: readonly string[]): (answer: Answer) => Look {
  const asked = new Set(jobs.map(({ id, name }) => `${id} ${name}`));
  return (answer) => {
    const at = Number(answer.fields.get('clock') ?? Number.NaN);
    if (!Number.isSafeInteger(at)) throw unusable('the jobs', 'it has no clock', answer.stderr);
    const isProof = jobs.length === 0 || (isHealthy(answer) && accountingIsSilent(answer));
    const queue = theirs(
      queueRows(answer, ({ id, name }) => asked.has(`${id} ${name}`)),
      user,
      answer,
    );
    const views = merged(queue, theirs(accountingRows(answer), user, answer)).filter(({ id, name }) =>
      asked.has(`${id} ${name}`),
    );
    const surplus = queue.filter(({ name, state }) => late.includes(name) && !isOver(state));
    return {
      ...(isProof ? { at, healthy: true } : { at, healthy: false, trouble: troubleOf(answer) }),
      jobs: views,
      ...(surplus.length > 0 ? { late: [...new Map(surplus.map(({ id, name }) => [id, { id, name }])).values()] } : {}),
    };
  };
}

/** Without rows that are expressly another account's: names can be copied, and ids are used again. */
function theirs(rows: readonly JobView[], user: string, answer: Answer): JobView[] {
  const names = ['', user, answer.fields.get('me') ?? ''];
  return rows.filter((view) => names.includes(view.user));
}

/** What the clients said of what is wrong. */
function troubleOf(answer: Answer): string {
  const ping = answer.parts.get('ping')?.text ?? '';
  const said = [answer.stderr, /\bis UP\b/.test(ping) ? '' : ping].flatMap((text) => text.split('\n'));
  const words = [...new Set(said.map((line) => line.trim()).filter(Boolean))];
  return quote(words.join('; ') || `squeue ended with ${answer.parts.get('queue')?.exit ?? 'nothing'}`, 300);
}
