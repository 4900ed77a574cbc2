import { setTimeout as sleep } from 'node:timers/promises';
import { asFailure } from '../base/errors.ts';
import type { ActingPermit, Permit } from '../base/permit.ts';
import { quote } from '../base/text.ts';
import type { Job, JobView } from '../sites/schedulers/scheduler.ts';
import type { Site } from '../sites/site.ts';
import { excess, onlyStep } from './plan.ts';
import { current } from './record.ts';
import type { Run } from './run.ts';
import { record } from './run.ts';
import { TIMINGS } from './timings.ts';
import type { Attempt } from './types.ts';

const OVER = new Set(['completed', 'failed', 'timeout', 'cancelled', 'out_of_memory', 'node_failure', 'preempted', 'dependency']);

/**
 * Submits the journalled intent of a run exactly once and releases it. The caller holds the run's lock and has journalled the intent.
 * Whatever happens in between, `resume` finishes it: held → recorded → read back → released.
 */
export async function submit(run: Run, site: Site, job: Job, permit: Permit<'spend'>): Promise<Run> {
  const attempt = must(run);
  const answer = await site.submitHeld(permit, attempt.planDigest, job);
  const of = { step: attempt.step, attempt: attempt.attempt };
  if ('refused' in answer) {
    const quoted = quote(answer.refused, 500);
    return record(
      run,
      { event: 'refused', ...of, quoted },
      { event: 'moved', from: run.record.state, to: 'failed', because: `launch: the scheduler refused: ${quoted}` },
    );
  }
  if ('ambiguous' in answer) {
    return resume(record(run, { event: 'ambiguous', ...of, why: quote(answer.ambiguous, 500) }), site, permit);
  }
  return release(record(run, { event: 'submitted', ...of, job_id: answer.accepted, adopted: false }), site, permit);
}

/**
 * Finishes a submission that was cut off, from what the journal and the scheduler say: adopts, records, releases, or finds out that
 * there is nothing. Submits nothing: that takes a new decision. The caller holds the run's lock. `mayRelease` is whether the
 * journalled decision still stands under today's policy.
 */
export async function resume(run: Run, site: Site, permit: ActingPermit, mayRelease = true): Promise<Run> {
  const attempt = current(run.record);
  if (!attempt) return run;
  switch (attempt.phase) {
    case 'intent':
    case 'ambiguous':
    case 'unknown':
      return adopt(run, site, permit, attempt, mayRelease);
    case 'submitted':
    case 'releasing':
      return mayRelease ? release(run, site, permit) : run;
    case 'released':
    case 'refused':
    case 'none':
    case 'withdrawn':
      return run;
  }
}

async function adopt(run: Run, site: Site, permit: ActingPermit, attempt: Attempt, mayRelease: boolean): Promise<Run> {
  const of = { step: attempt.step, attempt: attempt.attempt };
  const timings = TIMINGS[site.kind] ?? TIMINGS.slurm;
  if (!timings) return run;
  const age = () => (Date.now() - Date.parse(attempt.intentAt)) / 1000;
  let rows: JobView[];
  for (;;) {
    const waited = age() >= timings.visibility;
    try {
      rows = await site.find(attempt.name);
    } catch (error) {
      const why = asFailure(error).message;
      return attempt.phase === 'ambiguous'
        ? run
        : record(run, { event: 'ambiguous', ...of, why: `it could not be looked up: ${quote(why, 300)}` });
    }
    if (rows.length > 0 || waited) break;
    await sleep(Math.max(50, (timings.visibility - age()) * 1000));
  }
  const ids = [...new Set(rows.map((row) => row.id))].sort((a, b) => a.localeCompare(b, 'en', { numeric: true }));
  const [first, ...surplus] = ids;
  if (first === undefined) return nothingFound(run, of, attempt, timings.memory, age());
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

function nothingFound(
  run: Run,
  of: { step: string; attempt: number },
  attempt: Attempt,
  memory: number | null,
  age: number,
): Run {
  const certain = memory === null || age <= memory;
  if (!certain && attempt.phase === 'unknown') return run;
  const why = certain
    ? 'a healthy look found no job of this name: nothing was accepted'
    : `no job of this name, but the scheduler forgets jobs after ${memory} s: it may have been cancelled while it was held`;
  return record(run, { event: 'absent', ...of, certain, why });
}

/** Reads the held job back, refuses one that is more than its plan, and lets it go. Safe to repeat until `released` is journalled. */
async function release(run: Run, site: Site, permit: ActingPermit): Promise<Run> {
  const attempt = must(run);
  const { jobId } = attempt;
  if (jobId === null) return run;
  const of = { step: attempt.step, attempt: attempt.attempt };
  if (run.record.state === 'pending')
    run = record(run, { event: 'moved', from: 'pending', to: 'submitted', because: `job ${jobId} on ${site.name}` });
  const before = await site.find(attempt.name);
  const row = before.find((one) => one.id === jobId);
  if (attempt.phase !== 'releasing' && row && !OVER.has(row.state)) {
    const differences = excess(onlyStep(run.plan).requested, await site.readBack(jobId));
    run = record(run, { event: 'read_back', ...of, differences });
    if (differences.length > 0)
      return withdraw(run, site, permit, `the held job is more than its plan: ${differences.join('; ')}`);
  }
  if (attempt.phase !== 'releasing') run = record(run, { event: 'releasing', ...of });
  if (row?.state === 'held') await site.release(permit, jobId);
  const after = row?.state === 'held' ? await site.find(attempt.name) : before;
  if (after.some((one) => one.id === jobId && one.state === 'held')) return run;
  return record(run, { event: 'released', ...of });
}

async function withdraw(run: Run, site: Site, permit: ActingPermit, why: string): Promise<Run> {
  const attempt = must(run);
  await site.cancel(permit, [{ id: attempt.jobId ?? '', name: attempt.name }]);
  return record(
    run,
    { event: 'withdrawn', step: attempt.step, attempt: attempt.attempt, why },
    { event: 'moved', from: run.record.state, to: 'failed', because: `drift: ${why}` },
  );
}

function must(run: Run): Attempt {
  const attempt = current(run.record);
  if (!attempt) throw new Error(`run ${run.id} has no journalled intent`);
  return attempt;
}
