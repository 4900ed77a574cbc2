import { existsSync, lstatSync, readdirSync, realpathSync, statSync } from 'node:fs';
import { basename, dirname, join, resolve, sep } from 'node:path';
import { digest } from '../../base/digest.ts';
import { Failure } from '../../base/errors.ts';
import { inside, makeFolder } from '../../base/files.ts';
import type { WorkspaceLook } from '../../sites/workspace-look.ts';
import type { Resume } from './schema.ts';

/** A workspace as it is on disk, here or at a site that has its own files; links are followed. */
export type Workspace = {
  /** As launch.yaml names it. */
  name: string;
  /** Where the jobs find it. */
  path: string;
  /** The same, told from what other machines have under that path. */
  key: string;
  /** The site whose own files it is among; null where it is on this machine. */
  site: string | null;
  /** By which other machine it is reached; null for this one. */
  machine: string | null;
  lock: string | null;
  /** Whether there is a file in it beside its lock. */
  isUsed: boolean;
  /** What a fresh start names where no run is known: this folder and no other. */
  mark: string;
};

/**
 * Looks at the workspace of an iteration. Refused where it is a folder that holds the iteration, since everything would be results then,
 * and where its lock stands outside it. Changes nothing.
 */
export function readWorkspace(iterationFolder: string, { workspace, lock }: Resume): Workspace {
  const path = realAsFar(resolve(iterationFolder, workspace));
  const lockPath = lock === null ? null : realAsFar(resolve(iterationFolder, lock));
  refuseUnfit({ workspace, lock }, realpathSync(iterationFolder), path, lockPath);
  const found = statSync(path, { throwIfNoEntry: false });
  return {
    name: workspace,
    path,
    key: path,
    site: null,
    machine: null,
    lock: lockPath,
    isUsed: found !== undefined && hasFile(path, lockPath),
    mark: markOf(path, found?.ino),
  };
}

/** The same of one that is among the files of a site; `address` is its machine, null where that is this one. Refused as the same is. */
export function workspaceThere(resume: Resume, look: WorkspaceLook, site: string, address: string | null): Workspace {
  const { path, lock, inode, isUsed } = look;
  refuseUnfit(resume, look.iteration, path, lock?.path ?? null);
  const key = keyOf(path, address);
  const mark = markOf(key, inode ?? undefined);
  return { name: `${resume.workspace} at ${site}`, path, key, site, machine: address, lock: lock?.path ?? null, isUsed, mark };
}

/** A path of this machine is its own key, also where a site calls it its own. */
export function keyOf(path: string, machine: string | null): string {
  return machine === null ? path : `${machine}:${path}`;
}

function refuseUnfit(
  { workspace, lock }: Pick<Resume, 'workspace' | 'lock'>,
  iteration: string,
  path: string,
  lockPath: string | null,
): void {
  if (`${iteration}${sep}`.startsWith(path === sep ? sep : `${path}${sep}`))
    throw new Failure('file_invalid', {
      what: `resume.workspace ${workspace} holds the iteration itself`,
      why: 'what a run leaves behind could not be told from what was there before',
      next: 'name a folder that only the workspace is in (launch/launch.yaml)',
    });
  if (lockPath !== null && !lockPath.startsWith(`${path}${sep}`))
    throw new Failure('path_outside', {
      what: `resume.lock ${lock} is not in the workspace ${workspace}`,
      next: 'name the lock file of the workspace, from the folder of the iteration on (launch/launch.yaml)',
    });
}

/** The real path of the workspace of an earlier plan; undefined where it cannot be one any more. */
export function workspacePath(iterationFolder: string, workspace: string): string | undefined {
  try {
    return realAsFar(resolve(iterationFolder, workspace));
  } catch {
    return undefined;
  }
}

/**
 * Where a workspace is within a working tree, from its top on: as it is named, and where links lead. Makes the folder where it is not
 * there yet, since a link to it could not be made into one. Empty where it is elsewhere.
 */
export function makeWorkspace(top: string, iterationFolder: string, { workspace }: Resume): string[] {
  const named = resolve(realpathSync(iterationFolder), workspace);
  const path = realAsFar(named);
  const within = [...new Set([named, path])].filter((one) => one.startsWith(`${top}${sep}`));
  if (within.length > 0 && !lstatSync(path, { throwIfNoEntry: false })) makeFolder(path);
  return within.map((one) => one.slice(top.length + 1));
}

/** Where a workspace of a site is within a working tree here, by name and where links lead there. `end` is its path there as one of here. */
export function apartThere(top: string, iterationFolder: string, { workspace }: Resume, end: string): string[] {
  const named = resolve(realpathSync(iterationFolder), workspace);
  return [...new Set([named, end])].filter((one) => one.startsWith(`${top}${sep}`)).map((one) => one.slice(top.length + 1));
}

/** The configuration that decides what the results mean, in the iteration folder. */
export function configPath(iterationFolder: string, { config }: Resume): string {
  return inside(iterationFolder, config, 'resume.config');
}

function markOf(path: string, inode: number | undefined): string {
  return `ws-${digest({ path, inode: inode ?? null }).slice(0, 12)}`;
}

function realAsFar(path: string): string {
  if (existsSync(path) || dirname(path) === path) return realpathSync(path);
  return join(realAsFar(dirname(path)), basename(path));
}

/** Any file beside the lock: what it is, only its owner's program knows. What cannot be looked into may hold one. */
function hasFile(folder: string, lock: string | null): boolean {
  const waiting = [folder];
  for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) {
    const here = next;
    try {
      for (const entry of readdirSync(here, { withFileTypes: true })) {
        const path = join(here, entry.name);
        if (entry.isDirectory()) waiting.push(path);
        else if (path !== lock) return true;
      }
    } catch {
      return true;
    }
  }
  return false;
}
