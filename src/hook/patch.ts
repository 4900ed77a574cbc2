import type { Write } from './paths.ts';

const NAMES = /^(?:\*\*\* (?:Add|Update|Delete) File: |\*\*\* Move to: |\+\+\+ (?:b\/)?|--- (?:a\/)?)([^\t\n]+)/gm;

/** The files that a patch names, in Codex's form or as a unified diff. */
export function patchedBy(patch: string): Write[] {
  return [...patch.matchAll(NAMES)]
    .map(([, path = '']) => ({ path: path.trim(), tree: false }))
    .filter(({ path }) => path !== '/dev/null');
}
