import type { ActingPermit } from '../../base/permit.ts';
import type { JobId } from '../../sites/schedulers/scheduler.ts';
import type { Site } from '../../sites/site.ts';
import { current } from '../record.ts';
import type { Run } from '../run.ts';
import { partsOf, record, reread } from '../run.ts';
import type { Attempt } from '../types.ts';
import { giveUpAttempt } from './given-up.ts';
import { lastHeard, oneByOne, startOf } from './look-up.ts';
import { resume } from './submission.ts';
import { OVER } from './taken-back.ts';

/** Whether it cannot be found out of a part of the run if the scheduler took it. */
export function isUnknown(run: Run): boolean {
  return partsOf(run).some(isUnknownPart);
}

function isUnknownPart({ record: its }: Run): boolean {
  return !its.opened && current(its)?.phase === 'unknown';
}

/**
 * Ends the uncertainty of a run that is not to go on: what is there under its name is the run's job, and where nothing is, the attempt is
 * given up, so that whatever is accepted of it later ends itself. Gives the jobs that are there of attempts before, which came after they had
 * been given up. The caller holds the run's locks. Throws where the scheduler cannot be asked.
 */
export async function abandonUnknown(run: Run, site: Site, permit: ActingPermit): Promise<{ id: JobId; name: string }[]> {
  const late: { id: JobId; name: string }[] = [];
  const looks = oneByOne(site);
  for (const stale of partsOf(run).filter(isUnknownPart)) {
    const part = reread(stale);
    const attempt = current(part.record);
    if (!attempt) continue;
    const rows = await looks.rows(attempt, () => lastHeard(part));
    const others = await alive(site, part.record.attempts.slice(0, -1));
    const looked = await resume(part, site, permit, false, { rows: async () => rows, memory: looks.memory });
    if (current(looked.record)?.phase === 'unknown') await giveUpUnknown(looked, site, permit, attempt);
    if (others.length > 0)
      record(reread(part), ...others.map(({ id, name }) => ({ event: 'surplus' as const, job_id: id, name })));
    late.push(...others);
  }
  return late;
}

async function giveUpUnknown(part: Run, site: Site, permit: ActingPermit, { step, attempt }: Attempt): Promise<void> {
  const owner = await giveUpAttempt(part, site, permit, { step, attempt });
  const why = 'the run was cancelled; what is accepted of it later ends itself';
  if (owner === undefined) record(part, { event: 'absent', step, attempt, certain: true, why });
  else record(part, { event: 'submitted', step, attempt, job_id: owner, adopted: true });
}

async function alive(site: Site, attempts: readonly Attempt[]): Promise<{ id: JobId; name: string }[]> {
  const found: { id: JobId; name: string }[] = [];
  for (const attempt of attempts)
    for (const { id, name, state } of await site.find(attempt.name, startOf(attempt)))
      if (!OVER.has(state) && !found.some((one) => one.id === id)) found.push({ id, name });
  return found;
}
