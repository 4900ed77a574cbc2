import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { Failure } from '../base/errors.ts';
import { mintRunId, RUN_ID } from '../base/ids.ts';
import type { Reads } from '../context.ts';
import type { Iteration } from '../runs/autolab/iteration.ts';
import { findIteration } from '../runs/autolab/iteration.ts';
import { allIterations } from '../runs/autolab/iterations.ts';
import { readState } from '../runs/autolab/state.ts';
import { replicateIds } from '../runs/groups/group-reservation.ts';
import { current } from '../runs/record.ts';
import type { Run } from '../runs/run.ts';
import { newestRuns, partsOf, readRun } from '../runs/run.ts';
import { focusedIteration } from './planning.ts';

/** Runs of ours of an iteration, oldest first. */
export function ownRuns(iterationFolder: string): Run[] {
  return [...newestRuns(iterationFolder)].reverse();
}

/** What submit_run launched of an iteration, the newest first: runs, and groups by their base. Each is read when it is asked for. */
export function* newestLaunches(iterationFolder: string): Generator<Run> {
  for (const run of newestRuns(iterationFolder)) if (!run.plan.replicate) yield run;
}

/** The same, oldest first. */
export function launches(iterationFolder: string): Run[] {
  return [...newestLaunches(iterationFolder)].reverse();
}

/** The last one. */
export function lastLaunch(iterationFolder: string): Run | undefined {
  for (const run of newestLaunches(iterationFolder)) return run;
  return undefined;
}

/** The run that is asked for by id, in whatever iteration it is, else the last one of the iteration. */
export function chooseRun(reads: Reads, runId: string | undefined, iterationId?: string): Run {
  const iteration = findIteration(reads.repo, iterationId ?? focusedIteration(reads.repo));
  if (runId !== undefined) return runById(reads, runId, iteration);
  const last = readState(reads.repo).last_run_id;
  const runs = launches(iteration.path);
  const found = runs.find((run) => run.id === last) ?? runs.at(-1);
  if (found) return found;
  throw new Failure('run_unknown', {
    what: `iteration ${iteration.id} has no run of ours`,
    next: 'submit one: submit_run with dry_run: true first',
  });
}

function runById(reads: Reads, runId: string, first: Iteration): Run {
  const holds = (folder: string) => existsSync(join(folder, 'runs', runId, 'gate', 'plan.json'));
  if (holds(first.path)) return readRun(first.path, runId);
  const elsewhere = allIterations(reads.repo).find((iteration) => holds(iteration.path));
  if (elsewhere) return readRun(elsewhere.path, runId);
  throw new Failure('run_unknown', { what: `there is no run ${runId} of ours`, next: 'list_runs shows the ids' });
}

/** The id the caller names, else the one Autolab has put down for this launch, else a new one. Never that of an existing run. */
export function newRunId(reads: Reads, iteration: Iteration, named: string | undefined, runs: number): string {
  const isThere = (id: string) => existsSync(join(iteration.path, 'runs', id));
  const isFree = (id: string) =>
    RUN_ID.test(id) && !isThere(id) && (runs === 1 || !replicateIds(id, runs).some((one) => isThere(one)));
  if (named !== undefined) {
    if (isFree(named)) return named;
    throw new Failure('run_state', {
      what: `run ${named} exists and cannot be submitted again`,
      next: 'leave run_id out to submit a new run',
    });
  }
  const state = readState(reads.repo);
  const pending = state.iteration_id === iteration.id ? state.pending_run_id : undefined;
  return pending && isFree(pending) ? pending : mintRunId(new Date());
}

/**
 * The values of the variables that launch.yaml passes by name; a variable that is not set here is not passed. PATH goes along a second
 * time, since the login shell of a job sets it anew.
 */
export function passed(names: readonly string[], isElsewhere = false): Record<string, string> {
  const values: Record<string, string> = {};
  for (const name of names) {
    if (isElsewhere && OF_THE_MACHINE.has(name)) continue;
    const value = process.env[name];
    if (value !== undefined) values[name] = value;
  }
  return values.PATH === undefined ? values : { ...values, AUTOLAB_PATH: values.PATH };
}

/** What means something on this machine alone: elsewhere a job has those of its own login. */
const OF_THE_MACHINE: ReadonlySet<string> = new Set(['PATH', 'HOME', 'USER', 'LOGNAME', 'SHELL', 'TMPDIR', 'PWD', 'HOSTNAME']);

/** Another server is faster with the same iteration. */
export function raced(run: Run): Failure {
  return new Failure('lock_held', {
    what: `run ${run.id} of this iteration is being submitted by another process`,
    why: `it is ${run.record.state}`,
    next: 'make the same call again; it answers with that run’s state',
  });
}

/** Nobody but a person can find out whether a job of it is there. */
export function uncertain(run: Run): Failure {
  const parts = partsOf(run).flatMap(({ record }) => current(record) ?? []);
  const name = parts.find(({ phase }) => phase === 'unknown')?.name ?? '';
  return new Failure('submission_unknown', {
    what: `whether the scheduler took run ${run.id} cannot be found out`,
    why: `no job named ${name} is known there, but it may have been cancelled while it was held`,
    next: `a person looks at the scheduler for ${name}; then cancel_run ${run.id} gives it up, so that what comes of it later ends itself, and submit_run with again: true begins anew`,
  });
}

/** What was found out is of the tasks as they were. `meanwhile`: what was being done, in words. */
export function refuseReopened({ id, record: { retries } }: Run, before: Run, meanwhile: string): void {
  if (retries === before.record.retries) return;
  throw new Failure('run_state', {
    what: `run ${id} was opened again while ${meanwhile}`,
    why: 'they are of its tasks as they were before',
    next: 'monitor_runs until it has ended, then call again',
  });
}
