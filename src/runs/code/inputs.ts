import { createHash } from 'node:crypto';
import { closeSync, openSync, readSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { Failure, systemCode } from '../../base/errors.ts';
import { inside } from '../../base/files.ts';
import { findPaths } from '../artifacts/glob.ts';
import type { Plan } from '../launch/plan.ts';

/** Every look hashes them all, and so does every task before it begins: they are for what decides, not for data. */
const MOST_FILES = 1000;
const MOST_BYTES = 256 * 1024 * 1024;
const PIECE = 1024 * 1024;

/** SHA-256 of the files that patterns name, by path from the repository on. A pattern that names nothing is refused, and so is too much. */
export function readInputs(repo: string, patterns: readonly string[]): Record<string, string> {
  const found = patterns.map((pattern) => ({ pattern, paths: findPaths(repo, pattern).filter((path) => isFile(repo, path)) }));
  const empty = found.find(({ paths }) => paths.length === 0);
  if (empty)
    throw wrong(`inputs: ${JSON.stringify(empty.pattern)} names no file`, 'name a file that is there, from the repository on');
  const paths = [...new Set(found.flatMap((one) => one.paths))].sort();
  const own = paths.find((path) => path.startsWith('.autolab/'));
  if (own !== undefined)
    throw wrong(
      `inputs: ${JSON.stringify(own)} is in .autolab, which changes while runs wait and is in no snapshot`,
      'name files of the experiment',
    );
  const bytes = paths.reduce((sum, path) => sum + statSync(join(repo, path)).size, 0);
  if (paths.length > MOST_FILES || bytes > MOST_BYTES)
    throw wrong(
      `inputs: ${paths.length} files of ${bytes} bytes; at most ${MOST_FILES} of ${MOST_BYTES} are compared`,
      'name the configurations that decide, not the data',
    );
  return Object.fromEntries(paths.map((path) => [path, hashOf(inside(repo, path, 'input')) ?? '']));
}

/**
 * What each task compares before it begins, by path from the repository on: the inputs of a plan, and the configuration that its
 * workspace was given to it with. Undefined where there is nothing.
 */
export function comparedOf({ reads, resume, inputs, iteration }: Plan): Record<string, string> | undefined {
  const accepted = resume && inputs[resume.config];
  if (!resume || accepted === undefined) return reads;
  return { ...reads, [join(iteration.folder, resume.config)]: accepted };
}

/** Those of the recorded files that are not what they were, looked at from `root`. */
export function changedInputs(root: string, reads: Readonly<Record<string, string>> = {}): string[] {
  return Object.entries(reads).flatMap(([path, was]) => (hashOf(join(root, path)) === was ? [] : [path]));
}

/** Undefined where no file can be read. */
function hashOf(path: string): string | undefined {
  let file: number | undefined;
  try {
    const seen = statSync(path);
    // Nothing was recorded of what is no file, or of one that large.
    if (!seen.isFile() || seen.size > MOST_BYTES) return undefined;
    file = openSync(path, 'r');
    const hash = createHash('sha256');
    const piece = Buffer.alloc(PIECE);
    for (let got = readSync(file, piece); got > 0; got = readSync(file, piece)) hash.update(piece.subarray(0, got));
    return hash.digest('hex');
  } catch (error) {
    if (systemCode(error) === undefined) throw error;
    return undefined;
  } finally {
    if (file !== undefined) closeSync(file);
  }
}

function isFile(repo: string, path: string): boolean {
  return statSync(join(repo, path), { throwIfNoEntry: false })?.isFile() === true;
}

function wrong(what: string, next: string): Failure {
  return new Failure('file_invalid', { what: `launch/launch.yaml: ${what}`, next });
}
