import type { Dirent } from 'node:fs';
import { readdirSync } from 'node:fs';
import { join, relative } from 'node:path';
import { stateFolder, userFolder } from '../../src/runs/home.ts';
import type { Tiny } from '../support/tiny.ts';

/** What no finished operation leaves behind: locks, rights to break them, files and folders that were not made whole. */
const LITTER = /(^|[/.])lock$|\.stale\b|\.break(ing)?$|\.tmp$|(^|\/)\.making-|\/runner\/[^/]+\/tmp\/.|\/writing\/./;

/**
 * All of it in a repository and in what is kept for it outside; where others write meanwhile, what bears one of the marks. A lock in a folder of jobs is the embedded runner's
 * own, and stays.
 */
export function litterOf(tiny: Tiny, marks: readonly string[]): string[] {
  const state = stateFolder(tiny.path);
  return [
    ...under(tiny.path, '.git').map((path) => relative(tiny.path, path)),
    ...under(state),
    ...[userFolder(), join(userFolder(), 'seals')].flatMap((folder) =>
      entriesOf(folder)
        .map((one) => join(folder, one.name))
        .filter((path) => marks.some((mark) => path.includes(mark))),
    ),
  ].filter((path) => LITTER.test(path) && !/\/runner\/[^/]+\/jobs\/\d+\/lock$/.test(path));
}

/** How the temporary files of processes are named that noted where they wrote, and did not end. */
export function marksOf(tiny: Tiny): string[] {
  return entriesOf(join(stateFolder(tiny.path), 'writing')).map(({ name }) => `.${name.split('.')[2]}.${name.split('.')[4]}`);
}

function under(folder: string, but?: string): string[] {
  return entriesOf(folder)
    .filter((one) => one.name !== but)
    .flatMap((one) => {
      const path = join(folder, one.name);
      return one.isDirectory() ? [path, ...under(path)] : [path];
    });
}

function entriesOf(folder: string): Dirent[] {
  try {
    return readdirSync(folder, { withFileTypes: true });
  } catch {
    // A job's last files come and go.
    return [];
  }
}
