import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { Failure } from '../base/errors.ts';
import { jsonText, readJson, writeAtomic } from '../base/files.ts';
import { RUN_ID } from '../base/ids.ts';
import { withLock } from '../base/lock.ts';
import { chainRecord, linesOf } from './chain/chain.ts';
import { checkMove, isOver, TASK_OVER } from './evidence/lifecycle.ts';
import { groupRecord, readGroup } from './groups/group.ts';
import type { JournalEvent, JournalLine } from './journal.ts';
import { appendJournalAll, lostJournal, readJournal, wasIntended } from './journal.ts';
import type { Plan } from './launch/plan.ts';
import { indicesOf, PLAN_VERSION, planDigest, stepOf } from './launch/plan.ts';
import { isPlanFile } from './launch/plan-file.ts';
import type { RunRecord } from './record.ts';
import { current, replay } from './record.ts';
import type { Attempt, RunState } from './types.ts';

/**
 * A run of ours on disk: its folder, its plan, and its record as the journal tells it. With `replicates` it is the base of a group: its
 * record is what follows from theirs, and it has no job of its own. With `steps` it is a run of several jobs: each of its steps is the
 * same run as that step sees it, named by `step`, with the attempts and tasks of that step alone.
 */
export type Run = {
  id: string;
  folder: string;
  iterationFolder: string;
  plan: Plan;
  record: RunRecord;
  replicates?: readonly Run[];
  steps?: readonly Run[];
  step?: string;
  /** The plan that it was opened again for last: what is run again of it. */
  reopening?: Plan;
  /** The plan of the current attempt, where that is a retry's. */
  decided?: Plan;
};

/** What has jobs: the run itself, its steps, or the runs of the group whose base it is. */
export function partsOf(run: Run): readonly Run[] {
  return run.replicates ?? run.steps ?? [run];
}

/** How far the submission is. A group of which nothing was written down yet has had nothing accepted either, nor a run just opened again. */
export function phaseOf(run: Run): Attempt['phase'] | undefined {
  if (run.record.opened) return 'none';
  return current(run.record)?.phase ?? (run.replicates ? 'none' : undefined);
}

/** The repository that a run is of. */
export function repoOf({ iterationFolder, plan }: Run): string {
  return iterationFolder.slice(0, -(plan.iteration.folder.length + 1));
}

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
  const lines = readJournal(folder);
  const group = readGroup(folder);
  if (lines.length === 0 && !group && wasIntended(folder)) throw lostJournal(folder);
  if (plan.steps.length > 1) return chainOf({ id, folder, iterationFolder, plan }, lines);
  const own = replay(lines, indicesOf(stepOf({ plan })));
  if (!group) return withDecided({ id, folder, iterationFolder, plan, record: own });
  const replicates = group.replicates
    .filter((one) => isOurs(join(iterationFolder, 'runs', one.run_id)))
    .map((one) => readRun(iterationFolder, one.run_id));
  return { id, folder, iterationFolder, plan, record: groupRecord(group, replicates, own), replicates };
}

/** The code files a run was made of; undefined where that is not recorded. */
export function codeOf(run: { folder: string }): Record<string, string> | undefined {
  const json = readJson(join(gateOf(run), 'capsule.json'));
  return typeof json === 'object' && json !== null && 'files' in json ? (json.files as Record<string, string>) : undefined;
}

/** Records them. */
export function writeCode(folder: string, files: Record<string, string>): void {
  writeAtomic(join(gateOf({ folder }), 'capsule.json'), jsonText({ schema_version: '1', files }));
}

function withDecided({ decided: _, ...run }: Run): Run {
  const attempt = current(run.record);
  const plan = attempt?.planFile === undefined ? undefined : readPlan(run.folder, attempt.planFile);
  // Of a plan that was altered since, the run's own is what is known; that it is not what was decided on is seen by its digest.
  return plan && attempt && isPlan(plan, attempt.planDigest) ? { ...run, decided: plan } : run;
}

function isPlan(plan: Plan, digest: string): boolean {
  try {
    return planDigest(plan) === digest;
  } catch {
    return false;
  }
}

/** A run of several steps, from its one journal. */
function chainOf(run: Omit<Run, 'record'>, lines: readonly JournalLine[]): Run {
  const whole = replay(linesOf(lines, null), []);
  const reopening = whole.reopenedBy === null ? undefined : readPlan(run.folder, whole.reopenedBy);
  const steps = run.plan.steps.map((step) => {
    const own = replay(linesOf(lines, step.name), indicesOf(step));
    // What is no part of a retry stays what it was.
    const opened = own.opened && reopening?.steps.some(({ name }) => name === step.name) !== false;
    return {
      ...withDecided({ ...run, record: { ...own, opened, last: lines.length, lastAt: lines.at(-1)?.at ?? null } }),
      step: step.name,
    };
  });
  return { ...run, ...(reopening ? { reopening } : {}), steps, record: chainRecord(steps, whole) };
}

/** Reads the run again, after somebody may have written; of a step, the same step. */
export function reread(run: Run): Run {
  const now = readRun(run.iterationFolder, run.id);
  return run.step === undefined ? now : (now.steps?.find(({ step }) => step === run.step) ?? now);
}

/** The base of the group that a run belongs to. */
export function baseOf(run: Run): Run {
  return run.plan.replicate ? readRun(run.iterationFolder, run.plan.replicate.group) : run;
}

/** The groups that these runs belong to, each once; one that cannot be read is given to `failed`, or thrown. */
export function basesOf(runs: readonly Run[], failed?: (run: Run, error: unknown) => void): Run[] {
  const one = new Map(runs.filter(({ plan }) => plan.replicate).map((run) => [run.plan.replicate?.group, run]));
  return [...one.values()].flatMap((run) => {
    try {
      return [baseOf(run)];
    } catch (error) {
      if (!failed) throw error;
      failed(run, error);
      return [];
    }
  });
}

/** The run of this id where it is one of ours. */
export function ownRun(iterationFolder: string, id: string): Run | undefined {
  return RUN_ID.test(id) && isOurs(join(iterationFolder, 'runs', id)) ? readRun(iterationFolder, id) : undefined;
}

/** Every run folder of an iteration by id, oldest first: ours and others'. */
export function runFolders(iterationFolder: string): { id: string; ours: boolean }[] {
  const top = join(iterationFolder, 'runs');
  if (!existsSync(top)) return [];
  return readdirSync(top, { withFileTypes: true })
    .filter((entry) => entry.isDirectory() && RUN_ID.test(entry.name))
    .map((entry) => ({ id: entry.name, ours: isOurs(join(top, entry.name)) }))
    .sort((a, b) => (a.id < b.id ? -1 : 1));
}

/** Runs of ours of an iteration, the newest first; each is read when it is asked for, so that who needs the last few reads no others. */
export function* newestRuns(iterationFolder: string): Generator<Run> {
  for (const { id, ours } of runFolders(iterationFolder).reverse()) if (ours) yield readRun(iterationFolder, id);
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
  lines.push(...appendJournalAll(run.folder, lines.length, events));
  if (run.replicates || run.steps || run.step !== undefined) return reread(run);
  return withDecided({ ...run, record: replay(lines, indicesOf(stepOf(run))) });
}

/** Nothing of it was ever accepted, and that is certain: to go on with it is a new submission. */
export function isUnsubmitted(run: Run): boolean {
  return phaseOf(run) === 'none' && !isOver(run.record.state);
}

/** It ended without anything ever having been submitted of it, so there is nothing that a new submission could double. */
export function isGivenUp(run: Run): boolean {
  const nothing = partsOf(run).every(({ record: { attempts } }) => attempts.every(({ phase }) => phase === 'none'));
  return nothing && isOver(run.record.state);
}

/** Ends what was never accepted of a run or a group; what was accepted goes on. The caller holds its locks. */
export function giveUp(run: Run, because: string): void {
  for (const part of run.replicates ?? []) giveUp(part, because);
  const now = reread(run);
  const isNothing = partsOf(now).every(
    ({ record: its }) => its.opened || current(its)?.jobId == null || its.tasks.every(({ state }) => TASK_OVER.has(state)),
  );
  if (isUnsubmitted(now) && isNothing && now.record.state === 'pending')
    record(now, { event: 'moved', from: 'pending', to: 'failed', because });
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

function isOurs(folder: string): boolean {
  return existsSync(join(folder, 'gate', 'plan.json'));
}

function readPlan(folder: string, file = 'plan.json'): Plan | undefined {
  const path = join(folder, 'gate', file);
  const json = readJson(path);
  if (json === undefined) return undefined;
  const version = typeof json === 'object' && json !== null && 'schema_version' in json ? json.schema_version : undefined;
  if (isPlanFile(json)) return json;
  throw new Failure(typeof version === 'string' && version > PLAN_VERSION ? 'file_newer' : 'file_invalid', {
    what: version === PLAN_VERSION ? `${path} is not a plan` : `${path} has schema_version ${JSON.stringify(version)}`,
    why: version === PLAN_VERSION ? 'parts of it are missing' : `this version knows ${PLAN_VERSION}`,
    next: `restore ${path} from a backup, or use the version of autolab-mcp that wrote it; the run is left as it is until then`,
  });
}
