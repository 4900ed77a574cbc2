import { join } from 'node:path';
import { jsonText, readJson, readText, writeAtomic } from '../base/files.ts';
import { withAutolabLock } from './autolab/autolab-lock.ts';
import type { Guard } from './autolab/guardrail.ts';
import { isSlurmRun, jobIdOf, ledgerLine, rowsOfRuns } from './autolab/ledger.ts';
import { ledgerText, writeRows } from './autolab/ledger-file.ts';
import type { Manifest } from './autolab/manifest.ts';
import { projectManifest } from './autolab/manifest.ts';
import type { StateProjection } from './autolab/state-projection.ts';
import { stateProjection } from './autolab/state-projection.ts';
import { failureOf } from './evidence/failure.ts';
import type { TaskCounts } from './evidence/lifecycle.ts';
import { countTasks } from './evidence/lifecycle.ts';
import { stateFolder } from './home.ts';
import type { PlanPrice } from './launch/plan.ts';
import { planDigest } from './launch/plan.ts';
import { isSettled, markOver } from './open.ts';
import { current } from './record.ts';
import type { Run } from './run.ts';
import { baseOf, reread } from './run.ts';
import { settle } from './spending/settlement.ts';
import type { Spending } from './spending/spending.ts';
import { openSpending } from './spending/spending.ts';
import { largest } from './submission/allowance.ts';

export const LEDGER = join('docs', 'slurm_job_list.md');

/**
 * Rewrites everything that is told of a run elsewhere from its journal: manifest, ledger row, state.json, run_context.json, and what it
 * has cost. Of the base
 * of a group with all of its runs, of one of its runs together with the base. The one writer of these for runs of ours; safe to repeat,
 * and what is unchanged is not written. Fails with `lock_held` while the Python Autolab is at work.
 */
export async function project(repo: string, run: Run, guard: Guard): Promise<void> {
  const failures: unknown[] = [];
  const base = run.plan.replicate ? [baseOf(run)] : [];
  await projectAll(repo, [...(run.replicates ?? []), run, ...base], guard, (_, error) => failures.push(error));
  if (failures.length > 0) throw failures[0];
}

/** So many are brought up to date under one lock, so that the Python Autolab comes in between. */
const AT_ONCE = 100;

/**
 * The same of these runs alone, however many: where all is told as it should be each is only compared, and no lock is taken. What stands
 * in the way of one is given to `failed` and keeps nothing from the others. The base of a group comes after its runs.
 */
export async function projectAll(
  repo: string,
  runs: readonly Run[],
  guard: Guard,
  failed: (run: Run, error: unknown) => void,
): Promise<void> {
  const told = { rows: rowsIn(repo, runs), state: stateProjection(repo, guard) };
  const spending = openSpending(stateFolder(repo));
  const behind: Run[] = [];
  for (const run of runs.filter(({ record }) => current(record))) {
    if (isTold(run, told))
      guarding(run, failed, () => {
        settle(run, spending);
        end(repo, run);
      });
    else behind.push(run);
  }
  for (let at = 0; at < behind.length; at += AT_ONCE) {
    const some = behind.slice(at, at + AT_ONCE);
    try {
      await projectThese(repo, some, guard, spending, failed);
    } catch (error) {
      // Nobody waits for the same lock again and again.
      for (const run of behind.slice(at)) failed(run, error);
      return;
    }
  }
}

async function projectThese(
  repo: string,
  runs: readonly Run[],
  guard: Guard,
  spending: Spending,
  failed: (run: Run, error: unknown) => void,
): Promise<void> {
  const written: { run: Run; manifest: Manifest }[] = [];
  await withAutolabLock(repo, 'autolab-mcp', () => {
    const state = stateProjection(repo, guard);
    for (const run of runs) {
      guarding(run, failed, () => {
        // As it is now: whoever was here before may have known more.
        const now = reread(run);
        const manifest = writeManifest(now);
        state.add(now);
        written.push({ run: now, manifest });
      });
    }
    state.write();
  });
  for (const { run } of written) guarding(run, failed, () => settle(run, spending));
  const lines = written.flatMap(({ run, manifest }) => guarding(run, failed, () => rowOf(manifest)) ?? []);
  if (lines.length > 0) await writeRows(join(repo, LEDGER), join(repo, '.autolab', 'gate', 'ledger.lock'), lines);
  for (const { run } of written) guarding(run, failed, () => end(repo, run));
}

function guarding<T>(run: Run, failed: (run: Run, error: unknown) => void, work: () => T): T | undefined {
  try {
    return work();
  } catch (error) {
    failed(run, error);
    return undefined;
  }
}

function end(repo: string, run: Run): void {
  // Until its base has results too a run of a group stays where recovery and monitoring look.
  if (isSettled(run) && !run.plan.replicate) for (const one of [run, ...(run.replicates ?? [])]) markOver(repo, one.id);
}

/** What is told of all runs together. */
type Told = { rows: ReadonlyMap<string, string>; state: StateProjection };

/** What cannot be read tells nothing. */
function rowsIn(repo: string, runs: readonly Run[]): ReadonlyMap<string, string> {
  try {
    return rowsOfRuns(ledgerText(join(repo, LEDGER)) ?? '', new Set(runs.map(({ id }) => id)));
  } catch {
    return new Map();
  }
}

/** Whether nothing that is told of it would be written otherwise. */
function isTold(run: Run, told: Told): boolean {
  try {
    const text = readText(manifestPath(run));
    if (text === undefined) return false;
    const manifest = projectManifest(JSON.parse(text), factsOf(run));
    const row = rowOf(manifest);
    return text === jsonText(manifest) && (row === undefined || told.rows.get(run.id) === row) && told.state.isTold(run);
  } catch {
    return false;
  }
}

export function manifestPath(run: { folder: string }): string {
  return join(run.folder, 'run_manifest.json');
}

/** The run's row. Runs that are not on an asynchronous scheduler have none, nor those without a job. */
function rowOf(manifest: Manifest): string | undefined {
  return isSlurmRun(manifest) && jobIdOf(manifest) !== undefined ? ledgerLine(manifest) : undefined;
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
  const commands = plan.steps.map(({ script, args }) => [script.path, ...args].join(' '));
  return {
    runId: run.id,
    iterationId: plan.iteration.id,
    hostMode: plan.host_mode,
    scheduler: plan.scheduler,
    site: plan.site,
    command: commands.join(' && '),
    requested: largest(plan),
    state: record.state,
    jobId: attempt?.jobId ?? null,
    jobName: attempt?.name ?? '',
    sync: { status: record.sync.status, detail: record.sync.detail || null },
    startedAt: record.attempts[0]?.intentAt ?? '',
    completedAt: record.overAt,
    tasks: countTasks(record.tasks),
    ...(run.steps ? { steps: run.steps.map(stepView) } : {}),
    ...(run.replicates ? { group: run.replicates.map(({ id, record: { state } }) => ({ run_id: id, status: state })) } : {}),
    failure: failureOf(run),
    planDigest: planDigest(plan),
    price: priceOf(run),
  };
}

function stepView({ step = '', record }: Run): { step: string; job_id: string | null; tasks: TaskCounts } {
  return { step, job_id: current(record)?.jobId ?? null, tasks: countTasks(record.tasks) };
}

/** What is in the plan is the price of one run. */
function priceOf({ plan, record, replicates }: Run): PlanPrice {
  const times = replicates ? record.tasks.length : 1;
  const { cpu_hours: cpu, gpu_hours: gpu, memory_gb_hours: memory, node_hours: node } = plan.price;
  const of = (hours: number | null) => (hours === null ? null : hours * times);
  return { cpu_hours: of(cpu), gpu_hours: of(gpu), memory_gb_hours: of(memory), node_hours: of(node) };
}
