import { planDigest } from './launch/plan.ts';
import type { Run } from './run.ts';
import { partsOf } from './run.ts';
import type { Attempt } from './types.ts';

const NOTHING: ReadonlySet<Attempt['phase']> = new Set(['none', 'refused']);

/**
 * Whether the plan of a run is the one that its jobs were submitted under, by the journal: what was altered since says nothing. Attempts
 * that nothing was accepted of may have been of another plan, and a retry has one of its own. False where nothing was ever submitted.
 */
export function isDecided(run: Run): boolean {
  const attempts = partsOf(run).flatMap(({ record }) => record.attempts);
  const own = attempts.filter(({ phase, planFile }) => planFile === undefined && !NOTHING.has(phase));
  return own.length > 0 && own.every((attempt) => attempt.planDigest === planDigest(run.plan));
}
