import type { Reads } from '../context.ts';
import { paceOf } from '../runs/place.ts';

/** `wait`: seconds until the policy allows the next poll, 0 for now. `looks`: how many there were in the last hour. */
export type Cadence = { wait: number; looks: number };

/** When the sites of a scheduler may be looked at again. They have one pace together, so that two names of one cluster do not double it; whoever looks at several asks this once for all of them, or the first would always make the others wait. */
export function cadence(scheduler: string, reads: Pick<Reads, 'repo' | 'policy'>): Cadence {
  const { meter, key } = paceOf(reads.repo, scheduler);
  const { poll_seconds: pace = 0, calls_per_hour: most } = reads.policy().gate.limits.scheduler ?? {};
  const last = meter.last('poll', key);
  const due = last === null ? 0 : last + pace - Date.now() / 1000;
  const looks = meter.count('poll', key, 3600);
  // A poll is up to three calls of the scheduler.
  const full = most !== undefined && (looks + 1) * 3 > most;
  return { wait: Math.ceil(Math.max(due, full ? 60 : 0)), looks };
}

/**
 * Seconds until another look at a site is worth its calls, all in seconds: never before `pace`, the least that the policy allows. After that a
 * tenth of how long nothing has changed (`quiet`), so that what happens is known at most a tenth later than it could be; and where the scheduler was
 * slow to answer (`took`), so long that it spends no more than a thirtieth of its time on us. At most ten times the pace, and ten minutes.
 */
export function nextLook({ pace, quiet, took }: { pace: number; quiet: number; took: number }): number {
  const most = Math.max(pace, Math.min(10 * pace, LONGEST));
  const slow = took < SLOW ? 0 : 30 * took;
  return Math.round(Math.min(most, Math.max(pace, quiet / 10, slow)));
}

const LONGEST = 600;
/** Under load a healthy controller answers in less (about 90 calls a second made it 7 s: nebius/soperator#2763). */
const SLOW = 2;
