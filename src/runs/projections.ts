import { join } from 'node:path';
import { asFailure } from '../base/errors.ts';
import { allIterations } from './autolab/iterations.ts';
import { isSlurmRun, jobIdOf, verifyRow } from './autolab/ledger.ts';
import { ledgerText } from './autolab/ledger-file.ts';
import { readManifest } from './autolab/manifest.ts';
import { LEDGER, manifestPath } from './project.ts';
import { current } from './record.ts';
import type { Run } from './run.ts';
import { readRun, runFolders } from './run.ts';

/** Where what is told of runs elsewhere is not what their journals say: manifests, and rows of the ledger. One a run, in words. */
export function strayRecords(repo: string): { run: string; what: string }[] {
  const ledger = ledgerText(join(repo, LEDGER)) ?? '';
  return allIterations(repo).flatMap(({ path }) =>
    runFolders(path).flatMap(({ id, ours }) => {
      if (!ours) return [];
      try {
        const what = strayOf(readRun(path, id), ledger);
        return what === undefined ? [] : [{ run: id, what }];
      } catch (error) {
        // What cannot be read is told of the run itself.
        if (asFailure(error).code === 'internal') throw error;
        return [];
      }
    }),
  );
}

function strayOf(run: Run, ledger: string): string | undefined {
  if (!current(run.record)) return undefined;
  const manifest = readManifest(manifestPath(run));
  if (!manifest) return 'it has no run_manifest.json';
  if (manifest.status !== run.record.state)
    return `its manifest says ${manifest.status}, and its journal ${run.record.state}; \`autolab-mcp monitor\` writes it anew while the run is open`;
  if (!isSlurmRun(manifest) || jobIdOf(manifest) === undefined) return undefined;
  const row = verifyRow(ledger, manifest);
  if (row.ok) return undefined;
  return row.found === null
    ? `it has no row in ${LEDGER}; \`autolab-mcp slurm-job-list append\` adds it`
    : `its row in ${LEDGER} says something else: ${row.found}`;
}
