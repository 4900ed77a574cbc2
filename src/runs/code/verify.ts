import { lstatSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { HASH_LIMIT } from '../launch/capsule.ts';
import { foldersOf, pieceOf } from './files.ts';
import { leadsTo } from './links.ts';
import type { Contents, Frozen } from './place.ts';
import { contentsOf, digestOf, treeOf } from './place.ts';

/** What a snapshot is not any more, in words, and what has been written into it since; both empty where it is as it was taken. */
export type Verified = { faults: string[]; strays: string[] };

/** Reads every file of a snapshot and compares it with what was recorded at the submission. */
export function verifySnapshot(repo: string, { id, digest }: Frozen): Verified {
  const contents = contentsOf(repo, id);
  const tree = treeOf(repo, id);
  if (!contents) return { faults: [`the snapshot ${id} is not there any more`], strays: [] };
  if (digestOf(contents) !== digest)
    return { faults: [`the list of snapshot ${id} is not the one of the submission`], strays: [] };
  const folders = foldersOf(Object.keys(contents.files));
  const moved = [...folders].filter((folder) => !lstatSync(join(tree, folder), { throwIfNoEntry: false })?.isDirectory());
  // Nothing is looked at through a link that stands where a folder stood.
  if (moved.length > 0) return { faults: moved.map((folder) => `${folder || 'its top'} is no folder any more`), strays: [] };
  const faults = Object.entries(contents.files).flatMap(([path, was]) => {
    const is = pieceOf(tree, path)?.id;
    return is === was ? [] : [`${path} ${is === undefined && isGone(tree, path) ? 'is gone' : 'was changed'}`];
  });
  return { faults, strays: straysIn(tree, contents, folders) };
}

/** What stands in a snapshot's folders and is neither of it nor a link of ours: a run has written it beside its code. */
export function straysIn(tree: string, { top, files }: Contents, folders: ReadonlySet<string>): string[] {
  return [...folders].flatMap((folder) =>
    readdirSync(join(tree, folder)).flatMap((name) => {
      const path = join(folder, name);
      if (Object.hasOwn(files, path) || folders.has(path) || leadsTo(join(tree, path), join(top, path))) return [];
      return lstatSync(join(tree, path)).isDirectory() && isHollow(tree, path, top) ? [] : [path];
    }),
  );
}

/** A folder that is there for an iteration of which git knows nothing: only links of ours are in it. */
function isHollow(tree: string, folder: string, top: string): boolean {
  if (folder.endsWith('__pycache__')) return true;
  return readdirSync(join(tree, folder)).every((name) => {
    const path = join(folder, name);
    return leadsTo(join(tree, path), join(top, path)) || (lstatSync(join(tree, path)).isDirectory() && isHollow(tree, path, top));
  });
}

function isGone(tree: string, path: string): boolean {
  const now = lstatSync(join(tree, path), { throwIfNoEntry: false });
  return !now || (now.isFile() && now.size <= HASH_LIMIT);
}
