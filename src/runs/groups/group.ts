import { join } from 'node:path';
import * as z from 'zod';
import { Failure } from '../../base/errors.ts';
import { jsonText, readJson, writeAtomic } from '../../base/files.ts';
import { RUN_ID } from '../../base/ids.ts';
import { everyTask } from '../children/children.ts';
import { unseen } from '../evidence/evidence.ts';
import { apart, failureOf } from '../evidence/failure.ts';
import { isOver, TASK_OVER } from '../evidence/lifecycle.ts';
import type { Plan } from '../launch/plan.ts';
import type { RunRecord } from '../record.ts';
import { current } from '../record.ts';
import type { Attempt, RunState, TaskRecord } from '../types.ts';

export const GROUP_VERSION = '1';

const member = z.strictObject({
  run_id: z.string().regex(RUN_ID),
  number: z.number().int().min(1),
  seed: z.number().int(),
});
const file = z.strictObject({
  schema_version: z.literal(GROUP_VERSION),
  run_id: z.string().regex(RUN_ID),
  replicates: z.array(member).min(1),
});

/** `gate/group.json` of a base id: the runs that belong to it, in order, with their seeds. Written once, before any of them. */
export type GroupFile = z.output<typeof file>;

/** The group of a base id's run folder; undefined where the folder is an ordinary run's. */
export function readGroup(folder: string): GroupFile | undefined {
  const path = groupPath(folder);
  const json = readJson(path);
  if (json === undefined) return undefined;
  const parsed = file.safeParse(json);
  if (parsed.success) return parsed.data;
  throw new Failure('file_invalid', {
    what: `${path} is not the list of a run group`,
    why: z.prettifyError(parsed.error),
    next: `restore ${path} from a backup; the runs of the group are left as they are until then`,
  });
}

export function writeGroup(folder: string, group: Omit<GroupFile, 'schema_version'>): void {
  writeAtomic(groupPath(folder), jsonText({ schema_version: GROUP_VERSION, ...group }));
}

function groupPath(folder: string): string {
  return join(folder, 'gate', 'group.json');
}

type Member = { id: string; plan: Plan; record: RunRecord };

/**
 * The record of a base id: what follows from its runs, and from its own journal, which tells only of its results. A run of the group
 * that is not there counts as one of which nothing was accepted. A task of the base is a run, under the run's number.
 */
export function groupRecord(group: GroupFile, members: readonly Member[], own: RunRecord): RunRecord {
  const records = members.map(({ record }) => record);
  const missing = group.replicates.length - members.length;
  const state = isOver(own.state) ? own.state : stateOfGroup(records, missing);
  const overAts = records.flatMap(({ overAt }) => overAt ?? []).sort();
  const startedAts = records.flatMap(({ startedAt }) => startedAt ?? []).sort();
  const looks = records.flatMap(({ lookedAt }) => lookedAt ?? []);
  return {
    ...own,
    // It has no intents of its own.
    opened: false,
    state,
    because: own.because ?? records.find((one) => one.state === state)?.because ?? null,
    attempts: attemptOfGroup(records, missing),
    tasks: group.replicates.map(({ run_id, number }) => taskOf(members, run_id, number)),
    sync: syncOfGroup(members, missing),
    cancelling: records.some(({ cancelling }) => cancelling),
    differences: records.flatMap(({ differences }) => differences),
    refused: records.find(({ refused }) => refused !== null)?.refused ?? null,
    startedAt: startedAts[0] ?? null,
    overAt: own.overAt ?? (isOver(state) ? (overAts.at(-1) ?? null) : null),
    lookedAt: looks.length > 0 ? Math.min(...looks) : null,
  };
}

/** Never better than its runs: partial as soon as all of them have ended and one not well, collected when all of them are. */
function stateOfGroup(records: readonly RunRecord[], missing: number): RunState {
  const states = records.map(({ state }) => state);
  const ended = records.filter(hasEnded);
  if (missing === 0 && ended.length === records.length) {
    if (states.every((state) => state === 'failed')) return 'failed';
    if (states.some((state) => state === 'failed' || state === 'partial')) return 'partial';
    if (states.every((state) => state !== 'running')) return 'synced';
  }
  if (ended.length > 0 || states.includes('running')) return 'running';
  return states.includes('submitted') ? 'submitted' : 'pending';
}

/** Nothing of it runs any more; whether what it wrote is collected is another question. */
function hasEnded(record: RunRecord): boolean {
  const { state } = record;
  return (
    state === 'synced' || isOver(state) || (state === 'running' && everyTask(record).every((task) => TASK_OVER.has(task.state)))
  );
}

/** Where the submission of several stands: as far as the run that is least far. The job is the first one there is. */
export function attemptOfGroup(records: readonly RunRecord[], missing: number): Attempt[] {
  const attempts = records.flatMap((record) => current(record) ?? []);
  const first = attempts.find(({ jobId }) => jobId !== null) ?? attempts[0];
  if (first === undefined) return [];
  const phases = new Set(records.map(phaseOf));
  if (missing > 0) phases.add('none');
  return [{ ...first, attempt: 1, phase: LEAST_FIRST.find((one) => phases.has(one)) ?? first.phase }];
}

/** A run that was given up before anything was accepted wants nothing any more. */
function phaseOf(record: RunRecord): Attempt['phase'] {
  if (record.opened && !isOver(record.state)) return 'none';
  const phase = current(record)?.phase ?? 'none';
  return phase === 'none' && isOver(record.state) ? 'refused' : phase;
}

/** What still needs somebody or something before what is done. */
const LEAST_FIRST: readonly Attempt['phase'][] = [
  'unknown',
  'intent',
  'ambiguous',
  'none',
  'submitted',
  'releasing',
  'released',
  'withdrawn',
  'refused',
];

function taskOf(members: readonly Member[], id: string, number: number): TaskRecord {
  const found = members.find((one) => one.id === id);
  const task = { ...(found?.record.tasks[0] ?? unseen(number)), index: number };
  const failure = found && task.failure === null ? failureOf(found) : null;
  // It failed before there was anything to look at: refused, withdrawn or given up.
  return failure === null ? task : { ...task, state: 'failed', failure: failure.class, detail: apart(failure.detail).words };
}

/** Collected when nothing more can come and every run that has something to collect is. */
function syncOfGroup(members: readonly Member[], absent: number): RunRecord['sync'] {
  const good = members.filter(({ record }) => record.tasks.some((task) => task.state === 'succeeded'));
  const statuses = good.map(({ record }) => record.sync.status);
  const missing = good.flatMap(({ id, record }) => record.sync.missing.map((one) => `${id}: ${one}`));
  const collected = statuses.filter((status) => status === 'ok').length;
  const detail = `${collected} of ${members.length} runs collected`;
  if (statuses.includes('failed')) return { status: 'failed', detail, missing };
  if (statuses.includes('syncing')) return { status: 'syncing', detail, missing };
  const isWhole = absent === 0 && members.every(({ record }) => hasEnded(record));
  return isWhole && good.length > 0 && collected === good.length
    ? { status: 'ok', detail, missing: [] }
    : { status: 'pending', detail: '', missing: [] };
}
