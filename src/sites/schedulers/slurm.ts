import type { FailureCode } from '../../base/errors.ts';
import { Failure } from '../../base/errors.ts';
import { quote } from '../../base/text.ts';
import type { Ask } from '../transports/transport.ts';
import { sbatchOptions } from './sbatch-options.ts';
import { sbatchRecorder } from './sbatch-recorder.ts';
import type { JobState, JobView, Look, PollQuery, Scheduler } from './scheduler.ts';
import { accountingRows } from './slurm-accounting.ts';
import type { Answer } from './slurm-answers.ts';
import { goodPart, isHealthy, isUnreachable, readAnswer, unusable } from './slurm-answers.ts';
import { countedBySlurm, sbatchOptionsOf, unfitForSlurm } from './slurm-arguments.ts';
import { findingsOf } from './slurm-findings.ts';
import { historyOf } from './slurm-history.ts';
import { requestedOf } from './slurm-requested.ts';
import { merged, queueRows } from './slurm-rows.ts';
import { SLURM_SCRIPT } from './slurm-scripts.ts';
import { shapesOf } from './slurm-shapes.ts';
import { describedSite, NO_ACCOUNTING, versionOf } from './slurm-site.ts';
import { slurmStanding } from './slurm-standing.ts';
import { isOver } from './slurm-states.ts';
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
    readBack: (id) => ask(['show', id], `job ${id}`, (answer) => requestedOf(goodPart(answer, 'job', `job ${id}`))),
    release: (id) => ask(['release', id], `the release of job ${id}`, readRelease(id)),
    find: (name, user, since) => ask(['find', name, user, String(Math.floor(since))], `jobs named ${name}`, readFound(name)),
    poll: ({ jobs, user, since, strays }) =>
      ask(
        ['poll', user, String(Math.floor(since)), ...jobs.map(({ id, open }) => `${id}:${open ?? 1}`)],
        'the jobs',
        readLook(jobs, new Set(strays)),
      ),
    queue: (user) =>
      ask(['queue', user], 'the queue', (answer) => {
        // An array is one job, and waits until its first task has started.
        const live = provenQueue(answer, 'the queue').filter((view) => !isOver(view.state));
        const started = live.filter(({ state }) => !WAITING.has(state));
        const active = new Set(live.map(({ id }) => id)).size;
        return { active, pending: active - new Set(started.map(({ id }) => id)).size };
      }),
    cancel: (jobs, user) => ask(['cancel', user, ...jobs.map(({ id, name }) => `${id}:${name}`)], 'the cancellation', readCancel),
    history: (user, since, ids) =>
      ask(['history', user, String(Math.floor(since)), ...ids], 'your jobs', (answer) => {
        provenQueue(answer, 'your jobs');
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

const WAITING: ReadonlySet<JobState> = new Set(['pending', 'held', 'suspended', 'requeued']);

/** The queue's rows; throws where it could not be read, or where an empty one is not proven. */
function provenQueue(answer: Answer, what: string): JobView[] {
  const queue = answer.parts.get('queue');
  if (queue?.exit === 0 && isHealthy(answer)) return queueRows(answer);
  const ping = answer.parts.get('ping')?.text ?? '';
  throw unusable(what, queue ? `squeue ended with ${queue.exit}` : 'squeue was not asked', `${answer.stderr}\n${ping}`.trim());
}

/** Whether accounting's silence says anything: it answered, or there is none. */
function accountingIsSilent(answer: Answer): boolean {
  const part = answer.parts.get('accounting');
  return part === undefined || part.exit === 0 || NO_ACCOUNTING.test(`${part.text}\n${answer.stderr}`);
}

function readFound(name: string): (answer: Answer) => JobView[] {
  return (answer) => {
    const what = `jobs named ${name}`;
    const rows = provenQueue(answer, what).filter((view) => view.name === name);
    if (rows.length > 0) return rows;
    if (!accountingIsSilent(answer))
      throw unusable(
        what,
        'the queue has none, and accounting does not answer',
        `${answer.parts.get('accounting')?.text ?? ''}\n${answer.stderr}`.trim(),
      );
    return accountingRows(answer).filter((view) => view.name === name);
  };
}

/** Rows of what was asked. Not healthy where the queue or accounting did not answer: then what is missing proves nothing. */
function readLook(jobs: PollQuery['jobs'], strays: ReadonlySet<string>): (answer: Answer) => Look {
  const asked = new Set(jobs.map(({ id, name }) => `${id} ${name}`));
  return (answer) => {
    const at = Number(answer.fields.get('clock') ?? Number.NaN);
    if (!Number.isSafeInteger(at)) throw unusable('the jobs', 'it has no clock', answer.stderr);
    const healthy = jobs.length === 0 || (isHealthy(answer) && accountingIsSilent(answer));
    const rows = merged(queueRows(answer), accountingRows(answer));
    const views = rows.filter((view) => asked.has(`${view.id} ${view.name}`) || strays.has(view.name));
    return healthy ? { at, healthy, jobs: views } : { at, healthy, trouble: troubleOf(answer), jobs: views };
  };
}

/** What the clients said of what is wrong. */
function troubleOf(answer: Answer): string {
  const ping = answer.parts.get('ping')?.text ?? '';
  const said = [answer.stderr, /\bis UP\b/.test(ping) ? '' : ping].flatMap((text) => text.split('\n'));
  return quote([...new Set(said.map((line) => line.trim()).filter(Boolean))].join('; '), 300);
}

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

function readCancel(answer: Answer): void {
  provenQueue(answer, 'the cancellation');
  const part = answer.parts.get('cancel');
  const words = `${part?.text ?? ''}\n${answer.stderr}`.trim();
  if (!part || part.exit === 0 || /already completing or completed|Invalid job id/.test(words)) return;
  throw unusable('the cancellation', `scancel ended with ${part.exit}`, words);
}

function refuse(fault: string): never {
  throw new Failure('scheduler_refused', {
    what: 'the job cannot be given to Slurm',
    why: `it has ${fault}`,
    next: 'mend it in launch/launch.yaml or rename the folder, and submit again',
  });
}
