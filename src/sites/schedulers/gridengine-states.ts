import type { JobState } from './scheduler.ts';

export type Waiting = { state: JobState; blocked: boolean };

/**
 * What the letters of qstat mean (qstat(1), "state"; 8.1.9). Several stand together, and the worst word wins: `Ehqw` is in error first of
 * all. `hasParents`: it waits for other jobs, which qstat shows as a hold (`hqw`) as well; `isHeld`: it is known to be held besides. What is
 * not made of these letters is unknown.
 */
export function stateOf(word: string, { hasParents = false, isHeld = false } = {}): Waiting {
  if (!/^[EdhtrRqwsSTPzN]+$/.test(word)) return { state: 'unknown', blocked: false };
  const has = (letter: string) => word.includes(letter);
  // It is in the list of those that have ended, which says nothing of how.
  if (has('z')) return { state: 'unknown', blocked: false };
  if (has('E')) return { state: 'pending', blocked: true };
  if (has('d')) return { state: 'completing', blocked: false };
  if (/[sSTN]/.test(word)) return { state: 'suspended', blocked: false };
  if (has('r') || has('t')) return { state: 'running', blocked: false };
  if (has('h')) return { state: hasParents && !isHeld ? 'pending' : 'held', blocked: false };
  if (has('R')) return { state: 'requeued', blocked: false };
  return has('q') || has('w') ? { state: 'pending', blocked: false } : { state: 'unknown', blocked: false };
}

const OVER: ReadonlySet<JobState> = new Set([
  'completed',
  'failed',
  'timeout',
  'cancelled',
  'out_of_memory',
  'node_failure',
  'preempted',
  'dependency',
]);

export function isOver(state: JobState): boolean {
  return OVER.has(state);
}

/** `failed` of qacct where the job never got to its own script, or its host lost it (accounting(5), sge_status(5), 8.1.9). */
const OF_THE_HOST: ReadonlySet<number> = new Set([
  1, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 26, 27, 28, 29, 31, 32, 33, 34, 35, 36, 38,
]);

export type Ended = {
  failed: number;
  exit: number | null;
  elapsed: number | null;
  limit: number | null;
  soft: number | null;
  isOverMemory: boolean;
};

/**
 * How a task ended by qacct. Exit code 137 alone says only that it was killed: `failed` 37 is the qmaster’s own limit on time or memory, 100 a
 * signal from outside, as qdel sends it. A restart (25, 24) is no end: undefined. A code that is in no table is unknown.
 */
export function endOf({ failed, exit, elapsed, limit, soft, isOverMemory }: Ended): JobState | undefined {
  if (failed === 24 || failed === 25) return undefined;
  if (failed === 0) return exit === null ? 'unknown' : exit === 0 ? 'completed' : isOverMemory ? 'out_of_memory' : 'failed';
  if (failed === 37) return isOverMemory && (limit === null || (elapsed ?? 0) < limit) ? 'out_of_memory' : 'timeout';
  if (failed === 30) return 'failed';
  if (failed === 100) {
    if (isOverMemory) return 'out_of_memory';
    // It was warned of its limit, and ended then.
    if (exit === 137 && soft !== null && (elapsed ?? 0) >= soft - 1) return 'timeout';
    return exit !== null && exit > 128 ? 'cancelled' : 'failed';
  }
  return OF_THE_HOST.has(failed) ? 'node_failure' : 'unknown';
}
