import type { FailureCode } from '../../base/errors.ts';
import { Failure } from '../../base/errors.ts';
import { parseIndices } from '../../base/indices.ts';
import { quote } from '../../base/text.ts';
import type { Output } from '../transports/transport.ts';
import { unreadIn, viewsOf } from './local-views.ts';
import type { Finding, Found, History, JobId, JobTrace, Look, Queue, Requested } from './scheduler.ts';

/** The runner's exit codes; anything else, and an answer that is cut off, is no answer. */
const CODES: Readonly<Record<number, FailureCode>> = {
  65: 'scheduler_refused',
  68: 'site_unavailable',
  69: 'scheduler_unreachable',
};

/** An id counts whatever else the answer says: the job is there. */
export function readId(output: Output): JobId {
  const id = /^id (\d+)$/m.exec(output.stdout)?.[1];
  if (id !== undefined) return id;
  lines(output, 'the submission');
  throw unusable('the submission', 'it has no job id', output);
}

export function readNothing(output: Output): void {
  lines(output, 'the order');
}

/** Nothing is ever taken out of the runner's folder, so what a whole answer does not show is not there, unless a job could not be read. */
export function readJobs(user: string): (output: Output) => Found {
  return (output) => {
    const answer = lines(output, 'the look-up');
    const rows = viewsOf(answer).filter((view) => view.user === user);
    const unread = unreadIn(answer);
    return unread.length === 0 ? { rows } : { rows, missing: unproven('the look-up', unread) };
  };
}

function unproven(what: string, files: readonly string[]): Failure {
  return new Failure('site_unavailable', {
    what: `the local runner’s answer about ${what} proves nothing`,
    why: cannotBeRead(files),
    next: 'put the file back from a backup, or move its job’s folder away once nothing of it runs; then call again',
  });
}

function cannotBeRead(files: readonly string[]): string {
  const more = files.length > 3 ? ` and ${files.length - 3} more` : '';
  return `${files
    .slice(0, 3)
    .map((file) => `jobs/${file}`)
    .join(', ')}${more} of the runner cannot be read`;
}

/** Words for tasks that are over without a record of how. */
const GONE: ReadonlySet<string> = new Set(['LOST', 'UNRECORDED']);

/** A task that vanished is left out, as from a queue: its marker, or enough looks without one, says what became of it. */
export function readLook(output: Output): Look {
  const answer = lines(output, 'the poll');
  const unread = unreadIn(answer);
  return {
    at: clockOf(answer, 'the poll', output),
    healthy: !answer.includes('unhealthy') && unread.length === 0,
    ...(unread.length > 0 ? { trouble: cannotBeRead(unread) } : {}),
    jobs: viewsOf(answer).filter((view) => !GONE.has(view.word)),
  };
}

export function readQueue(output: Output): Queue {
  const [, active, pending] = /^queue (\d+) (\d+)$/m.exec(lines(output, 'the queue').join('\n')) ?? [];
  if (active === undefined || pending === undefined) throw unusable('the queue', 'it has no numbers', output);
  return { active: Number(active), pending: Number(pending) };
}

/** Every job there ever was: nothing is taken out of the runner's folder. A job without a name is none yet. */
export function readHistory(user: string): (output: Output) => History {
  return (output) => {
    const answer = lines(output, 'its jobs');
    const at = clockOf(answer, 'its jobs', output);
    const unread = unreadIn(answer);
    if (unread.length > 0) throw unproven('its jobs', unread);
    const jobs = new Map<string, JobTrace>();
    for (const line of answer) {
      const [, id, key, value = ''] = /^(\d+)\/spec:(name|user|submitted|comment)=(.*)$/.exec(line) ?? [];
      if (id === undefined) continue;
      const trace = jobs.get(id) ?? { id, name: '', user: '', submitted: null, comment: null };
      if (key === 'name' || key === 'user') jobs.set(id, { ...trace, [key]: value });
      else if (key === 'comment') jobs.set(id, { ...trace, comment: value === '' ? null : value });
      else jobs.set(id, { ...trace, submitted: Number(value) || null });
    }
    return { at, jobs: [...jobs.values()].filter((one) => one.name !== '' && one.user === user), reaches: 0 };
  };
}

function clockOf(answer: readonly string[], what: string, output: Output): number {
  const at = Number(/^clock (\d+)$/.exec(answer[0] ?? '')?.[1]);
  if (!Number.isSafeInteger(at)) throw unusable(what, 'it has no clock', output);
  return at;
}

export function readVersion(output: Output): string {
  return lines(output, 'the version')[0] ?? '';
}

/** The findings of the machine, and what can be seen of the job itself. */
export function readFindings(fault: string | undefined): (output: Output) => Finding[] {
  return (output) => {
    const found = lines(output, 'the test').map((line): Finding => ({ severity: 'error', what: line.replace(/^error /, '') }));
    return fault === undefined ? found : [{ severity: 'error', what: `it has ${fault}` }, ...found];
  };
}

/** What the job's file says now, whoever wrote it. A value that cannot be read is no answer, never a default. */
export function readRequested(output: Output): Requested {
  const fields = new Map(
    lines(output, 'the job').map((line) => [line.slice(0, line.indexOf('=')), line.slice(line.indexOf('=') + 1)]),
  );
  const text = (key: string) => fields.get(key) || null;
  const maybe = (key: string) => (text(key) === null ? null : number(key));
  const number = (key: string) => {
    const value = Number(text(key) ?? Number.NaN);
    if (!Number.isSafeInteger(value) || value < 0)
      throw unusable('the job', `${key} is ${JSON.stringify(fields.get(key))}`, output);
    return value;
  };
  const written = text('indices');
  const array = written === null ? null : parseIndices(written);
  if (array === undefined) throw unusable('the job', `indices is ${JSON.stringify(written)}`, output);
  return {
    cpus: number('cpus'),
    gpus: number('gpus'),
    gpuType: text('gpuType'),
    nodes: number('nodes'),
    memoryMb: maybe('memoryMb'),
    walltimeSeconds: maybe('walltimeSeconds'),
    indices: array?.indices ?? null,
    parallel: maybe('parallel'),
    partition: text('partition'),
    account: text('account'),
    qos: text('qos'),
    requeues: number('requeues'),
  };
}

/** The lines of a whole answer without its last, `end`. */
function lines(output: Output, what: string): string[] {
  const all = output.stdout.split('\n');
  if (output.exit === 0 && all.at(-2) === 'end') return all.slice(0, -2);
  if (output.notStarted) throw unusable(what, 'sh could not be started', output, 'site_unavailable');
  if (output.timedOut) throw unusable(what, 'it took too long', output, 'scheduler_unreachable');
  throw unusable(
    what,
    output.exit === 0 ? 'the answer is cut off' : `exit code ${output.exit}`,
    output,
    CODES[output.exit ?? -1],
  );
}

function unusable(what: string, why: string, output: Output, code: FailureCode = 'scheduler_answer'): Failure {
  return new Failure(code, {
    what:
      code === 'scheduler_refused'
        ? 'the local runner refused the job'
        : `the local runner’s answer about ${what} cannot be used`,
    why,
    next: 'run `autolab-mcp doctor`; nothing that is running is touched',
    quoted: quote(output.stderr || output.stdout),
  });
}
