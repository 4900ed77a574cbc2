import type { Requested } from '../sites/schedulers/scheduler.ts';
import type { Site } from '../sites/site.ts';
import type { Attempt } from './types.ts';

/** Before the submission, with room for clocks that differ. Epoch seconds. */
export function startOf(attempt: Attempt): number {
  return Date.parse(attempt.intentAt) / 1000 - 86_400;
}

/**
 * What the scheduler says the accepted job will get; undefined where the id that it named is no job of this name: its answer may hold a
 * number of somebody else's. Throws where neither can be told.
 */
export async function readOwn(attempt: Attempt, site: Site): Promise<Requested | undefined> {
  const id = attempt.jobId ?? '';
  try {
    return await site.readBack(id, attempt.name);
  } catch (error) {
    const rows = await site.find(attempt.name, startOf(attempt));
    if (rows.some((row) => row.id === id)) throw error;
    return undefined;
  }
}
