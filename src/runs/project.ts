import { join } from 'node:path';
import { jsonText, readJson, statSize, writeAtomic } from '../base/files.ts';
import { largest } from './allowance.ts';
import { withAutolabLock } from './autolab-lock.ts';
import { failureOf } from './failure.ts';
import type { Guard } from './guardrail.ts';
import { guarded } from './guardrail.ts';
import { stateFolder } from './home.ts';
import { isSlurmRun, jobIdOf, ledgerLine, putRow, writeLedger } from './ledger.ts';
import type { TaskCounts } from './lifecycle.ts';
import { countTasks } from './lifecycle.ts';
import type { Manifest } from './manifest.ts';
import { projectManifest } from './manifest.ts';
import { isSettled, markOver } from './open.ts';
import type { PlanPrice } from './plan.ts';
import { planDigest } from './plan.ts';
import { current } from './record.ts';
import type { Run } from './run.ts';
import { baseOf, ownRun } from './run.ts';
import { writeRunContext } from './run-context.ts';
import { settle } from './settlement.ts';
import { openSpending } from './spending.ts';
import { projectState } from './stage.ts';
import { readState, statePath, writeState } from './state.ts';

export const LEDGER = join('docs', 'slurm_job_list.md');

/**
 * Rewrites everything that is told of a run elsewhere from its journal: manifest, ledger row, state.json, run_context.json, and what it
 * has cost. Of the base
 * of a group with all of its runs, of one of its runs together with the base. The one writer of these for runs of ours; safe to repeat,
 * and what is unchanged is not written. Fails with `lock_held` while the Python Autolab is at work.
 */
export async function project(repo: string, run: Run, guard: Guard): Promise<void> {
  for (const one of run.replicates ?? []) await projectOne(repo, one, guard);
  await projectOne(repo, run, guard);
  if (run.plan.replicate) await projectOne(repo, baseOf(run), guard);
}

/** The same of this run alone. The base of a group is then to be projected once, after its runs. */
export async function projectOne(repo: string, run: Run, guard: Guard): Promise<void> {
  if (!current(run.record)) return;
  const manifest = await withAutolabLock(repo, 'autolab-mcp', () => {
    const written = writeManifest(run);
    if (!run.plan.replicate && statSize(statePath(repo)) !== undefined) projectRepository(repo, run, guard);
    return written;
  });
  settle(run, openSpending(stateFolder(repo)));
  await listInLedger(repo, manifest);
  // Until its base has results too a run of a group stays where recovery and monitoring look.
  if (isSettled(run) && !run.plan.replicate) for (const one of [run, ...(run.replicates ?? [])]) markOver(repo, one.id);
}

function projectRepository(repo: string, run: Run, guard: Guard): void {
  const before = readState(repo);
  const last = ownRun(run.iterationFolder, before.last_run_id);
  const { state, breach } = guarded(before, projectState(before, run, last), guard);
  if (breach) writeAtomic(join(repo, '.autolab', 'guardrail_breach.json'), jsonText(breach));
  if (state !== before) writeState(repo, state);
  writeRunContext(repo, state, run);
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
