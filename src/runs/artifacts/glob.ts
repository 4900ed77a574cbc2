import { lstatSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { systemCode } from '../../base/errors.ts';
import { refuse } from './unreadable.ts';

/** Folders with more than this in them, all together, are not searched further. */
const MAX_SEEN = 200_000;

/** Whether a path names more than one file: `*`, `?`, or `**` for any folders. */
export function isGlob(path: string): boolean {
  return /[*?]/.test(path);
}

/**
 * The files and folders under `top` that a pattern names, sorted; as itself where it is no pattern and something is there. Names that begin
 * with a dot are matched by patterns that do. Links to folders are not followed by `**`, and our own `gate/` is never searched.
 */
export function findPaths(top: string, pattern: string): string[] {
  const found: string[] = [];
  let seen = 0;
  const list = (folder: string) => {
    const entries = entriesOf(join(top, folder));
    seen += entries.length;
    if (seen > MAX_SEEN) refuse(`leads through more than ${MAX_SEEN} files`);
    return folder === '' ? entries.filter(({ name }) => name !== 'gate') : entries;
  };
  const walk = (folder: string, [part, ...rest]: readonly string[]): void => {
    if (part === undefined) return;
    if (part === '**') {
      if (rest.length > 0) walk(folder, rest);
      for (const entry of list(folder)) {
        if (entry.name.startsWith('.')) continue;
        if (rest.length === 0 && !entry.isDirectory()) found.push(join(folder, entry.name));
        if (entry.isDirectory()) walk(join(folder, entry.name), [part, ...rest]);
      }
      return;
    }
    for (const name of isGlob(part) ? list(folder).map((entry) => entry.name) : [part]) {
      if (!matches(name, part)) continue;
      if (rest.length > 0) walk(join(folder, name), rest);
      else if (isThere(join(top, folder, name))) found.push(join(folder, name));
    }
  };
  walk(
    '',
    pattern.split('/').filter((part) => part !== '' && part !== '.'),
  );
  return [...new Set(found)].sort();
}

/** Whether a name fits one part of a pattern. Takes time in proportion to both, whatever they are. */
export function matches(name: string, pattern: string): boolean {
  if (name.startsWith('.') && !pattern.startsWith('.')) return false;
  let [at, star, mark] = [0, -1, 0];
  for (let from = 0; from < name.length; ) {
    if (pattern[at] === '*') [star, mark, at] = [at, from, at + 1];
    else if (at < pattern.length && (pattern[at] === '?' || pattern[at] === name[from])) [at, from] = [at + 1, from + 1];
    else if (star >= 0) [at, mark, from] = [star + 1, mark + 1, mark + 1];
    else return false;
  }
  return /^\**$/.test(pattern.slice(at));
}

/** At a name that no file can have, because it is too long or has a zero byte in it, there is nothing either. */
const NOTHING: ReadonlySet<string | undefined> = new Set(['ENOENT', 'ENOTDIR', 'ENAMETOOLONG', 'ERR_INVALID_ARG_VALUE']);

function isThere(path: string): boolean {
  try {
    lstatSync(path);
    return true;
  } catch (error) {
    if (NOTHING.has(systemCode(error))) return false;
    throw error;
  }
}

function entriesOf(folder: string) {
  try {
    return readdirSync(folder, { withFileTypes: true });
  } catch (error) {
    if (NOTHING.has(systemCode(error))) return [];
    throw error;
  }
}
