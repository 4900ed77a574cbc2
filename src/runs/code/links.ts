import { lstatSync, readdirSync, readlinkSync, statSync, symlinkSync, unlinkSync } from 'node:fs';
import { join } from 'node:path';
import { namesIn } from '../../base/disk.ts';
import { makeFolder } from '../../base/files.ts';

/** Made of code, so that it may be of other code: compiled Python. */
const DERIVED = /^__pycache__$|\.py[co]$/;

/** Whether a name beside the files of a snapshot is one that leads to the repository. */
export function isLinked(folder: string, name: string, prefix: string): boolean {
  return name !== '.git' && !DERIVED.test(name) && join(folder, name) !== join(prefix, '.autolab');
}

/**
 * Lets everything that is no part of a snapshot lead to where it is in the repository: in each folder of the snapshot, what stands in
 * the same folder of the working tree. Safe to repeat: what came since is linked, and links to what has gone are taken away. What a
 * run has left in the snapshot stays.
 */
export function linkRest(
  tree: string,
  top: string,
  prefix: string,
  folders: ReadonlySet<string>,
  files: ReadonlySet<string>,
): void {
  for (const folder of folders) {
    const [here, there] = [join(tree, folder), join(top, folder)];
    makeFolder(here);
    const present = new Set(readdirSync(here));
    const isFile = (name: string) => files.has(join(folder, name)) || folders.has(join(folder, name));
    for (const name of namesIn(there)) {
      if (present.has(name) || isFile(name) || !isLinked(folder, name, prefix)) continue;
      symlinkSync(join(there, name), join(here, name));
    }
    for (const name of present) if (!isFile(name) && isStale(join(here, name), join(there, name))) unlinkSync(join(here, name));
  }
}

/** Whether `path` is the link that `linkRest` would make. */
export function leadsTo(path: string, target: string): boolean {
  return lstatSync(path).isSymbolicLink() && readlinkSync(path) === target;
}

function isStale(path: string, target: string): boolean {
  return leadsTo(path, target) && !statSync(target, { throwIfNoEntry: false }) && !lstatSync(target, { throwIfNoEntry: false });
}
