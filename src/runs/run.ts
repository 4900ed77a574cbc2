import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { Failure } from '../base/errors.ts';
import { readJson } from '../base/files.ts';
import { RUN_ID } from '../base/ids.ts';
import { withLock } from '../base/lock.ts';
import type { JournalEvent } from './journal.ts';
import { appendJournal, readJournal } from './journal.ts';
import { checkMove } from './lifecycle.ts';
import type { Plan } from './plan.ts';
import { indicesOf, onlyStep, PLAN_VERSION } from './plan.ts';
import type { RunRecord } from './record.ts';
import { replay } from './record.ts';
import type { RunState } from './types.ts';

/** A run of ours on disk: its folder, its plan, and its record as the journal tells it. */
export type Run = { id: string; folder: string; iterationFolder: string; plan: Plan; record: RunRecord };

export function gateOf(run: { folder: string }): string {
  return join(run.folder, 'gate');
}

/** Reads a run. Fails with `run_unknown` where the folder is no run of ours. */
export function readRun(iterationFolder: string, id: string): Run {
  const folder = join(iterationFolder, 'runs', id);
  const plan = readPlan(folder);
  if (!plan) {
    throw new Failure('run_unknown', {
      what: `run ${id} has no plan of ours in ${folder}`,
      why: 'it was not submitted by autolab-mcp',
      next: 'run `autolab-mcp runs`',
    });
  }
  return { id, folder, iterationFolder, plan, record: replay(readJournal(folder), indicesOf(onlyStep(plan))) };
}

/** The code files a run was made of; undefined where that is not recorded. */
export function codeOf(run: { folder: string }): Record<string, string> | undefined {
  const json = readJson(join(gateOf(run), 'capsule.json'));
  return typeof json === 'object' && json !== null && 'files' in json ? (json.files as Record<string, string>) : undefined;
}

/** Reads the run again, after somebody may have written. */
export function reread(run: Run): Run {
  return readRun(run.iterationFolder, run.id);
}

/** Every run folder of an iteration by id, oldest first: ours and others'. */
export function runFolders(iterationFolder: string): { id: string; ours: boolean }[] {
  const top = join(iterationFolder, 'runs');
  if (!existsSync(top)) return [];
  return readdirSync(top, { withFileTypes: true })
    .filter((entry) => entry.isDirectory() && RUN_ID.test(entry.name))
    .map((entry) => ({ id: entry.name, ours: existsSync(join(top, entry.name, 'gate', 'plan.json')) }))
    .sort((a, b) => (a.id < b.id ? -1 : 1));
}

/**
 * Appends to the journal; the caller holds the run's lock. Gives the run as it then is. Writes nothing where somebody else has
 * written since the run was read, or where a move is not in the table.
 */
export function record(run: Run, ...events: JournalEvent[]): Run {
  const lines = readJournal(run.folder);
  if (lines.length !== run.record.last) {
    throw new Failure('internal', {
      what: `the journal of run ${run.id} has ${lines.length} lines, and ${run.record.last} were read`,
      why: 'it was written without the run’s lock',
      next: 'call again; if it happens twice, report it as a defect',
    });
  }
  checkMoves(run.record.state, events);
  for (const event of events) lines.push(appendJournal(run.folder, lines.length, event));
  return { ...run, record: replay(lines, indicesOf(onlyStep(run.plan))) };
}

function checkMoves(state: RunState, events: readonly JournalEvent[]): void {
  let from = state;
  for (const event of events) {
    if (event.event !== 'moved') continue;
    if (event.from !== from) throw new Error(`a move from ${event.from} of a run that is ${from}`);
    checkMove(event.from, event.to);
    from = event.to;
  }
}

/** Holds the run's lock. Order: run, then budget, then audit. */
export function withRun<T>(run: { folder: string }, purpose: string, work: () => T | Promise<T>, waitMs?: number): Promise<T> {
  return withLock(join(gateOf(run), 'lock'), purpose, work, waitMs);
}

function readPlan(folder: string): Plan | undefined {
  const path = join(folder, 'gate', 'plan.json');
  const json = readJson(path);
  if (json === undefined) return undefined;
  const version = typeof json === 'object' && json !== null && 'schema_version' in json ? json.schema_version : undefined;
  if (version === PLAN_VERSION) return json as Plan;
  throw new Failure(typeof version === 'string' && version > PLAN_VERSION ? 'file_newer' : 'file_invalid', {
    what: `${path} has schema_version ${JSON.stringify(version)}`,
    why: `this version knows ${PLAN_VERSION}`,
    next: 'use the version of autolab-mcp that wrote it',
  });
}
