import { realpathSync } from 'node:fs';
import { dirname, isAbsolute, join, normalize } from 'node:path';
import type { Guarded } from '../tools/guarded.ts';
import { guardedAnywhere, guardedIn, repositoryAbove } from '../tools/guarded.ts';
import { UNKNOWN } from './shell/marks.ts';
import { isPattern, mayBe } from './shell/names.ts';

/** A path that something writes to; `tree`: with everything below it. */
export type Write = { path: string; tree: boolean };

/** Tells which guarded thing a write would change: its name, or undefined. `cwd` is undefined where nobody can know it. */
export type Guard = (write: Write, cwd: string | undefined) => string | undefined;

/** The guard of a session that began in a folder. Looks at links and repositories when it is asked, and never throws. */
export function guardOf(start: string): Guard {
  const known = new Map<string, Guarded[]>();
  const guarded = (repo: string | undefined): Guarded[] => {
    if (repo === undefined) return [];
    const list = known.get(repo) ?? withRealPaths(guardedIn(repo), repo);
    known.set(repo, list);
    return list;
  };
  let anywhere: Guarded[] | undefined;
  return (write, cwd) => {
    anywhere ??= withRealPaths(guardedAnywhere(), '/');
    const here = [...guarded(repositoryAbove(start)), ...anywhere];
    if (write.path.startsWith(UNKNOWN) || (cwd === undefined && !isAbsolute(write.path))) return bySuffix(write, here, start);
    const full = normalize(isAbsolute(write.path) ? write.path : join(cwd ?? start, write.path));
    const fixed = fixedPart(full);
    const list = [...here, ...guarded(repositoryAbove(fixed))];
    const ways = new Set([full, join(real(fixed), full.slice(fixed.length))]);
    for (const way of ways)
      for (const one of list) if (touches(segments(way), segments(one.path), one.isFolder, write.tree)) return one.name;
    return undefined;
  };
}

/** Of a path whose beginning is not known: whether its end is that of something guarded. */
function bySuffix(write: Write, list: readonly Guarded[], start: string): string | undefined {
  const slash = write.path.startsWith(UNKNOWN) ? write.path.indexOf('/') : -1;
  if (write.path.startsWith(UNKNOWN) && slash < 0) return undefined;
  const typed = segments(normalize(`/${write.path.slice(slash + 1)}`));
  const root = segments(repositoryAbove(start) ?? start).length;
  const found = list.find(({ path, isFolder, name }) => {
    const from = name.startsWith('/') ? segments(path).slice(2) : segments(path).slice(root);
    if (from.length === 0 || typed.length === 0) return false;
    return typed.some((_, at) => typed[at] === from[0] && touches(typed.slice(at), from, isFolder, write.tree));
  });
  return found?.name;
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
  if (!isPattern(typed) && !typed.includes('{')) return false;
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

function withRealPaths(list: readonly Guarded[], repo: string): Guarded[] {
  const root = real(repo);
  return list.flatMap((one) => {
    const there = one.path.startsWith(repo) ? join(root, one.path.slice(repo.length)) : one.path;
    const ways = one.path.includes('*') ? [one.path, there] : [one.path, there, real(one.path)];
    return [...new Set(ways)].map((path) => ({ ...one, path }));
  });
}
