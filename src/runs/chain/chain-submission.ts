import type { ActingPermit, Permit } from '../../base/permit.ts';
import type { Job, JobView } from '../../sites/schedulers/scheduler.ts';
import type { Site } from '../../sites/site.ts';
import { isOver, TASK_OVER } from '../evidence/lifecycle.ts';
import { stepOf } from '../launch/plan.ts';
import { current } from '../record.ts';
import type { Run } from '../run.ts';
import { record, reread } from '../run.ts';
import type { LookUp } from '../submission/look-up.ts';
import { oneByOne, startOf } from '../submission/look-up.ts';
import { owned, readBack, release, resume, send } from '../submission/submission.ts';
import { mayHaveRun } from '../submission/taken-back.ts';
import type { Attempt } from '../types.ts';
import { lapsed } from './after-runs.ts';

/** A step with its job; `after` is filled in when the jobs it waits for have their ids. */
export type StepJob = { step: string; job: Job };

/**
 * Submits the journalled intents of a run of several steps, each exactly once, in the order of the plan: those that begin are held,
 * the others wait for them at the scheduler. Only when all are accepted and read back is anything let go, so that a chain is whole or
 * nothing of it runs. Stops at the first answer that is not certain; the next call goes on. The caller holds the run's lock.
 */
export async function submitChain(run: Run, site: Site, jobs: readonly StepJob[], permit: Permit<'spend'>): Promise<Run> {
  for (const { step, job } of jobs) {
    const now = stepOfRun(run, step);
    // Its intent can have been found and given up by another call, and a later one be journalled since.
    if (phaseOf(now) !== 'intent' || current(now.record)?.name !== job.name) continue;
    const after = await send(now, site, { ...job, after: parentsOf(now) }, permit);
    if (phaseOf(after) !== 'submitted') break;
    // Who waits for another's job begins when that one ends.
    if (isAwaited(after) && phaseOf(await owned(after, site, permit)) !== 'submitted') break;
  }
  return finishChain(reread(run), site, permit, true);
}

/** Finishes a chain whose submission was cut off, from what journal and scheduler say. Submits nothing: that takes a new decision. */
export async function resumeChain(
  run: Run,
  site: Site,
  permit: ActingPermit,
  mayRelease: boolean,
  looks: LookUp = oneByOne(site),
): Promise<Run> {
  giveUpUnsent(run);
  for (const { step = '' } of run.steps ?? []) {
    const now = stepOfRun(run, step);
    if (UNCERTAIN.has(phaseOf(now) ?? '')) await resume(now, site, permit, false, looks);
  }
  return finishChain(reread(run), site, permit, mayRelease);
}

/** A step is sent when the one before it is written down as accepted, so the intents behind the first that is not certain were never sent. */
export function giveUpUnsent(run: Run): void {
  const steps = intended(run);
  const first = steps.findIndex((step) => UNCERTAIN.has(phaseOf(step) ?? ''));
  for (const { step = '' } of first < 0 ? [] : steps.slice(first + 1)) {
    const now = stepOfRun(run, step);
    const attempt = current(now.record);
    const why = `it was not sent: step ${steps[first]?.step} was not accepted yet`;
    if (attempt?.phase === 'intent') record(now, { event: 'absent', step, attempt: attempt.attempt, certain: true, why });
  }
}

async function finishChain(run: Run, site: Site, permit: ActingPermit, mayRelease: boolean): Promise<Run> {
  const steps = intended(run);
  if (steps.length === 0) return run;
  const stopped = steps.find((step) => ENDED.has(phaseOf(step) ?? ''));
  if (stopped) return undo(run, site, permit, whyStopped(stopped));
  if (run.record.cancelling) return undo(run, site, permit, CANCELLED);
  const isWhole = meant(run).every(({ record: its }) => !its.opened && current(its)?.jobId != null);
  if (!isWhole) return run;
  if (!mayRelease) return steps.some(wasLetGo) ? letGo(run, steps, site, permit, false) : run;
  for (const { step = '' } of steps) {
    const now = stepOfRun(run, step);
    if (phaseOf(now) !== 'submitted') continue;
    const read = await readBack(now, site, permit);
    if (current(read.record)?.jobId !== current(now.record)?.jobId)
      return undo(reread(run), site, permit, `the scheduler named another job for step ${step} than it had accepted`);
    if (read.record.differences.length > 0)
      return undo(reread(run), site, permit, `drift: step ${step} is more than its plan: ${read.record.differences.join('; ')}`);
  }
  const why = steps.some((step) => phaseOf(step) !== 'released') ? await lapsed(run, site) : undefined;
  if (why !== undefined) return undo(reread(run), site, permit, why);
  const accepted = reread(run);
  if (accepted.record.state === 'pending') {
    const ids = intended(accepted).flatMap((step) => current(step.record)?.jobId ?? []);
    record(accepted, { event: 'moved', from: 'pending', to: 'submitted', because: `jobs ${ids.join(', ')} on ${site.name}` });
  }
  return letGo(run, steps, site, permit, true);
}

/** Whatever begins is let go last: until then nothing runs that could be more than was decided on. */
async function letGo(run: Run, steps: readonly Run[], site: Site, permit: ActingPermit, mayRelease: boolean): Promise<Run> {
  for (const { step = '' } of [...steps].reverse()) {
    const now = stepOfRun(run, step);
    if (phaseOf(now) !== 'submitted' && phaseOf(now) !== 'releasing') continue;
    const after = await release(now, site, permit, false, mayRelease);
    if (phaseOf(after) === 'withdrawn') return undo(reread(run), site, permit, whyStopped(after));
  }
  return reread(run);
}

function wasLetGo(step: Run): boolean {
  return phaseOf(step) === 'releasing' || phaseOf(step) === 'released';
}

/**
 * Takes back every job of a chain that will not be whole, and ends the run; it stays open while it is not known whether the scheduler took
 * another step, so that the next call finds that one and takes it back, too. Safe to repeat.
 */
async function undo(run: Run, site: Site, permit: ActingPermit, why: string): Promise<Run> {
  const steps = intended(run);
  const there = steps.filter((step) => ACCEPTED.has(phaseOf(step) ?? '') && !hasEnded(step));
  const jobs = there.flatMap(({ record: its }) => {
    const { jobId = null, name = '' } = current(its) ?? {};
    return jobId === null ? [] : [{ id: jobId, name }];
  });
  const before = await rowsOf(site, there).catch(() => []);
  if (jobs.length > 0) await site.cancel(permit, jobs);
  const rows = await rowsOf(site, there);
  for (const { step = '' } of there) {
    const now = stepOfRun(run, step);
    const attempt = current(now.record);
    // Whether it was let go when the call was cut off nobody has written down.
    const begun = wasLetGo(now) || mayHaveRun(attempt?.jobId ?? '', before, rows) ? { begun: true as const } : {};
    if (attempt) record(now, { event: 'withdrawn', step, attempt: attempt.attempt, why, ...begun });
  }
  // What was not sent in this call was resolved before it, so nothing of it can be there.
  for (const { step = '' } of steps) {
    const now = stepOfRun(run, step);
    const attempt = current(now.record);
    if (attempt?.phase === 'intent')
      record(now, { event: 'absent', step, attempt: attempt.attempt, certain: true, why: 'it was not sent' });
  }
  const after = reread(run);
  if (isOver(after.record.state) || intended(after).some((step) => phaseOf(step) === 'ambiguous')) return after;
  return record(after, { event: 'moved', from: after.record.state, to: 'failed', because: why });
}

/** What the queue says of the jobs of these steps that were not let go. */
async function rowsOf(site: Site, steps: readonly Run[]): Promise<JobView[]> {
  const rows: JobView[] = [];
  for (const { record: its } of steps) {
    const attempt = current(its);
    if (attempt?.phase === 'submitted') rows.push(...(await site.find(attempt.name, startOf(attempt))));
  }
  return rows;
}

/** The steps that are to be submitted: all of them, or those of a retry. */
function meant({ steps = [], reopening }: Run): readonly Run[] {
  return steps.filter(({ step }) => reopening?.steps.some(({ name }) => name === step) !== false);
}

/** The steps that are being submitted: what has ended before a retry and is no part of it stays what it is. */
export function intended(run: Run): readonly Run[] {
  return meant(run).filter(({ record: { opened } }) => !opened);
}

const UNCERTAIN: ReadonlySet<string> = new Set(['intent', 'ambiguous', 'unknown']);
const ENDED: ReadonlySet<string> = new Set(['refused', 'withdrawn']);
const ACCEPTED: ReadonlySet<string> = new Set(['submitted', 'releasing', 'released']);

const CANCELLED = 'cancelled before it began';

function whyStopped(step: Run): string {
  const { refused, differences } = step.record;
  const name = step.step ?? '';
  if (step.record.cancelling && refused === null && differences.length === 0) return CANCELLED;
  if (refused !== null) return `launch: the scheduler refused step ${name}: ${refused}`;
  return differences.length > 0
    ? `drift: step ${name} is more than its plan: ${differences.join('; ')}`
    : `step ${name} was withdrawn`;
}

/** The step as it is now: another step may have written to the journal they share. */
function stepOfRun(run: Run, step: string): Run {
  const found = reread({ ...run, step });
  if (found.step === step) return found;
  throw new Error(`run ${run.id} has no step ${step}`);
}

function isAwaited({ plan, step }: Run): boolean {
  return plan.steps.some(({ after = [] }) => after.some((one) => one.step === step));
}

function hasEnded(step: Run): boolean {
  return step.record.tasks.every(({ state }) => TASK_OVER.has(state));
}

function phaseOf(step: Run): Attempt['phase'] | undefined {
  return current(step.record)?.phase;
}

/**
 * The jobs a step waits for. A parent that has succeeded by our own journal is not named: a scheduler that has forgotten it would
 * take the dependency for satisfied whatever had become of it.
 */
function parentsOf(step: Run): Job['after'] {
  return (stepOf(step).after ?? []).flatMap(({ step: name, on }) => {
    const parent = reread({ ...step, step: name });
    const id = current(parent.record)?.jobId;
    // Whether it was interrupted the job script finds out: the scheduler is asked to wait for the end, however that is.
    return hasEnded(parent) || id == null ? [] : [{ id, on: on === 'success' ? on : 'any' }];
  });
}
