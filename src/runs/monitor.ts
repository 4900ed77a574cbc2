import type { MarkerLook } from '../sites/job-script.ts';
import type { JobView, Look } from '../sites/schedulers/scheduler.ts';
import { judgeTask } from './evidence.ts';
import type { JournalEvent } from './journal.ts';
import { mayMove, stateFromTasks, TASK_OVER } from './lifecycle.ts';
import { current } from './record.ts';
import type { Run } from './run.ts';
import { TIMINGS } from './timings.ts';
import type { Attempt, TaskRecord } from './types.ts';

/** Whether a poll can tell anything new about a run: it is at the scheduler and not all of its tasks are over. */
export function isWatched(run: Run): boolean {
  const attempt = current(run.record);
  return attempt?.jobId != null && attempt.phase === 'released' && run.record.tasks.some((task) => !TASK_OVER.has(task.state));
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

const LIVE = new Set(['pending', 'held', 'suspended', 'requeued', 'running', 'completing']);

/** What one look means for one run, as journal events. Pure; empty when nothing is new. */
export function observe(run: Run, look: Look, markers: MarkerLook | undefined): JournalEvent[] {
  const attempt = current(run.record);
  const timings = attempt && TIMINGS[run.plan.scheduler];
  if (!attempt || !timings || !isWatched(run) || (run.record.lookedAt ?? 0) > look.at) return [];
  const views = viewsOf(run, look.jobs);
  const tasks = run.record.tasks.map((task) =>
    judgeTask(
      task,
      {
        view: views.get(task.index),
        marker: markerOf(attempt, task.index, markers),
        healthy: look.healthy,
        at: look.at,
        cancelled: run.record.cancelling,
        duplicateOf: ownerOf(attempt, task.index, markers),
      },
      timings,
    ),
  );
  const news = tasks.filter((task, at) => !same(task, run.record.tasks[at]));
  const events: JournalEvent[] =
    news.length > 0 ? [{ event: 'observed', step: attempt.step, attempt: attempt.attempt, looked: look.at, tasks: news }] : [];
  const move = stateFromTasks(tasks);
  const from = run.record.state;
  if (move && move.to !== from && mayMove(from, move.to))
    events.push({ event: 'moved', from, to: move.to, because: move.because });
  return events;
}

/** Rows of this very job: same id, same name with its nonce, same user's listing. A recycled id never has our name. */
function viewsOf(run: Run, jobs: readonly JobView[]): Map<number, JobView> {
  const attempt = current(run.record);
  const views = new Map<number, JobView>();
  for (const view of jobs) {
    if (view.id === attempt?.jobId && view.name === attempt.name) views.set(view.index ?? 0, view);
  }
  return views;
}

/** The job that claimed the task before ours did. */
function ownerOf(attempt: Attempt, index: number, look: MarkerLook | undefined): string | undefined {
  return look?.duplicates.find(
    (one) => one.step === attempt.step && one.attempt === attempt.attempt && one.task === index && one.job_id === attempt.jobId,
  )?.owner;
}

/** The last start's marker of this attempt of this job. */
function markerOf(attempt: Attempt, index: number, look: MarkerLook | undefined) {
  return look?.markers
    .filter((m) => m.step === attempt.step && m.attempt === attempt.attempt && m.task === index && m.job_id === attempt.jobId)
    .sort((a, b) => b.restart - a.restart)[0];
}

function same(a: TaskRecord, b: TaskRecord | undefined): boolean {
  return b !== undefined && JSON.stringify(a) === JSON.stringify(b);
}
