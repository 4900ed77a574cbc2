import { randomBytes } from 'node:crypto';
import { existsSync, linkSync, lstatSync, readdirSync, renameSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { digest } from '../../base/digest.ts';
import { cannotWrite } from '../../base/disk.ts';
import { systemCode } from '../../base/errors.ts';
import { jsonText, makeFolder } from '../../base/files.ts';
import type { Listing } from '../launch/capsule.ts';
import { HASH_LIMIT } from '../launch/capsule.ts';
import { filesOf, foldersOf, pieceOf } from './files.ts';
import { linkRest } from './links.ts';
import type { Contents, Frozen } from './place.ts';
import { codeFolder, contentsOf, digestOf, treeOf } from './place.ts';

/** A snapshot, with the repository's place in it, its files, and those that were not as the listing had them: something may have changed. */
export type Taken = Frozen & { root: string; files: Contents['files']; differs: string[] };

/** What is not finished has this name, and is never used. */
export const MAKING = '.making-';

/**
 * The snapshot of the working tree that a run of this iteration executes from: the one there is of the same files, else a new one,
 * which is there whole or not at all. Files are read-only, and shared with the snapshot before where they are the same; whatever git
 * ignores leads to the repository, and so does what runs write, and what is `apart`: paths from the top on, which are there. The caller
 * holds the repository's lock.
 */
export function takeSnapshot(repo: string, listing: Listing, iterationFolder: string, apart: readonly string[] = []): Taken {
  const { top, prefix } = listing;
  const files = filesOf(listing, apart);
  const iteration = join(prefix, iterationFolder);
  const kept = apart.length > 0 ? { apart } : {};
  const name = digest({ top, prefix, iteration, files: Object.fromEntries(files), ...kept }).slice(0, 16);
  const taken = (id: string, contents: Contents, differs: string[]): Taken => {
    linkAround(treeOf(repo, id), contents, iteration);
    return { id, digest: digestOf(contents), root: resolve(treeOf(repo, id), prefix), files: contents.files, differs };
  };
  for (let turn = 1; ; turn++) {
    // One that was altered stays for the runs that have executed from it to be judged by.
    const id = turn === 1 ? name : `${name}.${turn}`;
    const contents = contentsOf(repo, id);
    if (contents && isUntouched(treeOf(repo, id), contents)) return taken(id, contents, []);
    if (existsSync(join(codeFolder(repo), id))) continue;
    const made = make(repo, id, listing, files);
    return taken(id, made.contents, made.differs);
  }
}

/** By size and time alone, which an accident does not leave as they were. */
export function isUntouched(tree: string, contents: Contents): boolean {
  return Object.keys(contents.files).every((path) => !isGone(tree, path) && !isRewritten(tree, path, contents));
}

function isGone(tree: string, path: string): boolean {
  return lstatSync(join(tree, path), { throwIfNoEntry: false }) === undefined;
}

/** Whether something else stands where a file of a snapshot stood. */
export function isRewritten(tree: string, path: string, { seen }: Contents): boolean {
  const now = lstatSync(join(tree, path), { throwIfNoEntry: false });
  const [size, time] = seen[path] ?? [];
  return now !== undefined && (now.size !== size || now.mtimeMs !== time);
}

function make(repo: string, id: string, listing: Listing, files: ReadonlyMap<string, string>) {
  const folder = join(codeFolder(repo), `${MAKING}${randomBytes(6).toString('hex')}`);
  try {
    return makeIn(folder, repo, id, listing, files);
  } catch (error) {
    rmSync(folder, { recursive: true, force: true });
    throw systemCode(error) === undefined ? error : cannotWrite(join(codeFolder(repo), id), error);
  }
}

function makeIn(folder: string, repo: string, id: string, { top, prefix }: Listing, files: ReadonlyMap<string, string>) {
  const tree = join(folder, 'tree');
  makeFolder(tree);
  const before = newest(repo);
  const contents: Contents = { schema_version: '1', top, prefix, files: {}, seen: {} };
  const differs: string[] = [];
  for (const [path, listed] of files) {
    const to = join(tree, path);
    const isShared = before?.files[path] === listed && share(join(treeOf(repo, before.id), path), to, before.seen[path]);
    const is = isShared ? listed : copy(top, path, to);
    if (is !== listed && !(is === undefined && isLarge(top, path))) differs.push(path);
    if (is === undefined) continue;
    const { size, mtimeMs } = lstatSync(to);
    contents.files[path] = is;
    contents.seen[path] = [size, mtimeMs];
  }
  // Nothing here is fsynced: what a power cut leaves of it does not have the sizes that the list says, and is not used.
  writeFileSync(join(folder, 'snapshot.json'), jsonText(contents));
  renameSync(folder, join(codeFolder(repo), id));
  return { contents, differs };
}

/** The snapshot that was made last. */
function newest(repo: string): (Contents & { id: string }) | undefined {
  const made = readdirSync(codeFolder(repo))
    .filter((name) => !name.startsWith('.'))
    .map((id) => ({ id, at: statSync(join(codeFolder(repo), id, 'snapshot.json'), { throwIfNoEntry: false })?.mtimeMs ?? 0 }));
  const [last] = made.sort((a, b) => b.at - a.at);
  const contents = last && contentsOf(repo, last.id);
  return contents && { ...contents, id: last.id };
}

function linkAround(tree: string, { top, prefix, files }: Contents, iteration: string): void {
  const paths = Object.keys(files);
  linkRest(tree, top, prefix, foldersOf([...paths, join(iteration, 'runs')]), new Set(paths));
}

/** Copies what is there now; gives what that is. Nothing where it has gone, or is too large and left where it is. */
function copy(top: string, path: string, to: string): string | undefined {
  const piece = pieceOf(top, path);
  if (!piece) return undefined;
  makeFolder(dirname(to));
  if (piece.mode === '120000') symlinkSync(piece.content.toString(), to);
  else writeFileSync(to, piece.content, { flag: 'wx', mode: piece.mode === '100755' ? 0o555 : 0o444 });
  return piece.id;
}

function isLarge(top: string, path: string): boolean {
  return (lstatSync(join(top, path), { throwIfNoEntry: false })?.size ?? 0) > HASH_LIMIT;
}

/** A second name for a file that another snapshot has; false where that is not what it was. */
function share(from: string, to: string, seen: readonly [number, number] | undefined): boolean {
  try {
    const now = lstatSync(from);
    if (!now.isFile() || now.size !== seen?.[0] || now.mtimeMs !== seen[1]) return false;
    makeFolder(dirname(to));
    linkSync(from, to);
    return true;
  } catch (error) {
    if (systemCode(error) !== undefined) return false;
    throw error;
  }
}
