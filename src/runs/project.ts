import { join } from 'node:path';
import { jsonText, readJson, statSize, writeAtomic } from '../base/files.ts';
import { withAutolabLock } from './autolab-lock.ts';
import { failureOf } from './failure.ts';
import { isSlurmRun, jobIdOf, ledgerLine, putRow, writeLedger } from './ledger.ts';
import { countTasks } from './lifecycle.ts';
import type { Manifest } from './manifest.ts';
import { projectManifest } from './manifest.ts';
import { isSettled, markOver } from './open.ts';
import { onlyStep, planDigest } from './plan.ts';
import { current } from './record.ts';
import type { Run } from './run.ts';
import { projectState } from './stage.ts';
import { readState, statePath, writeState } from './state.ts';

export const LEDGER = join('docs', 'slurm_job_list.md');

/**
 * Rewrites everything that is told of a run elsewhere from its journal: manifest, ledger row, state.json. The one writer of these for
 * runs of ours; safe to repeat, and what is unchanged is not written. Fails with `lock_held` while the Python Autolab is at work.
 */
export async function project(repo: string, run: Run): Promise<void> {
  const attempt = current(run.record);
  if (!attempt) return;
  const manifest = await withAutolabLock(repo, 'autolab-mcp', () => {
    const written = writeManifest(run);
    if (statSize(statePath(repo)) !== undefined) {
      const before = readState(repo);
      const after = projectState(before, run);
      if (after !== before) writeState(repo, after);
    }
    return written;
  });
  await listInLedger(repo, manifest);
  if (isSettled(run)) markOver(repo, run.id);
}

export function manifestPath(run: { folder: string }): string {
  return join(run.folder, 'run_manifest.json');
}

/** The run's row: added or brought up to date. Runs that are not on an asynchronous scheduler are not listed. */
async function listInLedger(repo: string, manifest: Manifest): Promise<void> {
  if (!isSlurmRun(manifest) || jobIdOf(manifest) === undefined) return;
  const line = ledgerLine(manifest);
  await writeLedger(join(repo, LEDGER), join(repo, '.autolab', 'gate', 'ledger.lock'), (text) => putRow(text, line));
}

function writeManifest(run: Run): Manifest {
  const path = manifestPath(run);
  const manifest = projectManifest(readJson(path), factsOf(run));
  writeAtomic(path, jsonText(manifest));
  return manifest;
}

function factsOf(run: Run): Parameters<typeof projectManifest>[1] {
  const { plan, record } = run;
  const attempt = current(record);
  const step = onlyStep(plan);
  return {
    runId: run.id,
    iterationId: plan.iteration.id,
    hostMode: plan.host_mode,
    scheduler: plan.scheduler,
    site: plan.site,
    command: [step.script.path, ...step.args].join(' '),
    requested: step.requested,
    state: record.state,
    jobId: attempt?.jobId ?? null,
    jobName: attempt?.name ?? '',
    sync: { status: record.sync.status, detail: record.sync.detail || null },
    startedAt: record.attempts[0]?.intentAt ?? '',
    completedAt: record.overAt,
    tasks: countTasks(record.tasks),
    failure: failureOf(run),
    planDigest: planDigest(plan),
    price: plan.price,
  };
}
