import { existsSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { systemCode } from '../../base/errors.ts';
import { readText, writeAtomic } from '../../base/files.ts';
import { isMarkedOpen, isSettled } from '../open.ts';
import { ownRun } from '../run.ts';
import { foldersOf } from './files.ts';
import { codeFolder, contentsOf, treeOf } from './place.ts';
import { isRewritten, MAKING } from './snapshot.ts';
import { straysIn } from './verify.ts';

/** Notes that a run executes from a snapshot, so that this stays until the run's results are there. */
export function needSnapshot(repo: string, id: string, runId: string, iterationFolder: string): void {
  writeAtomic(join(codeFolder(repo), id, 'runs', runId), `${iterationFolder}\n`);
}

/**
 * Takes away the snapshots that no run needs any more: those of which every run is over and has its metrics. One in which a run has
 * left files of its own stays, and so does one in which it has put them in the place of others. The caller holds the repository's lock, so that none is being made.
 */
export function pruneSnapshots(repo: string): void {
  const top = codeFolder(repo);
  if (!existsSync(top)) return;
  for (const id of readdirSync(top)) {
    try {
      if (id.startsWith(MAKING) || (!isNeeded(repo, id) && !hasStrays(repo, id)))
        rmSync(join(top, id), { recursive: true, force: true });
    } catch (error) {
      // What is in the way of tidying up is in the way of nothing else.
      if (systemCode(error) === undefined) throw error;
    }
  }
}

/** Newest first: of those that are needed mostly the first is. */
function isNeeded(repo: string, id: string): boolean {
  const folder = join(codeFolder(repo), id, 'runs');
  const runs = existsSync(folder) ? readdirSync(folder).sort().reverse() : [];
  return runs.some((runId) => {
    const iteration = readText(join(folder, runId))?.trim() ?? '';
    try {
      const run = ownRun(join(repo, iteration), runId);
      if (run ? !isSettled(run) : isMarkedOpen(repo, runId)) return true;
    } catch {
      // A run that cannot be read may need it.
      return true;
    }
    rmSync(join(folder, runId), { force: true });
    return false;
  });
}

function hasStrays(repo: string, id: string): boolean {
  const contents = contentsOf(repo, id);
  const tree = treeOf(repo, id);
  if (!contents || !existsSync(tree)) return false;
  const folders = new Set([...foldersOf(Object.keys(contents.files))].filter((folder) => existsSync(join(tree, folder))));
  return (
    straysIn(tree, contents, folders).length > 0 || Object.keys(contents.files).some((path) => isRewritten(tree, path, contents))
  );
}
