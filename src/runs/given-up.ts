import { existsSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { readText, writeAtomic } from '../base/files.ts';
import type { ActingPermit } from '../base/permit.ts';
import type { JobId } from '../sites/schedulers/scheduler.ts';
import type { Site } from '../sites/site.ts';
import type { Run } from './run.ts';
import { gateOf, partsOf, record, reread, withRun } from './run.ts';
import type { Attempt } from './types.ts';

type Submitted = { id: JobId; name: string };

/**
 * Gives an attempt up of which nothing was found, so that another one can take its place: what is accepted of it later ends itself, held or
 * not. The job script claims its task first and then looks here; here it is noted first and then looked for claims, so that one of both
 * sees the other. Gives the job that has begun it already, and then nothing is given up.
 */
export function giveUpAttempt(run: Run, { step, attempt }: Pick<Attempt, 'step' | 'attempt'>): JobId | undefined {
  const gate = gateOf(run);
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

/** The names of a run's attempts that were given up. */
export function givenUpNames(run: Run): string[] {
  return partsOf(run).flatMap(({ record: { attempts } }) =>
    attempts.filter(({ phase }) => phase === 'none').map(({ name }) => name),
  );
}

/** Cancels and records what was accepted of attempts after they had been given up. Gives it in words. */
export async function cancelLate(run: Run, site: Site, permit: ActingPermit, late: readonly Submitted[]): Promise<string[]> {
  const names = new Set(givenUpNames(run));
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
