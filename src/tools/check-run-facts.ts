import { statSync } from 'node:fs';
import { join } from 'node:path';
import type * as z from 'zod';
import { readText, shown } from '../base/files.ts';
import { RUN_ID } from '../base/ids.ts';
import type { CheckStage, Placed, RunFacts, Seen, TextFile } from '../checks/check.ts';
import { seen } from '../checks/findings.ts';
import type { RunManifest } from '../checks/manifest-schema.ts';
import { runManifestSchema } from '../checks/manifest-schema.ts';
import type { Iteration } from '../runs/autolab/iteration.ts';
import { readJsonText } from '../runs/autolab/json.ts';
import { isSlurmRun, jobIdOf, verifyRow } from '../runs/autolab/ledger.ts';
import { ledgerText } from '../runs/autolab/ledger-file.ts';
import { canonicalSync } from '../runs/autolab/manifest.ts';
import type { State } from '../runs/autolab/state.ts';
import { validate } from '../runs/autolab/validate.ts';
import { isSettled } from '../runs/open.ts';
import { LEDGER } from '../runs/project.ts';
import type { Metrics } from '../runs/results/metrics.ts';
import { metricsSchema } from '../runs/results/metrics.ts';
import { readRun, runFolders } from '../runs/run.ts';

/**
 * The run that a stage is about: results are of the last run; before, a pending one goes first once it has a folder. An iteration that
 * state.json is not at has its newest run. Null: there is none.
 */
export function runOf(stage: CheckStage, state: State, iteration: Iteration): string | null {
  if (stage === 'implementation_review') return null;
  const folders = runFolders(iteration.path).map(({ id }) => id);
  const newest = folders.at(-1) ?? null;
  if (state.iteration_id !== iteration.id) return newest;
  const pending = folders.find((id) => id === state.pending_run_id);
  const last = RUN_ID.test(state.last_run_id) ? state.last_run_id : undefined;
  return (stage === 'extract_results' ? (last ?? pending) : (pending ?? last)) ?? newest;
}

/** What is on disk of a run, of ours or of the Python Autolab's, and its files as text under the names that limits use. */
export function readRunFacts(repo: string, iteration: Iteration, id: string): { run: RunFacts; texts: TextFile[] } {
  const path = join(iteration.path, 'runs', id);
  const folder = shown(repo, path);
  const text = (name: string) => readText(join(path, name));
  const [manifestText, metricsText] = [text('run_manifest.json'), text('metrics.json')];
  const manifest = placed<RunManifest>(runManifestSchema, manifestText, join(folder, 'run_manifest.json'));
  const isOurs = runFolders(iteration.path).some((one) => one.id === id && one.ours);
  const run: RunFacts = {
    id,
    folder,
    manifest,
    sync: syncOf(manifest),
    metrics: placed<Metrics>(metricsSchema, metricsText, join(folder, 'metrics.json')),
    journal: seen(() => (isOurs ? journalOf(iteration.path, id) : null)),
    ledger: seen(() => rowOf(repo, manifest, isOurs)),
    hasLogs: statSync(join(path, 'logs'), { throwIfNoEntry: false })?.isDirectory() ?? false,
  };
  const texts = [
    { name: 'runs/<RUN_ID>/run_manifest.json', file: join(folder, 'run_manifest.json'), text: manifestText },
    { name: 'runs/<RUN_ID>/metrics.json', file: join(folder, 'metrics.json'), text: metricsText },
  ];
  return { run, texts: texts.flatMap(({ text: content, ...one }) => (content === undefined ? [] : [{ ...one, text: content }])) };
}

function placed<T>(schema: z.ZodType<T>, content: string | undefined, file: string): Seen<Placed<T> | null> {
  return seen(() => {
    if (content === undefined) return null;
    const read = readJsonText(content, file);
    return { file, value: validate(schema, read), line: (path) => read.at(path).line };
  });
}

function syncOf(manifest: RunFacts['manifest']): RunFacts['sync'] {
  const word = 'value' in manifest ? manifest.value?.value.artifact_sync_to_local.status : undefined;
  return word === undefined ? null : { word, status: canonicalSync(word) ?? null };
}

function journalOf(iterationFolder: string, id: string) {
  const run = readRun(iterationFolder, id);
  const { record } = run;
  return { state: record.state, sync: record.sync.status, settled: isSettled(run) };
}

/** The row of a run that an asynchronous scheduler has taken. Autolab's own monitor leaves rows as they were, so only ours are exact. */
function rowOf(repo: string, manifest: RunFacts['manifest'], isOurs: boolean) {
  const value = 'value' in manifest ? manifest.value?.value : undefined;
  if (value === undefined || !isSlurmRun(value) || jobIdOf(value) === undefined) return null;
  const row = verifyRow(ledgerText(join(repo, LEDGER)) ?? '', value);
  return { doc: LEDGER, expected: row.expected, found: row.ok ? row.expected : row.found, exact: isOurs };
}
