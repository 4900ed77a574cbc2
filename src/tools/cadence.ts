import type { Reads } from '../context.ts';
import { paceOf } from '../runs/place.ts';

/** Seconds until the policy allows the next poll of the site, 0 for now; and how often it was looked at in the last hour. */
export function cadence(scheduler: string, reads: Pick<Reads, 'repo' | 'policy'>): { wait: number; looks: number } {
  const { meter, key } = paceOf(reads.repo, scheduler);
  const { poll_seconds: pace = 0, calls_per_hour: most } = reads.policy().gate.limits.scheduler ?? {};
  const last = meter.last('poll', key);
  const due = last === null ? 0 : last + pace - Date.now() / 1000;
  const looks = meter.count('poll', key, 3600);
  // A poll is up to three calls of the scheduler.
  const full = most !== undefined && (looks + 1) * 3 > most;
  return { wait: Math.ceil(Math.max(due, full ? 60 : 0)), looks };
}
