import { lstatSync, readFileSync, readlinkSync } from 'node:fs';
import { basename, dirname, isAbsolute, join, resolve, sep } from 'node:path';
import { blob, HASH_LIMIT, isOurs, type Listing } from '../launch/capsule.ts';

/** What keeps a folder in git that is otherwise for what git ignores. */
const PLACEHOLDERS: ReadonlySet<string> = new Set(['.gitignore', '.gitkeep', '.keep']);

/** One file or link as it is now: git's mode, the bytes or where the link leads, and git's name for them. */
export type Piece = { mode: string; content: Buffer; id: string };

/**
 * The files a snapshot is to have, each as the listing knows it, by path from the top on: what git has or would add, without what is
 * `.autolab`'s, what runs write, repositories within the repository, files that are too large, and folders that are only kept for
 * what git ignores. Nothing of `apart` is among them, whatever git has of it.
 */
export function filesOf({ top, prefix, committed, changed }: Listing, apart: readonly string[] = []): Map<string, string> {
  const files = new Map<string, string>();
  const isApart = (path: string) => apart.some((one) => path === one || path.startsWith(`${one}/`));
  const isOut = (path: string) =>
    isOurs(path, prefix) || path.startsWith(`${prefix}.autolab/`) || !isPlain(path) || isApart(path);
  for (const [path, id] of committed) if (!id.startsWith('160000') && !isOut(path)) files.set(path, id);
  for (const path of changed) {
    files.delete(path);
    if (isOut(path)) continue;
    const piece = pieceOf(top, path);
    if (piece) files.set(path, piece.id);
  }
  return new Map([...withoutKept(files)].sort(([a], [b]) => (a < b ? -1 : 1)));
}

/** Whether a path from the top on is in the folder of another iteration than this one. */
export function isOfAnother(path: string, { prefix }: Pick<Listing, 'prefix'>, iterationFolder: string): boolean {
  const [experiments = ''] = iterationFolder.split('/');
  if (!path.startsWith(`${prefix}${experiments}/`) || path.startsWith(`${prefix}${iterationFolder}/`)) return false;
  return path.slice(prefix.length).split('/').length > 3;
}

/**
 * The listing as it is to be frozen for a run of an iteration: new files in the folders of others are what their runs write, perhaps now,
 * and no code of this one.
 */
export function listingFor(listing: Listing, iterationFolder: string): Listing {
  const isOut = (path: string) => !listing.committed.has(path) && isOfAnother(path, listing, iterationFolder);
  return { ...listing, changed: listing.changed.filter((path) => !isOut(path)) };
}

/** A file or link as it is; undefined where nothing is there, or a folder, or a file too large to be copied. */
export function pieceOf(top: string, path: string): Piece | undefined {
  const from = join(top, path);
  const seen = lstatSync(from, { throwIfNoEntry: false });
  if (seen?.isSymbolicLink()) {
    const content = Buffer.from(leading(top, from, readlinkSync(from)));
    return { mode: '120000', content, id: `120000 ${blob(content)}` };
  }
  if (!seen?.isFile() || seen.size > HASH_LIMIT) return undefined;
  const mode = seen.mode & 0o100 ? '100755' : '100644';
  const content = readFileSync(from);
  return { mode, content, id: `${mode} ${blob(content)}` };
}

/** Every folder that holds one of the files, from the top (`''`) down. */
export function foldersOf(paths: Iterable<string>): Set<string> {
  const folders = new Set(['']);
  for (const path of paths) {
    const chain: string[] = [];
    for (let folder = dirname(path); folder !== '.' && !folders.has(folder); folder = dirname(folder)) chain.push(folder);
    for (const folder of chain.reverse()) folders.add(folder);
  }
  return folders;
}

/** A link that leads out of the working tree leads to the same place from a snapshot of it. */
function leading(top: string, from: string, to: string): string {
  if (isAbsolute(to)) return to;
  const end = resolve(dirname(from), to);
  return end === top || end.startsWith(top + sep) ? to : end;
}

function isPlain(path: string): boolean {
  return !path.endsWith('/') && path.split('/').every((part) => part !== '' && part !== '.' && part !== '..' && part !== '.git');
}

function withoutKept(files: Map<string, string>): Map<string, string> {
  const isKept = (path: string) => PLACEHOLDERS.has(basename(path)) && dirname(path) !== '.';
  const folders = foldersOf([...files.keys()].filter((path) => !isKept(path)));
  return new Map([...files].filter(([path]) => !isKept(path) || folders.has(dirname(path))));
}
