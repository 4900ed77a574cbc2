import { join } from 'node:path';
import { keepLock } from '../base/lock.ts';
import type { Run } from './run.ts';
import { gateOf, withRun } from './run.ts';

/** The lock of a run, kept until what it gives is called. */
export function keepRun(run: { folder: string }, purpose: string): Promise<() => void> {
  return keepLock(join(gateOf(run), 'lock'), purpose);
}

/** Works under the lock of a run and, where it is the base of a group, all of its runs, so that nobody's recovery comes between them. `kept`: the ids of those whose locks the caller has. */
export function withWhole<T>(
  run: Run,
  purpose: string,
  work: () => T | Promise<T>,
  kept: ReadonlySet<string> = new Set(),
): Promise<T> {
  const hold = ([first, ...rest]: readonly Run[]): Promise<T> =>
    first === undefined ? Promise.resolve().then(work) : withRun(first, purpose, () => hold(rest));
  return hold([...(run.replicates ?? []), run].filter(({ id }) => !kept.has(id)));
}
