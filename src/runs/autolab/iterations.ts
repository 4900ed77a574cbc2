import { readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { ITERATION_ID } from '../../base/ids.ts';
import type { Iteration } from './iteration.ts';

/** The folders an iteration may stand in, in the order in which they are looked into. */
export const ITERATION_TYPES = ['plan', 'in_progress', 'done'] as const;

/** Every iteration folder of a repository, by type and name. */
export function allIterations(repo: string): Iteration[] {
  return ITERATION_TYPES.flatMap((type) => {
    const top = join(repo, 'experiments', type);
    if (!statSync(top, { throwIfNoEntry: false })?.isDirectory()) return [];
    return readdirSync(top, { withFileTypes: true })
      .filter((entry) => entry.isDirectory() && ITERATION_ID.test(entry.name))
      .map((entry) => ({ id: entry.name, type, path: join(top, entry.name) }))
      .sort((a, b) => (a.id < b.id ? -1 : 1));
  });
}
