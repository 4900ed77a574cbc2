import { realpathSync } from 'node:fs';
import { dirname, isAbsolute, join, normalize } from 'node:path';
import type { Guarded } from '../tools/guarded.ts';
import { guardedAnywhere, guardedIn, repositoryAbove } from '../tools/guarded.ts';
import { UNKNOWN } from './shell/marks.ts';
import { isPattern, LONGEST as LONGEST_NAME, mayBe } from './shell/names.ts';

/** Linux takes no longer path; what is longer is held against the list as it is written. */
const LONGEST = 4096;

/** A path that something writes to; `tree`: with everything below it. */
export type Write = { path: string; tree: boolean };

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
    if (full.length > LONGEST) return here.find((one) => touches(segments(full), one.parts, one.isFolder, write.tree))?.name;
    const fixed = fixedPart(full);
    const other = repositoryAbove(fixed);
    const list = other === home ? here : [...here, ...guarded(other)];
    const ways = [...new Set([full, join(real(fixed), full.slice(fixed.length))])].map(segments);
    return list.find((one) => ways.some((way) => touches(way, one.parts, one.isFolder, write.tree)))?.name;
  };
  return (write, cwd) => {
    const key = [write.tree, cwd ?? '', write.path].join(UNKNOWN);
    if (!told.has(key)) told.set(key, look(write, cwd));
    return told.get(key);
  };
}

/** `parts` of its path, and of the end of it that tells what it is wherever it stands. */
type Entry = Guarded & { parts: readonly string[]; end: readonly string[] };

/** Of a path whose beginning is not known: whether its end is that of something guarded. */
function bySuffix({ path, tree }: Write, list: readonly Entry[]): string | undefined {
  const slash = path.startsWith(UNKNOWN) ? path.indexOf('/') : 0;
  if (slash < 0 || path.length > LONGEST) return undefined;
  const typed = segments(normalize(`/${path.slice(slash)}`));
  const isEnd = ({ end, isFolder }: Entry) =>
    typed.some((part, at) => part === end[0] && touches(typed.slice(at), end, isFolder, tree));
  return list.find(isEnd)?.name;
}

/** Whether a write to `typed` changes what is at `there`, part by part: the same, something in it, or, of a tree, something above it. */
function touches(typed: readonly string[], there: readonly string[], isFolder: boolean, tree: boolean): boolean {
  const shared = Math.min(typed.length, there.length);
  for (let at = 0; at < shared; at++) if (!same(typed[at] ?? '', there[at] ?? '')) return false;
  if (typed.length === there.length) return true;
  return typed.length > there.length ? isFolder : tree && !there.includes('*');
}

function same(typed: string, there: string): boolean {
  if (typed === there || there === '*') return true;
  if (typed.length > LONGEST_NAME || (!isPattern(typed) && !typed.includes('{'))) return false;
  // A shell's `*` does not stand for the dot of a hidden name.
  if (there.startsWith('.') && /^[*?[]/.test(typed)) return false;
  return mayBe(typed.replace(/\[[^\]]*\]/g, '?').replace(/\{[^}]*\}/g, '*'), there);
}

function segments(path: string): string[] {
  return path.split('/').filter((part) => part !== '');
}

/** The folders at its beginning that are written out. */
function fixedPart(path: string): string {
  const at = path.search(/[*?[{\u0000]/);
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
