import { asFailure } from '../base/errors.ts';
import type { ActingPermit } from '../base/permit.ts';
import type { Site } from '../sites/site.ts';
import { resumeChain } from './chain-submission.ts';
import { due } from './due.ts';
import { openRuns } from './open.ts';
import { current } from './record.ts';
import type { Run } from './run.ts';
import { record, reread, withRun } from './run.ts';
import { resume } from './submission.ts';

export type Recovered = { run: string; found: string };

/** A submission that was cut off: the journal has begun it and not ended it. */
export function isCutOff(run: Run): boolean {
  return (run.steps ?? [run]).some(hasBegun);
}

function hasBegun({ record }: Run): boolean {
  const phase = current(record)?.phase;
  return phase === 'intent' || phase === 'ambiguous' || phase === 'submitted' || phase === 'releasing';
}

/**
 * Finishes every submission of the repository that was cut off: adopts and records what the scheduler has, and releases it while the
 * decision that allowed it still stands. Moves what was noted and not yet moved. A run another living process is working on is left to it. Submits nothing.
 */
export async function recover(
  repo: string,
  siteOf: (name: string) => Site,
  permit: ActingPermit,
  policyVersion: string | null,
  changed: (run: Run) => Promise<void>,
): Promise<Recovered[]> {
  const found: Recovered[] = [];
  for (const run of openRuns(repo).runs) {
    if (!isCutOff(run) && due(run).length === 0) continue;
    try {
      await withRun(run, 'recovery', () => finish(run), 0);
    } catch (error) {
      const failure = asFailure(error);
      if (failure.code === 'internal') throw failure;
      if (failure.code !== 'lock_held') found.push({ run: run.id, found: `not finished: ${failure.message}` });
    }
  }
  return found;

  async function finish(stale: Run): Promise<void> {
    const before = reread(stale);
    if (!isCutOff(before)) {
      const [move, ...more] = due(before);
      if (move?.event !== 'moved') return;
      found.push({ run: before.id, found: `it is ${move.to}: ${move.because}` });
      await changed(record(before, move, ...more));
      return;
    }
    // Of a chain each step may have been decided on by itself: all that would be let go must stand.
    const begun = (before.steps ?? [before]).filter(hasBegun);
    const allowed = policyVersion !== null && begun.every(({ record }) => current(record)?.policyVersion === policyVersion);
    const site = siteOf(before.plan.site);
    const after = before.steps ? await resumeChain(before, site, permit, allowed) : await resume(before, site, permit, allowed);
    if (after.record.last === before.record.last) return;
    found.push({ run: after.id, found: words(after) });
    await changed(after);
  }
}

function words(run: Run): string {
  const attempt = current(run.record);
  switch (attempt?.phase) {
    case 'released':
      return `job ${attempt.jobId} was found and released`;
    case 'submitted':
    case 'releasing':
      return `job ${attempt.jobId} was found; it stays held until the policy it was decided under is back, or the run is cancelled`;
    case 'ambiguous':
      return 'the scheduler could not be asked whether it took it';
    case 'none':
      return 'nothing had been accepted; submit again';
    case 'unknown':
      return 'whether the scheduler took it cannot be found out';
    default:
      return run.record.because ?? 'looked at';
  }
}
