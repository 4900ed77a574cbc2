import { realpathSync, statSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { Failure } from '../../base/errors.ts';
import { inside } from '../../base/files.ts';
import { ITERATION_ID } from '../../base/ids.ts';
import { cap, clean, nearest } from '../../base/text.ts';
import { allIterations, ITERATION_TYPES } from './iterations.ts';

export type IterationType = (typeof ITERATION_TYPES)[number];

/** `path` is the real path, inside the repository. */
export type Iteration = { id: string; type: IterationType; path: string };

/**
 * The folder of an iteration. Throws `usage` for an id that is none, `file_missing` where there is no folder, and `file_invalid` where
 * there are two: the reference's programs disagree about which one they would take.
 */
export function findIteration(repo: string, iterationId: string): Iteration {
  if (!ITERATION_ID.test(iterationId)) {
    throw new Failure('usage', {
      what: `${JSON.stringify(cap(clean(iterationId), 80))} is not an iteration id`,
      why: 'an id begins with a letter or digit, then letters, digits, dot, dash, underscore, up to 128',
      next: 'name a folder of experiments/plan, experiments/in_progress or experiments/done',
    });
  }
  const found = ITERATION_TYPES.filter((type) => isFolder(join(repo, 'experiments', type, iterationId)));
  const [type, other] = found;
  if (type === undefined) {
    throw new Failure('file_missing', {
      what: `there is no iteration ${iterationId}`,
      why: `looked for experiments/{${ITERATION_TYPES.join(',')}}/${iterationId}`,
      next: `${meant(repo, iterationId)}make experiments/plan/${iterationId} with its design.yaml`,
    });
  }
  if (other !== undefined) {
    throw new Failure('file_invalid', {
      what: `iteration ${iterationId} stands under ${found.map((each) => `experiments/${each}`).join(' and ')}`,
      why: 'which of them is meant cannot be known',
      next: 'move one of them away',
    });
  }
  return { id: iterationId, type, path: inside(repo, join('experiments', type, iterationId), 'iteration') };
}

/** The repository that `start` is in: the nearest folder upwards that has an `.autolab` folder. Its real path. */
export function findRepository(start: string): string {
  for (let folder = resolve(start); ; folder = dirname(folder)) {
    if (isFolder(join(folder, '.autolab'))) return realpathSync(folder);
    if (dirname(folder) === folder) {
      throw new Failure('no_repository', {
        what: `there is no Autolab repository in or above ${resolve(start)}`,
        next: 'run `autolab-mcp init` where it shall be',
      });
    }
  }
}

function isFolder(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isDirectory() ?? false;
}

/** What a slip of the finger may have been meant to be. */
function meant(repo: string, id: string): string {
  const known = allIterations(repo).map((one) => one.id);
  const found = known.length > MOST_COMPARED ? undefined : nearest(id, known);
  return found === undefined ? '' : `did you mean ${found}? Else `;
}

const MOST_COMPARED = 500;
