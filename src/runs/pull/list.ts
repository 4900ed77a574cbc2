import { statfsSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { Failure } from '../../base/errors.ts';
import type { FarFile } from '../../sites/far-files.ts';
import { pathPattern } from '../artifacts/path-pattern.ts';
import type { Run } from '../run.ts';

/** What is to be fetched for a run, and how much that is; `unfit`: names that no list can hold. */
export type PullList = { paths: string[]; bytes: number; unfit: string[] };

/** Together more than this is not fetched unless sites.yaml says more. 20 GiB. */
export const PULL_LIMIT = 20 * 1024 ** 3;
/** Of the space that is free here so much is left. */
const SPARE = 256 * 1024 * 1024;

/**
 * Of the files at the site those that belong here and are not here already: all of the run's folder, and what `artifacts.pull` and `logs` of
 * launch.yaml name, from the iteration's folder on. What is here with the same size and time is not fetched again.
 */
export function listed(run: Run, files: readonly FarFile[]): PullList {
  const { artifacts, logs } = run.plan;
  const patterns = [...artifacts.pull, ...logs].map(pathPattern);
  const own = `runs/${run.id}/`;
  const wanted = files.filter(
    ({ path }) =>
      isPlain(path) &&
      !KEPT.has(path.startsWith(own) ? path.slice(own.length) : path) &&
      (path.startsWith(own) || patterns.some((one) => one.test(path))),
  );
  const unfit = wanted.filter(({ path }) => path.includes('\n'));
  const missing = wanted.filter((file) => !file.path.includes('\n') && !isHere(join(run.iterationFolder, file.path), file));
  return {
    paths: missing.map(({ path }) => path),
    bytes: missing.reduce((sum, { size }) => sum + size, 0),
    unfit: unfit.map(({ path }) => path),
  };
}

/** What decides here, or is told from here, is never what a site says. */
const KEPT: ReadonlySet<string> = new Set([
  ...['design.yaml', 'review_result.json', 'hypothesis.md'],
  ...['run_manifest.json', 'logs/launch.log'],
]);

/** Refuses what is more than may be fetched, or than there is room for. */
export function refuseTooMuch({ bytes, paths }: PullList, folder: string, limit = PULL_LIMIT): void {
  if (bytes > limit)
    throw new Failure('sync_failed', {
      what: `${paths.length} files of ${size(bytes)} would be fetched, and at most ${size(limit)} may be`,
      why: 'the limit is that of the site',
      next: 'name less in artifacts.pull of launch/launch.yaml, or raise `pull_limit` of the site in .autolab/sites.yaml',
    });
  const { bavail, bsize } = statfsSync(folder);
  if (bytes + SPARE > bavail * bsize)
    throw new Failure('sync_failed', {
      what: `${size(bytes)} would be fetched, and ${size(bavail * bsize)} are free in ${folder}`,
      next: 'make room, or name less in artifacts.pull of launch/launch.yaml, and call again',
    });
}

/** A name that a list can hold, and that leads nowhere else. */
function isPlain(path: string): boolean {
  const parts = path.split('/');
  return !path.includes('\0') && parts.every((part) => part !== '' && part !== '.' && part !== '..') && parts[0] !== 'launch';
}

function isHere(path: string, { size, time }: FarFile): boolean {
  const seen = statSync(path, { throwIfNoEntry: false });
  return seen?.isFile() === true && seen.size === size && Math.abs(seen.mtimeMs - time * 1000) < 2;
}

function size(bytes: number): string {
  const units = ['bytes', 'KiB', 'MiB', 'GiB', 'TiB'];
  const at = Math.min(units.length - 1, Math.floor(Math.log2(Math.max(1, bytes)) / 10));
  return `${at === 0 ? bytes : (bytes / 1024 ** at).toFixed(1)} ${units[at]}`;
}
