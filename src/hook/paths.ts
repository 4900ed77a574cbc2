import { existsSync, realpathSync } from 'node:fs';
import { dirname, isAbsolute, join, normalize } from 'node:path';
import type { Guarded } from '../tools/guarded.ts';
import { guardedAnywhere, guardedIn, repositoryAbove } from '../tools/guarded.ts';
import { UNKNOWN } from './shell/marks.ts';
import { hasBelow, touches } from './touches.ts';

/** Linux takes no longer path; what is longer is held against the list as it is written. */
const LONGEST = 4096;

/**
 * A path that something writes to; `tree`: with everything below it. `mild`: something below it, nobody knows what, so that a whole
 * repository or home is no alarm. `copies`: only what is in this folder too.
 */
export type Write = { path: string; tree: boolean; mild?: boolean; copies?: string };

/** Tells which guarded thing a write would change: its name, or undefined. `cwd` is undefined where nobody can know it. */
export type Guard = (write: Write, cwd: string | undefined) => string | undefined;

/** The guard of a session that began in a folder. Looks at links and repositories when it is asked, and never throws. */
export function guardOf(start: string): Guard {
  const home = repositoryAbove(start);
  const known = new Map<string, Entry[]>();
  const guarded = (repo: string | undefined): Entry[] => {
    if (repo === undefined) return [];
    const list = known.get(repo) ?? withRealPaths(guardedIn(repo), repo);
    known.set(repo, list);
    return list;
  };
  let anywhere: Entry[] | undefined;
  const told = new Map<string, string | undefined>();
  const look: Guard = (write, cwd) => {
    anywhere ??= withRealPaths(guardedAnywhere(), '/');
    const here = [...guarded(home), ...anywhere];
    if (write.path.startsWith(UNKNOWN) || (cwd === undefined && !isAbsolute(write.path))) return bySuffix(write, here);
    const full = normalize(isAbsolute(write.path) ? write.path : join(cwd ?? start, write.path));
    if (full.length > LONGEST) return here.find((one) => touches(segments(full), one, write.tree))?.name;
    const fixed = fixedPart(full);
    const other = repositoryAbove(fixed);
    const list = other === home ? here : [...here, ...guarded(other)];
    const ways = [...new Set([full, join(real(fixed), full.slice(fixed.length))])].map(segments);
    const isMild = write.mild === true || write.copies !== undefined;
    if (write.mild === true && [home, other].some((repo) => repo !== undefined && isWithin(repo, full))) return undefined;
    const isChanged = (one: Entry) => {
      const tree = write.tree && !(isMild && anywhere?.includes(one));
      return ways.some((way) => {
        if (!touches(way, one, tree)) return tree && !isMild && hasBelow(way, one);
        return write.copies === undefined || mayBring(write.copies, cwd ?? start, one.parts.slice(way.length));
      });
    };
    return list.find(isChanged)?.name;
  };
  return (write, cwd) => {
    const key = [write.tree, write.mild, write.copies, cwd ?? '', write.path].join(UNKNOWN);
    if (!told.has(key)) told.set(key, look(write, cwd));
    return told.get(key);
  };
}

/** `parts` of its path, and of the end of it that tells what it is wherever it stands. */
type Entry = Guarded & { parts: readonly string[]; end: readonly string[] };

/** Of a path whose beginning is not known: whether its end is that of something guarded. */
function bySuffix({ path, tree, mild, copies }: Write, list: readonly Entry[]): string | undefined {
  const slash = path.startsWith(UNKNOWN) ? path.indexOf('/') : 0;
  if (slash < 0 || path.length > LONGEST) return undefined;
  const typed = segments(normalize(`/${path.slice(slash)}`));
  const isTree = tree && mild !== true && copies === undefined;
  const isEnd = ({ end, isFolder }: Entry) =>
    typed.some((part, at) => part === end[0] && touches(typed.slice(at), { parts: end, isFolder }, isTree));
  return list.find(isEnd)?.name;
}

/** Whether what is copied out of a folder may hold something of ours. One that is not there may be made before that. */
function mayBring(source: string, cwd: string, rest: readonly string[]): boolean {
  if (source.includes(UNKNOWN)) return false;
  if (/^[\w.@-]+:/.test(source)) return true;
  const full = isAbsolute(source) ? source : join(cwd, source);
  return !existsSync(full) || existsSync(join(full, ...rest));
}

function isWithin(path: string, folder: string): boolean {
  return path === folder || path.startsWith(folder.endsWith('/') ? folder : `${folder}/`);
}

function segments(path: string): string[] {
  return path.split('/').filter((part) => part !== '');
}

/** The folders at its beginning that are written out. */
function fixedPart(path: string): string {
  const at = path.search(/[*?[{\u0000\u0007]/);
  return at < 0 ? path : dirname(`${path.slice(0, at)}x`);
}

/** Where the path really leads, as far as it exists. */
function real(path: string): string {
  try {
    return realpathSync(path);
  } catch {
    // What is not there yet leads nowhere else; what is above it may.
    return dirname(path) === path ? path : join(real(dirname(path)), path.slice(dirname(path).length));
  }
}

function withRealPaths(list: readonly Guarded[], repo: string): Entry[] {
  const root = real(repo);
  return list.flatMap((one) => {
    const there = one.path.startsWith(repo) ? join(root, one.path.slice(repo.length)) : one.path;
    const ways = one.path.includes('*') ? [one.path, there] : [one.path, there, real(one.path)];
    return [...new Set(ways)].map((path) => {
      const parts = segments(path);
      const end = parts.slice(repo === '/' ? parts.findIndex((part) => part.startsWith('.')) >>> 0 : segments(root).length);
      return { ...one, path, parts, end };
    });
  });
}
