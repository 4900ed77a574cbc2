import { existsSync, readdirSync, rmSync, unlinkSync } from 'node:fs';
import { join } from 'node:path';
import { Failure } from '../base/errors.ts';
import { readText, writeAtomic } from '../base/files.ts';
import { RUN_ID } from '../base/ids.ts';
import { allIterations } from './autolab/iterations.ts';
import { isOver } from './evidence/lifecycle.ts';
import { readJournal, wasIntended } from './journal.ts';
import type { Run } from './run.ts';
import { readRun } from './run.ts';

/**
 * The runs that are not over, one small file each, so that recovery and monitoring cost what is open and not what ever ran. Written
 * before the journal's first line, so that no run can be missed; removed when nothing more can happen to the run.
 */
function folder(repo: string): string {
  return join(repo, '.autolab', 'gate', 'open');
}

export function markOpen(repo: string, runId: string, iterationFolder: string): void {
  writeAtomic(join(folder(repo), runId), `${iterationFolder}\n`);
}

export function markOver(repo: string, runId: string): void {
  const path = join(folder(repo), runId);
  if (existsSync(path)) unlinkSync(path);
}

/** Whether something may still happen to a run as far as is known; one whose folder was moved stays so. */
export function isMarkedOpen(repo: string, runId: string): boolean {
  return existsSync(join(folder(repo), runId));
}

/** Open runs of which nothing but the reservation is there: no intent was journalled, so nothing was ever to happen on its word. */
export function unintended(repo: string): { id: string; folder: string }[] {
  const whereIs = places(repo);
  return listed(folder(repo)).flatMap((id) => {
    try {
      const iteration = whereIs(id);
      const run = { id, folder: join(iteration ?? '', 'runs', id) };
      return iteration && isUntouched(run.folder) ? [run] : [];
    } catch {
      // A journal that cannot be read is named by `openRuns`; it must not keep the other runs from being finished.
      return [];
    }
  });
}

/**
 * Whether nothing of a run was ever intended: no line of its journal is there, and nothing that comes after its first one either. A journal
 * that was emptied or overwritten is not a reservation that was cut off.
 */
function isUntouched(runFolder: string): boolean {
  // Once there is a manifest nothing else needs to be read.
  return !existsSync(join(runFolder, 'run_manifest.json')) && readJournal(runFolder).length === 0 && !wasIntended(runFolder);
}

/**
 * The iteration folders that runs are of, by their marks: as a mark says, else, where that names none, where there is a run of this id. Gives
 * null for a mark that somebody has taken away meanwhile.
 */
function places(repo: string): (id: string) => string | null | undefined {
  const all = allIterations(repo).map(({ path }) => path);
  const known = new Set(all);
  return (id) => {
    const said = iterationIn(join(folder(repo), id));
    if (said === null) return null;
    const named = join(repo, said);
    return known.has(named) ? named : all.find((path) => existsSync(join(path, 'runs', id)));
  };
}

/** Empty where it does not read. */
function iterationIn(mark: string): string | null {
  try {
    return readText(mark)?.trim() ?? null;
  } catch (error) {
    if (error instanceof Failure) return '';
    throw error;
  }
}

function nowhere(mark: string): Failure {
  return new Failure('file_invalid', {
    what: `${mark} names no folder of an iteration, and no iteration has a run of this id`,
    next: `put the folder of the run back, or remove ${mark} if it is gone for good`,
  });
}

/** Takes away what a reservation that was cut off has left. The caller holds the budget lock, under which reservations are made. */
export function discard(repo: string, run: { id: string; folder: string }): void {
  if (!isUntouched(run.folder)) return;
  rmSync(run.folder, { recursive: true, force: true });
  markOver(repo, run.id);
}

/** The ids of all that are marked as open. */
export function openIds(repo: string): ReadonlySet<string> {
  return new Set(listed(folder(repo)));
}

/**
 * Every open run that can be read, but for those that are known already; what cannot is named with its reason instead of being left out
 * silently.
 */
export function openRuns(
  repo: string,
  known: ReadonlySet<string> = new Set(),
): { runs: Run[]; unreadable: { id: string; why: string }[] } {
  const runs: Run[] = [];
  const unreadable: { id: string; why: string }[] = [];
  const whereIs = places(repo);
  for (const id of listed(folder(repo)).filter((one) => !known.has(one))) {
    try {
      const iteration = whereIs(id);
      if (iteration === null) continue;
      if (iteration === undefined) throw nowhere(join(folder(repo), id));
      runs.push(readRun(iteration, id));
    } catch (error) {
      unreadable.push({ id, why: error instanceof Error ? error.message : String(error) });
    }
  }
  return { runs, unreadable };
}

/** Nothing more can happen to it: over, collected as far as it can be, and its metrics written. */
export function isSettled(run: Run): boolean {
  return isOver(run.record.state) && run.record.extraction !== null;
}

function listed(path: string): string[] {
  if (!existsSync(path)) return [];
  return readdirSync(path)
    .filter((name) => RUN_ID.test(name))
    .sort();
}
