import { join } from 'node:path';
import { Failure } from '../../base/errors.ts';
import { jsonText, readText, writeAtomic } from '../../base/files.ts';
import { instant } from '../../base/ids.ts';
import { readJsonText } from './json.ts';
import { placeOf } from './validate.ts';
import { STAGES, type Stage } from './workflow-stages.ts';
import type { Positioned } from './yaml.ts';

/** How many history entries are kept, as the reference does. */
const HISTORY = 200;

export type HistoryEntry = {
  timestamp_utc: string;
  stage_before: string;
  stage_after: string;
  status: string;
  summary: string;
  stage_attempt: number;
  decision?: string;
  verification?: { passed: boolean; message: string; mode: 'auto' | 'manual' };
};

/** .autolab/state.json, normalised as the reference does on load. Keys that neither knows are kept. */
export type State = {
  iteration_id: string;
  experiment_id: string;
  stage: Stage;
  stage_attempt: number;
  last_run_id: string;
  pending_run_id: string;
  sync_status: string;
  max_stage_attempts: number;
  max_total_iterations: number;
  assistant_mode: 'off' | 'on';
  current_task_id: string;
  task_cycle_stage: string;
  repeat_guard: Record<string, unknown>;
  task_change_baseline: Record<string, string>;
  run_group: string[];
  history: Record<string, unknown>[];
  [other: string]: unknown;
};

/** The repository's state. `file_missing` or `file_invalid` saying which key and why; an empty or torn file is never an empty state. */
export function readState(repo: string): State {
  const path = statePath(repo);
  const text = readText(path);
  if (text === undefined) throw new Failure('file_missing', { what: `there is no ${path}`, next: 'run `autolab-mcp init`' });
  return parseState(text, path);
}

/** The same from text; `file` is only named in messages. */
export function parseState(text: string, file: string): State {
  const read = readJsonText(text, file);
  if (!isObject(read.value)) throw wrong(read, [], 'is not a map');
  const raw = read.value;
  const missing = REQUIRED.filter((key) => !(key in raw));
  if (missing.length) throw wrong(read, [], `lacks ${missing.join(', ')}`);
  return {
    ...raw,
    iteration_id: iterationId(read, raw.iteration_id),
    experiment_id: trimmed(raw.experiment_id),
    stage: stage(read, raw.stage),
    stage_attempt: whole(read, raw, 'stage_attempt', 0),
    last_run_id: trimmed(raw.last_run_id),
    pending_run_id: trimmed(raw.pending_run_id),
    sync_status: trimmed(raw.sync_status),
    max_stage_attempts: whole(read, raw, 'max_stage_attempts', 1),
    max_total_iterations: whole(read, raw, 'max_total_iterations', 1),
    assistant_mode: trimmed(raw.assistant_mode).toLowerCase() === 'on' ? 'on' : 'off',
    current_task_id: trimmed(raw.current_task_id),
    task_cycle_stage: oneOf(trimmed(raw.task_cycle_stage).toLowerCase(), TASK_CYCLE, 'select'),
    repeat_guard: repeatGuard(raw.repeat_guard),
    task_change_baseline: texts(raw.task_change_baseline),
    run_group: Array.isArray(raw.run_group) ? raw.run_group.map(trimmed).filter((id) => id !== '') : [],
    history: Array.isArray(raw.history) ? raw.history.slice(-HISTORY).filter(isObject) : [],
  };
}

/** Replaces the state whole. What would not load again is refused and not written. Hold the Autolab lock. */
export function writeState(repo: string, state: State): void {
  const path = statePath(repo);
  writeAtomic(path, jsonText(parseState(JSON.stringify(state), path)));
}

/** The state of a repository that has just been made. */
export function initialState(iterationId: string): State {
  return {
    iteration_id: iterationId,
    experiment_id: '',
    stage: 'hypothesis',
    stage_attempt: 0,
    last_run_id: '',
    pending_run_id: '',
    sync_status: 'na',
    max_stage_attempts: 5,
    max_total_iterations: 50,
    assistant_mode: 'off',
    current_task_id: '',
    task_cycle_stage: 'select',
    repeat_guard: repeatGuard(undefined),
    task_change_baseline: {},
    run_group: [],
    history: [],
  };
}

/** One line of the state's history. Add it with `[...state.history, entry]`; what is over the limit falls off when it is written. */
export function historyEntry(entry: Omit<HistoryEntry, 'timestamp_utc'>, now: Date = new Date()): HistoryEntry {
  return { timestamp_utc: instant(now), ...entry };
}

export function statePath(repo: string): string {
  return join(repo, '.autolab', 'state.json');
}

const REQUIRED = [
  'iteration_id',
  'stage',
  'stage_attempt',
  'last_run_id',
  'sync_status',
  'max_stage_attempts',
  'max_total_iterations',
];
const TASK_CYCLE = ['select', 'implement', 'verify', 'review', 'done'];
const GUARD_COUNTERS: Readonly<Record<string, number>> = {
  same_decision_streak: 0,
  last_open_task_count: -1,
  no_progress_decisions: 0,
  update_docs_cycle_count: 0,
  stalled_blocker_cycles: 0,
};

function iterationId(read: Positioned, value: unknown): string {
  const id = trimmed(value);
  if (id !== '' && !id.startsWith('<')) return id;
  throw wrong(read, ['iteration_id'], `iteration_id is ${JSON.stringify(value)}; expected the id of an iteration`);
}

function stage(read: Positioned, value: unknown): Stage {
  const found = STAGES.find((name) => name === trimmed(value));
  if (found) return found;
  throw wrong(read, ['stage'], `stage is ${JSON.stringify(value)}; expected one of ${STAGES.join(', ')}`);
}

function whole(read: Positioned, raw: Record<string, unknown>, key: string, least: number): number {
  const number = integer(raw[key]);
  if (number !== undefined && number >= least) return number;
  throw wrong(read, [key], `${key} is ${JSON.stringify(raw[key])}; expected a whole number from ${least} on`);
}

/** What Python's `int()` makes of a JSON value. */
function integer(value: unknown): number | undefined {
  if (typeof value === 'boolean') return Number(value);
  const number = typeof value === 'string' && /^\s*[-+]?\d+\s*$/.test(value) ? Number(value) : value;
  return typeof number === 'number' && Number.isFinite(number) ? Math.trunc(number) : undefined;
}

/** The reference drops guard keys it does not know; they are kept here. */
function repeatGuard(value: unknown): Record<string, unknown> {
  const raw = isObject(value) ? value : {};
  const counters = Object.entries(GUARD_COUNTERS).map(([key, start]) => [key, integer(raw[key]) ?? start] as const);
  return {
    ...raw,
    last_decision: trimmed(raw.last_decision),
    ...Object.fromEntries(counters),
    last_verification_passed: Boolean(raw.last_verification_passed),
    last_blocker_fingerprint: trimmed(raw.last_blocker_fingerprint),
  };
}

function texts(value: unknown): Record<string, string> {
  const members = Object.entries(isObject(value) ? value : {}).map(([key, text]) => [key.trim(), trimmed(text)] as const);
  return Object.fromEntries(members.filter(([key, text]) => key !== '' && text !== ''));
}

function oneOf(word: string, known: readonly string[], otherwise: string): string {
  return known.includes(word) ? word : otherwise;
}

function trimmed(value: unknown): string {
  return value === undefined || value === null ? '' : String(value).trim();
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function wrong(read: Positioned, path: readonly string[], problem: string): Failure {
  return new Failure('file_invalid', {
    what: `${placeOf(read, path)}: ${path.length ? '' : 'the file '}${problem}`,
    next: `mend ${read.file}, or restore it from git`,
  });
}
