import type { FailureCode } from '../../base/errors.ts';
import { Failure } from '../../base/errors.ts';
import { quote } from '../../base/text.ts';
import type { Ask } from '../transports/transport.ts';
import { sbatchOptions } from './sbatch-options.ts';
import { sbatchRecorder } from './sbatch-recorder.ts';
import type { Scheduler } from './scheduler.ts';
import type { Answer } from './slurm-answers.ts';
import { goodPart, isUnreachable, readAnswer, unusable } from './slurm-answers.ts';
import { countedBySlurm, sbatchOptionsOf, unfitForSlurm } from './slurm-arguments.ts';
import { findingsOf } from './slurm-findings.ts';
import { historyOf } from './slurm-history.ts';
import { readHeld, saidOf, taskList } from './slurm-holds.ts';
import { accountingIsSilent, needQueue, provenQueue, readFound, readLook, readQueue } from './slurm-look.ts';
import { requestedOf } from './slurm-requested.ts';
import { SLURM_SCRIPT } from './slurm-scripts.ts';
import { shapesOf } from './slurm-shapes.ts';
import { describedSite, versionOf } from './slurm-site.ts';
import { slurmStanding } from './slurm-standing.ts';
import { readSubmission } from './slurm-submission.ts';
import { worstOnSlurm } from './slurm-worst.ts';

/**
 * Slurm by its own programs: sbatch, squeue, sacct, scontrol, scancel, and a POSIX shell, awk and coreutils beside them. Tried on 22.05;
 * written against the manual pages of 20.11 to 25.x. Works with and without accounting; nothing depends on comments being kept.
 */
export function slurmScheduler(): Scheduler {
  const ask = <T>(words: readonly string[], what: string, read: (answer: Answer) => T): Ask<T> => ({
    command: { argv: ['sh', '-s', '--', ...words], stdin: SLURM_SCRIPT },
    read: (output) => read(readAnswer(output, what)),
  });
  return {
    name: 'slurm',
    excludes: true,
    holdsRunning: true,
    options: sbatchOptions,
    recorder: { program: 'sbatch', text: sbatchRecorder, read: readSubmission },
    counted: countedBySlurm,
    worst: (requested) =>
      ask(['shapes', requested.partition ?? ''], 'the nodes', (answer) => worstOnSlurm(requested, shapesOf(answer))),
    submitHeld: (job) => {
      const fault = unfitForSlurm(job);
      if (fault !== undefined) return { command: { argv: ['true'] }, read: () => refuse(fault) };
      return {
        command: {
          argv: [
            'sbatch',
            '--parsable',
            ...(job.after.length === 0 || job.held ? ['--hold'] : []),
            ...sbatchOptionsOf(job),
            job.script,
          ],
          env: job.environment,
        },
        read: readSubmission,
      };
    },
    sender: (name) => `--job-name=${name}`,
    readBack: (id, name) =>
      ask(['show', id], `job ${id}`, (answer) => {
        if (answer.parts.get('job')?.exit !== 0 && NO_SUCH_JOB.test(answer.stderr)) return null;
        const text = goodPart(answer, 'job', `job ${id}`);
        const called = /^JobId=\d+ .*?\bJobName=(.*)$/m.exec(text)?.[1];
        if (name !== undefined && called !== name) return null;
        return requestedOf(text);
      }),
    release: (id) => ask(['release', id], `the release of job ${id}`, readRelease(id)),
    hold: (tasks) => ask(['hold', ...tasks.map(taskList)], 'the hold', saidOf('hold')),
    unhold: (tasks) => ask(['unhold', ...tasks.map(taskList)], 'the release', saidOf('unhold')),
    heldTasks: (ids) => ask(['held', ...ids], 'the arrays', (answer) => readHeld(goodPart(answer, 'held', 'the arrays'))),
    find: (names, user, since) => {
      const what = `jobs named ${names[0]}${names.length > 1 ? ` and ${names.length - 1} others` : ''}`;
      return ask(['find', user, String(Math.floor(since)), ...names], what, readFound(names, user, what));
    },
    poll: ({ jobs, user, since, late = [] }) => {
      // What came late is in the queue, which is asked for where there is a job; none has the id 0.
      const asked = jobs.length === 0 && late.length > 0 ? [{ id: '0', open: 0, name: '-' }] : jobs;
      return ask(
        ['poll', user, String(Math.floor(since)), ...asked.map(({ id, open, name }) => `${id}:${open ?? 1}:${name}`)],
        'the jobs',
        readLook(jobs, user, late),
      );
    },
    queue: (user) => ask(['queue', user], 'the queue', readQueue),
    cancel: (jobs, user) => ask(['cancel', user, ...jobs.map(({ id, name }) => `${id}:${name}`)], 'the cancellation', readCancel),
    history: (user, since, ids) =>
      ask(['history', user, String(Math.floor(since)), ...ids], 'your jobs', (answer) => {
        needQueue(answer, 'your jobs');
        const part = answer.parts.get('accounting');
        if (!part || !accountingIsSilent(answer))
          throw unusable('your jobs', 'accounting does not answer', `${part?.text ?? ''}\n${answer.stderr}`.trim());
        return historyOf(answer, part.exit === 0);
      }),
    test: (job) => {
      const fault = unfitForSlurm(job);
      const folder = job.stdout.slice(0, Math.max(1, job.stdout.lastIndexOf('/')));
      if (fault !== undefined)
        return { command: { argv: ['true'] }, read: () => [{ severity: 'error', what: `it has ${fault}` }] };
      const asked = ask(
        ['test', job.requested.partition ?? '', folder, ...sbatchOptionsOf(job)],
        'the test of the job',
        (answer) => findingsOf(answer, job),
      );
      return { ...asked, command: { ...asked.command, env: job.environment } };
    },
    version: () => ask(['version'], 'the version', versionOf),
    describe: (user) => ask(['describe', user], 'the site', describedSite),
    standing: slurmStanding,
    memory: () =>
      ask(['memory'], 'its configuration', (answer) => {
        const age = /^MinJobAge\s*=\s*(\d+)/m.exec(goodPart(answer, 'config', 'its configuration'))?.[1];
        // 0 keeps jobs for ever (slurm.conf(5)).
        return age === undefined ? 0 : Number(age) === 0 ? null : Math.floor(Number(age) * 0.8);
      }),
  };
}

/** scontrol 22.05, of an id that the controller has no job of; it knows each one that it has accepted and that is not over. */
const NO_SUCH_JOB = /\bInvalid job id specified$/m;

/** What scontrol 22.05 says, with exit code 1, of the tasks of an array where another of them is over already. */
const RELEASED = /: (?:No error|Job has already finished)$|already completing or completed|no longer pending/;

/** scontrol ends with 1 for a job that is released already, too; whether it is still held is the queue's to say. */
function readRelease(id: string): (answer: Answer) => void {
  return (answer) => {
    const part = answer.parts.get('release');
    if (part?.exit === 0) return;
    const words = `${part?.text ?? ''}\n${answer.stderr}`.trim();
    if (part && words.split('\n').every((line) => RELEASED.test(line))) return;
    const code: FailureCode = isUnreachable(words) ? 'scheduler_unreachable' : 'scheduler_refused';
    throw new Failure(code, {
      what: `Slurm did not release job ${id}`,
      why: part ? `scontrol ended with ${part.exit}` : 'scontrol was not started',
      next: 'run `autolab-mcp monitor`: the queue says whether it is still held; if the site does not let you release, ask its staff, or cancel the run',
      quoted: quote(words, 500),
    });
  };
}

/** Whether what was to end has ended is the queue's to say: scancel says nothing of what it did not do, and complains of what it did. */
function readCancel(answer: Answer): void {
  provenQueue(answer, 'the cancellation');
  const left = answer.fields.get('left')?.trim() ?? '';
  if (left === '') return;
  const part = answer.parts.get('cancel');
  throw unusable(
    'the cancellation',
    `scancel ended with ${part?.exit ?? 'nothing'}, and the queue still shows job ${left.replaceAll(' ', ', ')}`,
    `${part?.text ?? ''}\n${answer.stderr}`.trim(),
  );
}

function refuse(fault: string): never {
  throw new Failure('scheduler_refused', {
    what: 'the job cannot be given to Slurm',
    why: `it has ${fault}`,
    next: 'mend it in launch/launch.yaml or rename the folder, and submit again',
  });
}
