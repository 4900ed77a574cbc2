import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { ANYWHERE } from './shell/marks.ts';
import { isPattern, LONGEST as LONGEST_NAME, mayBe } from './shell/names.ts';

/** Names of what this program keeps in its folders: a search for one of them finds it there. */
const KEPT = ['id', 'audit.jsonl', 'journal.jsonl'];
/** Folders to look through for what a pattern of ours may be. */
const MOST_LOOKED = 2000;

/** Something guarded, part by part. `*` in it is any name. */
export type Parts = { parts: readonly string[]; isFolder: boolean };

/** Whether a write to `typed` changes it: it is the same, something in it, or, of a tree, something above it. `*` in it is not looked for. */
export function touches(typed: readonly string[], { parts, isFolder }: Parts, tree: boolean, isSearch = false): boolean {
  const any = typed.indexOf(ANYWHERE);
  if (any >= 0) return mayFind(typed.slice(0, any), typed.slice(any + 1), { parts, isFolder }, tree, isSearch);
  if (!agree(typed, parts, isSearch)) return false;
  if (typed.length === parts.length) return true;
  return typed.length > parts.length ? isFolder : tree && !parts.includes('*');
}

/** What a search below `head` may find under the name `tail`. */
function mayFind(head: readonly string[], tail: readonly string[], one: Parts, tree: boolean, isSearch: boolean): boolean {
  if (!agree(head, one.parts, isSearch)) return false;
  if (head.length >= one.parts.length) return one.isFolder;
  if (tail.length === 0) return true;
  const rest = one.parts.slice(head.length);
  const [name = ''] = tail;
  if (one.isFolder && tail.length === 1 && KEPT.some((kept) => mayBe(name, kept))) return true;
  return rest.some((_, at) => touches(tail, { parts: rest.slice(at), isFolder: one.isFolder }, tree, true));
}

function agree(typed: readonly string[], there: readonly string[], isSearch: boolean): boolean {
  const shared = Math.min(typed.length, there.length);
  for (let at = 0; at < shared; at++) if (!same(typed[at] ?? '', there[at] ?? '', isSearch)) return false;
  return true;
}

function same(typed: string, there: string, isSearch: boolean): boolean {
  if (typed === there || there === '*') return true;
  if (typed.length > LONGEST_NAME || (!isPattern(typed) && !/\{[^}]+\}/.test(typed))) return false;
  // A shell's `*` does not stand for the dot of a hidden name; that of a search does.
  if (!isSearch && there.startsWith('.') && /^[*?[]/.test(typed)) return false;
  return mayBe(typed.replace(/\[[^\]]*\]/g, '?').replace(/\{[^}]+\}/g, '*'), there);
}

/** Whether something of a pattern of ours is there below a folder that would go with all in it. */
export function hasBelow(typed: readonly string[], { parts }: Parts): boolean {
  if (typed.length >= parts.length || !parts.includes('*') || !agree(typed, parts, false)) return false;
  let left = MOST_LOOKED;
  const isThere = (base: string, at: number): boolean => {
    const part = parts[at];
    if (part === undefined) return true;
    if (part !== '*') return existsSync(join(base, part)) && isThere(join(base, part), at + 1);
    const said = typed[at];
    const names = said === undefined || isPattern(said) ? namesIn(base).filter((name) => mayBe(said ?? '*', name)) : [said];
    return names.some((name) => left-- > 0 && isThere(join(base, name), at + 1));
  };
  return isThere('/', 0);
}

function namesIn(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch {
    // What cannot be looked into holds nothing that this user could lose.
    return [];
  }
}
