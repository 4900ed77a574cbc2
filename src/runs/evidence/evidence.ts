import { quote } from '../../base/text.ts';
import type { Marker } from '../../sites/job-script.ts';
import type { JobState, JobView } from '../../sites/schedulers/scheduler.ts';
import type { FailureClass, TaskRecord } from '../types.ts';
import { TASK_OVER } from './lifecycle.ts';
import type { Timings } from './timings.ts';

/** What one look showed of one task. */
export type Sight = {
  /** The scheduler's row, undefined where it has none. */
  view: JobView | undefined;
  /** The task's own marker, already matched on job id, step and attempt. */
  marker: Marker | undefined;
  /** Whether the look proves anything by what it does not show. */
  healthy: boolean;
  /** Epoch seconds at the site. */
  at: number;
  /** Whether we asked for this job's cancellation. */
  cancelled: boolean;
  /** Whether a step it waits for has failed, by our own journal. */
  parentFailed?: boolean;
  /** Whether a run that it waits for is not over by our own journal. */
  causeOpen?: boolean;
  /** What one task may use, in MiB, where a limit was asked for. */
  memoryMb?: number | null;
  /** The job that had claimed this task first, where this one ended itself for that. */
  duplicateOf?: string | undefined;
};

/** What a job script says that ended itself at one start too many. */
export const RESTARTED = 'it was started again more often than the policy grants';

export function unseen(index: number): TaskRecord {
  return {
    index,
    state: 'pending',
    failure: null,
    detail: null,
    blocked: false,
    exit: null,
    node: null,
    started: null,
    ended: null,
    estimatedStart: null,
    used: null,
    evidence: 'none',
    missed: 0,
    missingSince: null,
    stdout: null,
    stderr: null,
  };
}

/**
 * The evidence table: one task's next record from its last one and one look. Pure. A task that is over stays as it is; a scheduler's
 * failure always wins over a marker; success needs a marker that says so, or the scheduler's own word after the filesystem's grace.
 */
export function judgeTask(before: TaskRecord, sight: Sight, timings: Timings): TaskRecord {
  if (TASK_OVER.has(before.state)) return before;
  const { view, marker } = sight;
  const seen: TaskRecord = { ...before, ...facts(before, sight), missed: 0, missingSince: null };
  if (!view) return judgeGone(before, seen, sight, timings);
  const live = LIVE[view.state];
  if (live) return { ...seen, state: live, detail: waitingWords(view), blocked: view.blocked, evidence: 'scheduler' };
  if (isTakenBack(view, sight) && view.ended !== null && isFresh(view, sight, timings))
    return { ...seen, state: 'pending', detail: 'taken back; how the run that it waits for ended is not recorded yet' };
  const fault = FAULTS[view.state];
  if (fault) return fail(seen, fault(sight), faultWords(view, marker), marker ? 'scheduler+marker' : 'scheduler');
  if (view.state === 'failed' && sight.duplicateOf !== undefined)
    return fail(seen, 'duplicate', `job ${sight.duplicateOf} has this task; nothing was run twice`, 'scheduler+marker');
  if (view.state === 'failed') return judgeFailed(seen, view, sight, timings);
  if (view.state === 'completed')
    return marker ? judgeMarker(seen, marker, 'scheduler+marker') : judgeUnmarked(before, seen, sight, timings);
  return { ...seen, state: 'unknown', detail: `the scheduler says ${view.word}, which is in no table`, evidence: 'scheduler' };
}

const LIVE: Partial<Record<JobState, TaskRecord['state']>> = {
  pending: 'pending',
  requeued: 'pending',
  held: 'held',
  suspended: 'suspended',
  running: 'running',
  completing: 'running',
};

/** Ends that are failures whatever a marker says. */
const FAULTS: Partial<Record<JobState, (sight: Sight) => FailureClass>> = {
  timeout: () => 'time_limit',
  out_of_memory: () => 'out_of_memory',
  node_failure: () => 'node_failure',
  preempted: () => 'preempted',
  // A scheduler takes back what waits for a parent that failed, and may have forgotten why.
  cancelled: ({ parentFailed, cancelled, marker }) => (parentFailed && !cancelled && !marker ? 'dependency' : 'cancelled'),
  dependency: () => 'dependency',
};

function judgeMarker(seen: TaskRecord, marker: Marker, evidence: TaskRecord['evidence']): TaskRecord {
  if (marker.refused === 'drift') return fail(seen, 'drift', driftWords(marker), evidence);
  if (marker.refused === 'launch')
    return fail(seen, 'launch', 'its folder, modules or setup lines failed before the script began', evidence);
  if (marker.refused === 'restart') return fail(seen, 'node_failure', RESTARTED, evidence);
  if (marker.refused === 'dependency')
    return fail(seen, 'dependency', 'nothing shows that what it comes after ended as it waits for', evidence);
  if (marker.refused === 'unneeded')
    return {
      ...seen,
      state: 'succeeded',
      failure: null,
      detail: 'not needed: the leg before it has ended well',
      blocked: false,
      evidence,
      unneeded: true,
    };
  const signals = marker.signals.length > 0 ? ` after ${marker.signals.join(', ')}` : '';
  if (marker.exit !== 0) return fail(seen, 'exit_code', `exit code ${marker.exit}${signals}`, evidence);
  if (signals) return { ...fail(seen, 'interrupted', `it ended with exit code 0${signals}`, evidence), state: 'interrupted' };
  return { ...seen, state: 'succeeded', failure: null, detail: null, blocked: false, evidence };
}

function driftWords({ input }: Marker): string {
  if (input === undefined) return 'the script in the run folder is not the one that was approved';
  return `its input ${quote(input, 200)} is not what it was at the submission`;
}

/** What our job script tells the scheduler where what others are built on was told to end and ended well (JOB_SCRIPT_EXIT in sites/job-script.ts). */
export const LEG_INTERRUPTED = 75;

/** The scheduler says it failed. A marker may say how; one that says it went well changes nothing. */
function judgeFailed(seen: TaskRecord, view: JobView, sight: Sight, timings: Timings): TaskRecord {
  const { marker, cancelled, memoryMb } = sight;
  if (memoryMb && wasKilled(view, marker)) {
    const used = seen.used?.maxRssMb ?? 0;
    const words = `it was killed; it had used ${Math.ceil(used)} MB where ${memoryMb} MB were asked for`;
    if (used > memoryMb) return fail(seen, 'out_of_memory', words, marker ? 'scheduler+marker' : 'scheduler');
    // Accounting hears of an end a moment later than the queue.
    if (seen.used === null && isFresh(view, sight, timings))
      return { ...seen, state: 'running', detail: 'it was killed; what it used is not recorded yet', evidence: 'scheduler' };
  }
  if (marker && ((marker.refused && marker.refused !== 'unneeded') || marker.exit !== 0))
    return judgeMarker(seen, marker, 'scheduler+marker');
  // Our job script's own word to the scheduler.
  if (marker && marker.signals.length > 0 && view.exit === LEG_INTERRUPTED) return judgeMarker(seen, marker, 'scheduler+marker');
  if (marker) return fail(seen, 'exit_code', faultWords(view, marker), 'scheduler+marker');
  return fail(seen, cancelled ? 'cancelled' : 'exit_code', exitWords(view.exit, view.signal), 'scheduler');
}

/** Before it began and by nobody that we know of, while how the run it waits for ended is not recorded yet. */
function isTakenBack({ state }: JobView, { causeOpen, cancelled, marker }: Sight): boolean {
  return causeOpen === true && (state === 'dependency' || (state === 'cancelled' && !cancelled && !marker));
}

/** It ended so little ago that others may not have heard of it. */
function isFresh({ ended }: JobView, { at }: Sight, { grace }: Timings): boolean {
  return Math.abs(at - (ended ?? at)) < grace;
}

/** By KILL, which is all that Slurm's own memory watch leaves behind (slurm.conf(5), OverMemoryKill): its word is FAILED then. */
function wasKilled(view: JobView, marker: Marker | undefined): boolean {
  return view.signal === 9 || marker?.exit === 137 || view.exit === 137;
}

/** The scheduler says it went well and the job's own marker is not there (yet). */
function judgeUnmarked(before: TaskRecord, seen: TaskRecord, sight: Sight, timings: Timings): TaskRecord {
  const since = before.missed === 0 ? Math.min(before.missingSince ?? sight.at, sight.at) : sight.at;
  // By our looks alone: the controller's clock may be another one.
  if (sight.at - since < timings.grace) {
    return {
      ...seen,
      state: 'running',
      detail: 'ended; its marker is not visible yet',
      evidence: 'scheduler',
      missingSince: since,
    };
  }
  return {
    ...seen,
    state: 'succeeded',
    failure: null,
    detail: 'on the scheduler’s word alone: the job left no marker',
    blocked: false,
    evidence: 'scheduler',
  };
}

/** The scheduler has no row. Only a healthy look, with a marker or often and long enough without one, says anything. */
function judgeGone(before: TaskRecord, seen: TaskRecord, sight: Sight, timings: Timings): TaskRecord {
  if (!sight.healthy) return { ...before, detail: 'the scheduler did not answer usably; this is the last proven state' };
  const missed = before.missed + 1;
  // Never later than now: the site's clock may have been set back.
  const missingSince = before.missed === 0 ? sight.at : Math.min(before.missingSince ?? sight.at, sight.at);
  if (sight.marker && sight.at - missingSince < (timings.recordLag ?? 0))
    return { ...seen, state: 'running', detail: 'ended; the scheduler has not recorded how yet', missed, missingSince };
  if (sight.marker) return judgeMarker(seen, sight.marker, 'marker');
  const isUnbegun = sight.cancelled && before.started === null;
  const patience = isUnbegun ? (timings.cancelledAfter ?? timings.lostAfter) : timings.lostAfter;
  if (missed >= timings.lostLooks && sight.at - missingSince >= patience) {
    if (sight.cancelled) return fail(seen, 'cancelled', 'it left the scheduler after its cancellation was asked for', 'none');
    return fail(seen, 'lost', `in no record of the scheduler in ${missed} looks, and it left no marker`, 'none');
  }
  return { ...before, state: 'unknown', detail: 'in no record of the scheduler, and no marker yet', missed, missingSince };
}

function facts(before: TaskRecord, { view, marker }: Sight): Partial<TaskRecord> {
  return {
    exit: marker?.exit ?? view?.exit ?? before.exit,
    node: view?.node ?? marker?.node ?? before.node,
    started: view?.started ?? marker?.started ?? before.started,
    ended: view?.ended ?? marker?.ended ?? before.ended,
    estimatedStart: view?.estimatedStart ?? null,
    used: view?.used ?? before.used,
    stdout: marker?.stdout ?? before.stdout,
    stderr: marker?.stderr ?? before.stderr,
  };
}

function fail(seen: TaskRecord, failure: FailureClass, detail: string, evidence: TaskRecord['evidence']): TaskRecord {
  return { ...seen, state: 'failed', failure, detail, blocked: false, evidence };
}

function waitingWords(view: JobView): string | null {
  if (view.state === 'running' || view.state === 'completing') return null;
  return view.reason ?? (view.state === 'held' ? 'held' : null);
}

function faultWords(view: JobView, marker: Marker | undefined): string {
  const own = marker ? `; the script itself ended with exit code ${marker.exit}` : '';
  return `the scheduler says ${view.word}${view.reason ? ` (${view.reason})` : ''}${own}`;
}

function exitWords(exit: number | null, signal: number | null): string {
  if (signal) return `ended by signal ${signal}`;
  return exit === null ? 'the scheduler says failed and gives no exit code' : `exit code ${exit}`;
}
