import { asFailure, Failure } from '../../base/errors.ts';
import type { ActingPermit, Permit } from '../../base/permit.ts';
import { quote } from '../../base/text.ts';
import type { Job, JobView, Requested } from '../../sites/schedulers/scheduler.ts';
import type { Site } from '../../sites/site.ts';
import { awaited, lapsed } from '../chain/after-runs.ts';
import { isOver } from '../evidence/lifecycle.ts';
import { TIMINGS } from '../evidence/timings.ts';
import type { JournalEvent } from '../journal.ts';
import { decidedStep, planDigest } from '../launch/plan.ts';
import { current } from '../record.ts';
import type { Run } from '../run.ts';
import { record } from '../run.ts';
import type { Attempt } from '../types.ts';
import { allowance, excess } from './allowance.ts';
import { giveUpBefore, nothingFound } from './given-up.ts';
import type { LookUp } from './look-up.ts';
import { lastHeard, oneByOne, sayIfLate, seen, whyNotFound } from './look-up.ts';
import { OVER } from './taken-back.ts';

const BEGUN = new Set(['running', 'completing', 'suspended', 'completed']);

/**
 * Submits the journalled intent of a run exactly once and releases it. The caller holds the run's lock and has journalled the intent.
 * Whatever happens in between, `resume` finishes it: held → recorded → read back → released.
 */
export async function submit(run: Run, site: Site, job: Job, permit: Permit<'spend'>): Promise<Run> {
  const after = await send(run, site, job, permit);
  return current(after.record)?.phase === 'submitted'
    ? release(after, site, permit, current(after.record)?.adopted !== true)
    : after;
}

/** The first half: gives the job to the scheduler and records what came of it. Nothing is released. */
export async function send(run: Run, site: Site, job: Job, permit: Permit<'spend'>): Promise<Run> {
  const attempt = must(run);
  const others = awaited(run);
  const its = others.length > 0 ? { ...job, after: [...job.after, ...others], held: true as const } : job;
  const of = { step: attempt.step, attempt: attempt.attempt };
  const begun = await giveUpBefore(run, site, permit, attempt);
  if (begun !== undefined)
    return record(run, { event: 'absent', ...of, certain: false, why: `not sent: job ${begun} of an attempt before has begun` });
  sayIfLate(run, site);
  const answer = await site.submitHeld(permit, attempt.planDigest, its);
  if ('refused' in answer) {
    const quoted = quote(answer.refused, 500);
    return record(run, { event: 'refused', ...of, quoted }, ...ended(run, `launch: the scheduler refused: ${quoted}`));
  }
  if ('ambiguous' in answer) {
    return resume(record(run, { event: 'ambiguous', ...of, why: quote(answer.ambiguous, 500) }), site, permit, false);
  }
  return record(run, { event: 'submitted', ...of, job_id: answer.accepted, adopted: false });
}

/**
 * Finishes a submission that was cut off, from what the journal and the scheduler say: adopts, records, releases, or finds out that
 * there is nothing. Submits nothing: that takes a new decision. The caller holds the run's lock. `mayRelease` is whether the
 * journalled decision still stands under today's policy; what is being cancelled comes to its end all the same.
 */
export async function resume(
  run: Run,
  site: Site,
  permit: ActingPermit,
  mayRelease = true,
  looks: LookUp = oneByOne(site),
): Promise<Run> {
  const attempt = current(run.record);
  if (!attempt) return run;
  switch (attempt.phase) {
    case 'intent':
    case 'ambiguous':
    case 'unknown':
      return adopt(run, site, permit, attempt, mayRelease, looks);
    case 'submitted':
    case 'releasing':
      // With differences it was cut off while it was being withdrawn.
      if (run.record.differences.length > 0) return withdraw(run, site, permit);
      return release(run, site, permit, false, mayRelease);
    case 'refused':
    case 'withdrawn':
      return isOver(run.record.state) || run.record.opened ? run : record(run, ...ended(run, whyEnded(run)));
    case 'released':
    case 'none':
      return run;
  }
}

async function adopt(
  run: Run,
  site: Site,
  permit: ActingPermit,
  attempt: Attempt,
  mayRelease: boolean,
  looks: LookUp,
): Promise<Run> {
  const of = { step: attempt.step, attempt: attempt.attempt };
  if (!TIMINGS[site.kind]) return run;
  let rows: readonly JobView[];
  try {
    rows = await looks.rows(attempt, () => lastHeard(run));
  } catch (error) {
    return attempt.phase === 'ambiguous' ? run : record(run, { event: 'ambiguous', ...of, why: whyNotFound(asFailure(error)) });
  }
  const ids = [...new Set(rows.map((row) => row.id))].sort((a, b) => a.localeCompare(b, 'en', { numeric: true }));
  // Where one has begun it has the claim, and the others are the surplus.
  const first = rows.find((row) => BEGUN.has(row.state))?.id ?? ids[0];
  if (first === undefined) return nothingFound(run, site, permit, attempt, await looks.memory());
  const surplus = ids.filter((id) => id !== first);
  if (surplus.length > 0) {
    await site.cancel(
      permit,
      surplus.map((id) => ({ id, name: attempt.name })),
    );
    run = record(run, ...surplus.map((id) => ({ event: 'surplus' as const, job_id: id, name: attempt.name })));
  }
  const adopted = record(run, { event: 'submitted', ...of, job_id: first, adopted: true });
  return mayRelease ? release(adopted, site, permit) : adopted;
}

/**
 * Reads the held job back, refuses one that is more than its plan, and lets it go. Safe to repeat until `released` is journalled; a job
 * that is held is read back every time, since it can have been changed in between. What is being cancelled is never let go. A job that was
 * accepted a moment ago need not be looked up to know that it is held. Without `mayRelease`, and while the repository is paused, a held job
 * stays so, and one that is not held any more is written down as that.
 */
export async function release(run: Run, site: Site, permit: ActingPermit, isFresh = false, mayRelease = true): Promise<Run> {
  const attempt = must(run);
  const { jobId } = attempt;
  if (jobId === null) return run;
  const of = { step: attempt.step, attempt: attempt.attempt };
  const accepted = attempt.submittedAt ?? attempt.intentAt;
  const before = isFresh ? [] : await seen(site, attempt, accepted);
  if (before.length > 0 && !before.some(({ id }) => id === jobId)) return mistaken(run, site, permit, mayRelease);
  const row = isFresh ? { state: 'held' as const } : before.find((one) => one.id === jobId);
  const isReleasing = attempt.phase === 'releasing';
  if (!mayRelease && !run.record.cancelling && row?.state === 'held') return run;
  if (run.record.state === 'pending')
    run = record(run, { event: 'moved', from: 'pending', to: 'submitted', because: `job ${jobId} on ${site.name}` });
  if (run.record.cancelling && row && !OVER.has(row.state)) {
    await site.cancel(permit, [{ id: jobId, name: attempt.name }]);
    return run;
  }
  if (row && (row.state === 'held' || (!isReleasing && !OVER.has(row.state)))) {
    const actual = await site.readBack(jobId, attempt.name);
    if (!actual) return mistaken(run, site, permit, mayRelease);
    const differences = differencesOf(run, attempt, actual);
    if (!isReleasing || differences.length > 0) run = record(run, { event: 'read_back', ...of, differences });
    if (differences.length > 0) return withdraw(run, site, permit, BEGUN.has(row.state));
  }
  const why = run.step === undefined && row?.state === 'held' ? await lapsed(run, site) : undefined;
  if (why !== undefined) return withdraw(run, site, permit, false, why);
  // Whoever pauses after this look waits for the lock of this run, and then holds the job.
  if (row?.state === 'held' && site.paused?.()) return run;
  if (!isReleasing) run = record(run, { event: 'releasing', ...of });
  const denied = row?.state === 'held' ? await tryRelease(site, permit, jobId) : undefined;
  const after = row?.state === 'held' ? await seen(site, attempt, accepted) : before;
  const held = after.find((one) => one.id === jobId && one.state === 'held');
  if (held) throw denied ?? stillHeld(jobId, held);
  return record(run, { event: 'released', ...of });
}

function stillHeld(id: string, { reason }: JobView): Failure {
  return new Failure('scheduler_answer', {
    what: `job ${id} is still held although it was released`,
    why: reason ?? 'the queue says so',
    next: 'run `autolab-mcp monitor`, which releases it again; if it stays so, ask the site’s staff, or cancel the run',
  });
}

/** The scheduler's refusal, if it said one: it lies in both directions, so the queue is looked at before it is believed. */
async function tryRelease(site: Site, permit: ActingPermit, id: string): Promise<Failure | undefined> {
  try {
    await site.release(permit, id);
    return undefined;
  } catch (error) {
    return asFailure(error);
  }
}

/** The job of the id that was named is left alone, and ours is looked up by its name. */
async function mistaken(run: Run, site: Site, permit: ActingPermit, mayRelease: boolean): Promise<Run> {
  const { step, attempt, jobId } = must(run);
  const why = `job ${jobId}, which the scheduler named, is not this one`;
  return resume(record(run, { event: 'ambiguous', step, attempt, why }), site, permit, mayRelease);
}

/** Makes sure that the id which the scheduler named is that of our job. */
export async function owned(run: Run, site: Site, permit: ActingPermit): Promise<Run> {
  const { jobId, name } = must(run);
  return (await site.readBack(jobId ?? '', name)) ? run : mistaken(run, site, permit, false);
}

/** Reads a job back that was accepted, and records what it is more than was decided on. Where it is another one, ours is looked up. */
export async function readBack(run: Run, site: Site, permit: ActingPermit): Promise<Run> {
  const attempt = must(run);
  const actual = await site.readBack(attempt.jobId ?? '', attempt.name);
  if (!actual) return mistaken(run, site, permit, false);
  const differences = differencesOf(run, attempt, actual);
  return record(run, { event: 'read_back', step: attempt.step, attempt: attempt.attempt, differences });
}

/** What the job is more than was decided on. A plan that was altered since is compared with nothing: it decides nothing. */
function differencesOf(run: Run, attempt: Attempt, actual: Requested): string[] {
  if (planDigest(run.decided ?? run.plan) !== attempt.planDigest) return ['plan.json is not the plan that was decided on'];
  return excess(allowance(decidedStep(run)), actual);
}

async function withdraw(run: Run, site: Site, permit: ActingPermit, begun = false, because?: string): Promise<Run> {
  const attempt = must(run);
  const why = because ?? `the held job is more than its plan: ${run.record.differences.join('; ')}`;
  await site.cancel(permit, [{ id: attempt.jobId ?? '', name: attempt.name }]);
  return record(
    run,
    { event: 'withdrawn', step: attempt.step, attempt: attempt.attempt, why, ...(begun ? { begun: true as const } : {}) },
    ...ended(run, because ?? `drift: ${why}`),
  );
}

/** Of a run whose submission ended and was cut off before that was said of the run. */
function whyEnded({ record: { refused, differences } }: Run): string {
  if (refused !== null) return `launch: the scheduler refused: ${refused}`;
  const more = differences.length > 0 ? `: the held job is more than its plan: ${differences.join('; ')}` : '';
  return `withdrawn before it was let go${more}`;
}

/** What ends the whole run. A step ends its run only together with the other steps: see chain-submission.ts. */
function ended(run: Run, because: string): JournalEvent[] {
  return run.step === undefined ? [{ event: 'moved', from: run.record.state, to: 'failed', because }] : [];
}

function must(run: Run): Attempt {
  const attempt = current(run.record);
  if (!attempt) throw new Error(`run ${run.id} has no journalled intent`);
  return attempt;
}
