import { isDeepStrictEqual } from 'node:util';
import type { Marker, MarkerLook, Restart } from '../../sites/job-script.ts';
import type { JobView, Look } from '../../sites/schedulers/scheduler.ts';
import { everyTask, tasksOf } from '../children/children.ts';
import type { ChildSight } from '../children/children-look.ts';
import { observeChildren } from '../children/children-look.ts';
import type { JournalEvent } from '../journal.ts';
import { decidedStep, stepOf } from '../launch/plan.ts';
import { current } from '../record.ts';
import type { Run } from '../run.ts';
import { allowance, excess } from '../submission/allowance.ts';
import type { Attempt, TaskRecord } from '../types.ts';
import { judgeTask } from './evidence.ts';
import { mayMove, rootCause, stateFromTasks, TASK_OVER } from './lifecycle.ts';
import { CLOCK_SKEW, TIMINGS } from './timings.ts';

/** Whether a poll can tell anything new about a run: it is at the scheduler and not all of its tasks are over. */
export function isWatched(run: Run): boolean {
  const attempt = current(run.record);
  return (
    attempt?.jobId != null && attempt.phase === 'released' && everyTask(run.record).some((task) => !TASK_OVER.has(task.state))
  );
}

/** Its own job where that is not over, with how many of its tasks are still waited for. */
export function openJobs({ record }: Run): { id: string; name: string; open: number }[] {
  const attempt = current(record);
  const open = record.tasks.filter((task) => !TASK_OVER.has(task.state)).length;
  return attempt?.jobId != null && open > 0 ? [{ id: attempt.jobId, name: attempt.name, open }] : [];
}

/** Whether a task of the run has left the queue, so that its markers must be looked at. */
export function needsMarkers(run: Run, look: Look): boolean {
  const views = viewsOf(run, look.jobs);
  return run.record.tasks.some((task) => {
    if (TASK_OVER.has(task.state)) return false;
    const view = views.get(task.index);
    return !view || !LIVE.has(view.state);
  });
}

/** In seconds: every command that a look consists of may take half a minute, and what it found waits for a lock. */
const LONGEST_LOOK = 300;

const LIVE = new Set(['pending', 'held', 'suspended', 'requeued', 'running', 'completing']);

/** What one look means for one run, as journal events. Pure; empty when nothing is new. */
export function observe(
  run: Run,
  look: Look,
  markers: MarkerLook | undefined,
  parentFailed = false,
  sight?: ChildSight,
  before?: { failed: string | undefined; open: boolean },
): JournalEvent[] {
  const attempt = current(run.record);
  const timings = attempt && TIMINGS[run.plan.scheduler];
  if (!attempt || !timings || !isWatched(run) || isOlder(look, run.record.lookedAt)) return [];
  const views = viewsOf(run, look.jobs);
  const evidence = evidenceOf(attempt, markers);
  const judged = run.record.tasks.map((task) =>
    judgeTask(
      task,
      {
        view: isEarlier(views.get(task.index), evidence.starts.get(task.index), run.plan.scheduler)
          ? undefined
          : views.get(task.index),
        marker: evidence.markers.get(task.index),
        healthy: look.healthy,
        at: look.at,
        cancelled: run.record.cancelling,
        parentFailed: parentFailed || before?.failed !== undefined,
        causeOpen: before?.open ?? false,
        memoryMb: decidedStep(run).requested.memoryMb,
        duplicateOf: evidence.owners.get(task.index),
      },
      timings,
    ),
  );
  const tasks = judged.map((task, at) =>
    // What failed because of another run says so, once and for all.
    before?.failed !== undefined && task.failure === 'dependency' && run.record.tasks[at]?.failure == null
      ? { ...task, detail: before.failed }
      : task,
  );
  const news = tasks.filter((task, at) => !same(task, run.record.tasks[at]));
  const events: JournalEvent[] =
    news.length > 0 ? [{ event: 'observed', step: attempt.step, attempt: attempt.attempt, looked: look.at, tasks: news }] : [];
  const children = sight ? observeChildren(run.record, look, sight, timings) : (run.record.children ?? []);
  const changed = children.filter(
    (child) =>
      !isDeepStrictEqual(
        child,
        run.record.children?.find(({ slot }) => slot === child.slot),
      ),
  );
  if (changed.length > 0)
    events.push({ event: 'children', step: attempt.step, attempt: attempt.attempt, looked: look.at, children: changed });
  return run.step === undefined ? [...events, ...moves(run, [...tasks, ...children.flatMap(tasksOf)])] : events;
}

/** Looked before another one that is recorded already. By more than a look can take it was the site's clock that was set back. */
function isOlder({ at }: Look, recorded: number | null): boolean {
  return recorded !== null && at < recorded && recorded - at <= LONGEST_LOOK;
}

/** The move of a run that follows from its tasks; of one of several steps from all of theirs. */
export function moves({ record }: Run, tasks: readonly TaskRecord[] = everyTask(record)): JournalEvent[] {
  const from = record.state;
  const move = stateFromTasks(tasks);
  return move && move.to !== from && mayMove(from, move.to) ? [{ event: 'moved', from, to: move.to, because: move.because }] : [];
}

/** Whether a step that this one waits for has failed. */
export function parentFailed(whole: Run, part: Run): boolean {
  const parents = part.step === undefined ? [] : (stepOf(part).after ?? []).filter(({ on }) => on === 'success');
  return parents.some(({ step }) => whole.steps?.some((one) => one.step === step && rootCause(one.record.tasks) !== undefined));
}

/** What a job that waits or runs may use beyond what was decided on: somebody changed it, or the site gives more than was asked for. */
export function grown(run: Run, look: Look): string[] {
  const planned = allowance(decidedStep(run));
  const mays = [...viewsOf(run, look.jobs).values()].flatMap(({ may }) => may ?? []);
  return [...new Set(mays.flatMap((may) => excess(planned, { ...planned, ...may })))];
}

/** The same of a job that a script submitted, beyond what was declared for each. */
export function grownChildren(run: Run, look: Look): string[] {
  const { submits } = decidedStep(run);
  if (!submits) return [];
  const planned = allowance({ requested: submits.each, ...(submits.worst ? { worst: submits.worst } : {}) });
  const ours = new Set((run.record.children ?? []).map(({ job, name }) => `${job} ${name}`));
  const rows = look.jobs.filter(({ id, name }) => ours.has(`${id} ${name}`));
  return [
    ...new Set(
      rows.flatMap(({ id, may }) => (may ? excess(planned, { ...planned, ...may }).map((more) => `${id}: ${more}`) : [])),
    ),
  ];
}

/** Rows of this very job: same id, same name with its nonce, same user's listing. A recycled id never has our name. */
function viewsOf(run: Run, jobs: readonly JobView[]): Map<number, JobView> {
  const attempt = current(run.record);
  const views = new Map<number, JobView>();
  for (const view of rowsOf(jobs).get(attempt?.jobId ?? '') ?? []) {
    if (view.name === attempt?.name) views.set(view.index ?? 0, view);
  }
  return views;
}

function rowsOf(jobs: readonly JobView[]): ReadonlyMap<string, readonly JobView[]> {
  const known = indices.get(jobs);
  if (known) return known;
  const rows = new Map<string, JobView[]>();
  for (const view of jobs) {
    const its = rows.get(view.id);
    if (its) its.push(view);
    else rows.set(view.id, [view]);
  }
  indices.set(jobs, rows);
  return rows;
}

/** Looks by the ids of their rows: one look tells of many runs. */
const indices = new WeakMap<readonly JobView[], ReadonlyMap<string, readonly JobView[]>>();

type Start = Pick<Restart, 'restart' | 'at'>;

/**
 * What the gate folder says of one attempt of this very job, by task: the last start where there was more than one, that start's marker, and the job that had
 * claimed it first.
 */
function evidenceOf(
  attempt: Attempt,
  look: MarkerLook | undefined,
): { markers: Map<number, Marker>; owners: Map<number, string>; starts: Map<number, Start> } {
  const markers = new Map<number, Marker>();
  const owners = new Map<number, string>();
  const starts = new Map<number, Start>();
  const isOurs = (one: { step: string; attempt: number; job_id: string }) =>
    one.step === attempt.step && one.attempt === attempt.attempt && one.job_id === attempt.jobId;
  for (const one of look?.restarts ?? [])
    if (isOurs(one) && one.restart > (starts.get(one.task)?.restart ?? 0)) starts.set(one.task, one);
  for (const one of look?.markers ?? []) {
    const last = markers.get(one.task)?.restart ?? starts.get(one.task)?.restart ?? 0;
    if (isOurs(one) && one.restart >= last) markers.set(one.task, one);
  }
  for (const one of look?.duplicates ?? []) if (isOurs(one)) owners.set(one.task, one.owner);
  return { markers, owners, starts };
}

/** Ends after which a scheduler starts the same job again. Of any other it stands by its word, whatever a job has written of further starts. */
const STARTED_AGAIN: ReadonlySet<JobView['state']> = new Set(['preempted', 'node_failure']);

/** A scheduler's word on an end before the last start: of that it has not heard yet, or has forgotten it. */
function isEarlier(view: JobView | undefined, start: Start | undefined, scheduler: string): boolean {
  if (!view || !start || view.ended === null || !STARTED_AGAIN.has(view.state)) return false;
  return view.ended + (CLOCK_SKEW[scheduler] ?? 0) < start.at;
}

function same(a: TaskRecord, b: TaskRecord | undefined): boolean {
  return b !== undefined && JSON.stringify(a) === JSON.stringify(b);
}
