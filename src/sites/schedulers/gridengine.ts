import type { FailureCode } from '../../base/errors.ts';
import { Failure } from '../../base/errors.ts';
import { quote } from '../../base/text.ts';
import type { Ask } from '../transports/transport.ts';
import type { Answer } from './answers.ts';
import { goodPart, isUnreachable, readAnswer, unusable, wordsOf } from './gridengine-answers.ts';
import { countedByGridEngine, resourceOptions, submissionWords, unfitForGridEngine } from './gridengine-arguments.ts';
import { findingsOf, unfitFinding } from './gridengine-findings.ts';
import { historyOf } from './gridengine-history.ts';
import { saidOf, taskWord } from './gridengine-holds.ts';
import { numbered, readName } from './gridengine-indices.ts';
import { needQueue, readFound, readLook, readQueue } from './gridengine-look.ts';
import { recordOf, requestedOf } from './gridengine-requested.ts';
import { GRIDENGINE_SCRIPT } from './gridengine-scripts.ts';
import { describedGridEngine, versionOf } from './gridengine-site.ts';
import { readSubmission } from './gridengine-submission.ts';
import { qsubOptions } from './qsub-options.ts';
import type { Job, Scheduler, Standing } from './scheduler.ts';

/**
 * Grid Engine by its own programs: qsub, qstat, qacct, qrls, qdel, qconf, and a POSIX shell, awk and coreutils beside them. Tried on Son of Grid
 * Engine 8.1.9; the words of SGE 6.2 and of Univa's are read where they are known to differ.
 */
export function gridengineScheduler(): Scheduler {
  const ask = <T>(words: readonly string[], what: string, read: (answer: Answer) => T): Ask<T> => ({
    command: { argv: ['sh', '-s', '--', ...words], stdin: GRIDENGINE_SCRIPT },
    read: (output) => read(readAnswer(output, what)),
  });
  return {
    name: 'gridengine',
    excludes: true,
    holdsRunning: true,
    failsForward: true,
    options: qsubOptions,
    counted: countedByGridEngine,
    submitHeld: (job) => {
      const fault = unfitForGridEngine(job);
      if (fault) return { command: { argv: ['true'] }, read: () => refuse(fault) };
      return {
        command: { argv: ['sh', '-s', '--', 'submit', ...submissionWords(job)], stdin: GRIDENGINE_SCRIPT, env: job.environment },
        read: readSubmission,
      };
    },
    sender: (name) => name,
    readBack: (id, name) =>
      ask(['show', id], `job ${id}`, (answer) => {
        if (answer.parts.get('job')?.exit !== 0 && NO_SUCH_JOB.test(wordsOf(answer, 'job'))) return null;
        const text = goodPart(answer, 'job', `job ${id}`);
        if (name !== undefined && readName(recordOf(text).get('job_name') ?? '').name !== name) return null;
        return requestedOf(text);
      }),
    release: (id) => {
      const [job = '', index = ''] = id.split('_');
      return ask(['release', job, index], `the release of job ${id}`, readRelease(id));
    },
    hold: (tasks) => ask(['hold', ...tasks.map(taskWord)], 'the hold', saidOf('hold')),
    unhold: (tasks) => ask(['unhold', ...tasks.map(taskWord)], 'the release', saidOf('unhold')),
    find: (names, user) => {
      const what = `jobs named ${names[0]}${names.length > 1 ? ` and ${names.length - 1} others` : ''}`;
      return ask(['find', user, ...names], what, readFound(names, user, what));
    },
    poll: ({ jobs, user, late = [] }) => {
      // What came late is in the queue, which is asked for where there is a job; none has the id 0.
      const asked = jobs.length === 0 && late.length > 0 ? [{ id: '0', open: 0, name: '-' }] : jobs;
      return ask(
        ['poll', user, ...asked.map(({ id, open, name }) => `${id}:${open ?? 1}:${name}`)],
        'the jobs',
        readLook(jobs, user, late),
      );
    },
    queue: (user) => ask(['queue', user], 'the queue', readQueue),
    cancel: (jobs, user) => ask(['cancel', user, ...jobs.map(({ id, name }) => `${id}:${name}`)], 'the cancellation', readCancel),
    clear: (id) => ask(['clear', id], `job ${id}`, readClear(id)),
    history: (user, since, ids) => ask(['history', user], 'your jobs', (answer) => historyOf(answer, user, since, ids)),
    test: (job) => {
      const fault = unfitForGridEngine(job);
      if (fault) return { command: { argv: ['true'] }, read: () => [unfitFinding(fault)] };
      return ask(testWords(job), 'the test of the job', (answer) => findingsOf(answer, job));
    },
    version: () =>
      ask(['version'], 'the version', (answer) => {
        goodPart(answer, 'health', 'the version');
        return versionOf(answer);
      }),
    describe: () => ask(['describe'], 'the site', describedGridEngine),
    standing: (id) => ask(['standing', id], `job ${id}`, standingOf),
  };
}

function testWords(job: Job): string[] {
  const { requested } = job;
  const folder = job.stdout.slice(0, Math.max(1, job.stdout.lastIndexOf('/')));
  const range = requested.indices ? ['-t', numbered(requested.indices).range] : [];
  const pe = requested.cpus > 1 ? (requested.names?.pe ?? '-') : '-';
  return ['test', folder, pe, '-w', 'v', '-b', 'n', '-N', 'al_test', ...range, ...resourceOptions(requested)];
}

/** qstat -j 8.1.9, of an id that the qmaster has no job of; it knows each one that is not over. */
const NO_SUCH_JOB = /^Following jobs do not exist/m;

/** qrls says the same of a job that was released before; whether it is still held is the queue's to say. */
function readRelease(id: string): (answer: Answer) => void {
  return (answer) => {
    const part = answer.parts.get('release');
    if (part?.exit === 0) return;
    const words = wordsOf(answer, 'release');
    const code: FailureCode = isUnreachable(words) ? 'scheduler_unreachable' : 'scheduler_refused';
    throw new Failure(code, {
      what: `Grid Engine did not release job ${id}`,
      why: part ? `qrls ended with ${part.exit}` : 'qrls was not started',
      next: 'run `autolab-mcp monitor`: the queue says whether it is still held; if the site does not let you release, ask its staff, or cancel the run',
      quoted: quote(words, 500),
    });
  };
}

/** qmod(1) 8.1.9 says so of each job and task whose error it has cleared; it ends with 0 in any case. */
const CLEARED = /cleared error state of job/;

function readClear(id: string): (answer: Answer) => void {
  return (answer) => {
    const words = wordsOf(answer, 'clear');
    if (CLEARED.test(words)) return;
    throw new Failure(isUnreachable(words) ? 'scheduler_unreachable' : 'scheduler_refused', {
      what: `Grid Engine did not clear the error of job ${id}`,
      why: 'it is in no error state, or somebody else’s',
      next: 'run `autolab-mcp monitor`: the queue says how it stands',
      quoted: quote(words, 500),
    });
  };
}

/** Whether what was to end has ended, or is ending, is the queue's to say. */
function readCancel(answer: Answer): void {
  needQueue(answer, 'the cancellation');
  const left = answer.fields.get('left')?.trim() ?? '';
  if (left === '') return;
  const part = answer.parts.get('cancel');
  const why = `qdel ended with ${part?.exit ?? 'nothing'}, and the queue still shows job ${left.replaceAll(' ', ', ')}`;
  throw unusable('the cancellation', why, wordsOf(answer, 'cancel'));
}

/** An id that nobody knows may be forgotten, or another cluster's: that is no end. */
function standingOf(answer: Answer): Standing {
  if (answer.parts.get('job')?.exit === 0) return 'there';
  if (!NO_SUCH_JOB.test(wordsOf(answer, 'job'))) return 'unknown';
  return answer.parts.get('record')?.exit === 0 ? 'gone' : 'unknown';
}

function refuse(fault: { has: string; next: string }): never {
  throw new Failure('scheduler_refused', {
    what: 'the job cannot be given to Grid Engine',
    why: `it has ${fault.has}`,
    next: fault.next,
  });
}
