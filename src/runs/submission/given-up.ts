import { existsSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { readText, writeAtomic } from '../../base/files.ts';
import type { ActingPermit } from '../../base/permit.ts';
import type { JobId } from '../../sites/schedulers/scheduler.ts';
import type { Site } from '../../sites/site.ts';
import { LATE_LIMIT } from '../evidence/timings.ts';
import type { Run } from '../run.ts';
import { gateOf, partsOf, record, reread, withRun } from '../run.ts';
import type { Attempt } from '../types.ts';
import { since } from './look-up.ts';

type Submitted = { id: JobId; name: string };

/**
 * Gives an attempt up of which nothing was found, so that another one can take its place: what is accepted of it later ends itself, held or
 * not. The job script claims its task first and then looks here; here it is noted first and then looked for claims, so that one of both
 * sees the other. Gives the job that has begun it already, and then nothing is given up.
 */
export async function giveUpAttempt(
  run: Run,
  { far }: Pick<Site, 'far'>,
  permit: ActingPermit,
  { step, attempt }: Pick<Attempt, 'step' | 'attempt'>,
): Promise<JobId | undefined> {
  const gate = gateOf(run);
  if (far) return far.giveUp(permit, gate, step, attempt);
  const note = join(gate, 'given-up', `${step}.${attempt}`);
  writeAtomic(note, 'nothing of it was there\n');
  const owner = claimOf(gate, step, attempt);
  if (owner !== undefined) rmSync(note, { force: true });
  return owner;
}

function claimOf(gate: string, step: string, attempt: number): JobId | undefined {
  const claims = join(gate, 'claim');
  const names = existsSync(claims) ? readdirSync(claims) : [];
  const own = names.filter((name) => name.startsWith(`${step}.`) && /^\d+\.\d+$/.test(name.slice(step.length + 1)));
  const [claim] = own.filter((name) => name.endsWith(`.${attempt}`));
  return claim === undefined ? undefined : readText(join(claims, claim, 'job'))?.trim() || undefined;
}

/**
 * Gives up whatever attempts before this one were not seen, so that nothing of them runs beside it; one of which was not certain is decided
 * on by that. Gives the job of one that has begun: then nothing may be sent beside it.
 */
export async function giveUpBefore(
  run: Run,
  site: Pick<Site, 'far'>,
  permit: ActingPermit,
  { step, attempt: next }: Attempt,
): Promise<JobId | undefined> {
  for (const { attempt, phase, ...one } of run.record.attempts) {
    if (one.step !== step || attempt >= next || (phase !== 'none' && phase !== 'unknown')) continue;
    const owner = await giveUpAttempt(run, site, permit, { step, attempt });
    if (owner !== undefined) return owner;
  }
  return undefined;
}

/** Nothing of an attempt was there: what was certainly not accepted is given up; whoever has begun it already is the run's job. */
export async function nothingFound(
  run: Run,
  site: Site,
  permit: ActingPermit,
  attempt: Attempt,
  memory: number | null,
): Promise<Run> {
  const of = { step: attempt.step, attempt: attempt.attempt };
  const age = since(attempt.intentAt);
  const certain = memory === null || (age >= 0 && age <= memory);
  if (!certain && attempt.phase === 'unknown') return run;
  const owner = certain ? await giveUpAttempt(run, site, permit, attempt) : undefined;
  if (owner !== undefined) return record(run, { event: 'submitted', ...of, job_id: owner, adopted: true });
  const why = certain
    ? 'a healthy look found no job of this name: nothing was accepted'
    : `no job of this name, but the scheduler forgets jobs after ${memory} s: it may have been cancelled while it was held`;
  return record(run, { event: 'absent', ...of, certain, why });
}

/** Names of attempts that were given up not long ago, under which a job may still come: a submission can be on its way for long. */
export function lateNames(run: Run): string[] {
  return partsOf(run).flatMap(({ record: { attempts } }) =>
    attempts
      .filter(({ phase, intentAt }, at) => {
        const isGivenUp = phase === 'none' || (phase === 'unknown' && at < attempts.length - 1);
        return isGivenUp && Date.now() - Date.parse(intentAt) < LATE_LIMIT * 1000;
      })
      .map(({ name }) => name),
  );
}

/** Cancels and records what was accepted of attempts after they had been given up. Gives it in words. */
export async function cancelLate(run: Run, site: Site, permit: ActingPermit, late: readonly Submitted[]): Promise<string[]> {
  const names = new Set(lateNames(run));
  const ours = late.filter(({ name }) => names.has(name));
  if (ours.length === 0) return [];
  await site.cancel(permit, ours);
  await withRun(run, 'cancelling a surplus job', () =>
    record(reread(run), ...ours.map(({ id, name }) => ({ event: 'surplus' as const, job_id: id, name }))),
  );
  return ours.map(
    ({ id }) =>
      `${run.id}: job ${id} was accepted after its submission had been given up: it never ran, and is cancelled; the run goes on with its own job`,
  );
}
