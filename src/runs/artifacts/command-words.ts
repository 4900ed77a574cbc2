import { readFileSync, statSync } from 'node:fs';
import { isAbsolute } from 'node:path';
import { sha256 } from '../../base/digest.ts';
import { asFailure } from '../../base/errors.ts';
import { inside } from '../../base/files.ts';
import type { Expectation } from './expectation.ts';

/** What words of a command may stand for; `{index}` is the index of a task, and has the command run once for each that succeeded. */
const PLACEHOLDERS = ['index', 'run_id', 'run_dir', 'iteration_id', 'iteration_path', 'repo_root'];
const PLACEHOLDER = /\{(\w+)\}/g;

/** In words, what a command of launch.yaml has in braces that nothing is known to stand for. */
export function unknownPlaceholder(argv: readonly string[]): string | undefined {
  const found = argv.flatMap((word) => [...word.matchAll(PLACEHOLDER)].map(([, name = '']) => name));
  const strange = found.find((name) => !PLACEHOLDERS.includes(name));
  return strange && `command has {${strange}}; known are ${PLACEHOLDERS.map((name) => `{${name}}`).join(', ')}`;
}

/** The expectation with the hashes of the files of the repository that its command names, so that what judges is part of the plan. */
export function withFiles(repo: string, expected: Expectation): Expectation {
  if (expected.kind !== 'command') return { ...expected };
  const named = expected.argv.flatMap((word) => {
    const path = word.replace(/^--?[\w-]+=/, '').replace(/^\{repo_root\}\//, '');
    const hash = hashOf(repo, path);
    return hash === undefined ? [] : [[path, hash] as const];
  });
  return { ...expected, ...(named.length > 0 ? { files: Object.fromEntries(named) } : {}) };
}

/** Which of these files are no longer what they were when the run was planned. */
export function changedFiles(repo: string, files: Readonly<Record<string, string>>): string[] {
  return Object.entries(files).flatMap(([path, hash]) => (hashOf(repo, path) === hash ? [] : [path]));
}

/** Of a regular file in the repository; undefined for what is none. */
function hashOf(repo: string, path: string): string | undefined {
  if (path === '' || path.startsWith('-') || path.includes('{') || isAbsolute(path)) return undefined;
  try {
    const full = inside(repo, path, 'command');
    return statSync(full, { throwIfNoEntry: false })?.isFile() ? sha256(readFileSync(full)) : undefined;
  } catch (error) {
    if (asFailure(error).code === 'path_outside') return undefined;
    throw error;
  }
}
