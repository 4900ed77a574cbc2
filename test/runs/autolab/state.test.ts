import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { jsonText } from '../../../src/base/files.ts';
import {
  historyEntry,
  initialState,
  parseState,
  readState,
  type State,
  statePath,
  writeState,
} from '../../../src/runs/autolab/state.ts';
import { referenceFindings } from '../../reference-schemas/reference.ts';
import { failureOf } from '../failing.ts';

let repo: string;
beforeEach(() => {
  repo = mkdtempSync(join(tmpdir(), 'autolab-state-'));
  mkdirSync(join(repo, '.autolab'));
});
afterEach(() => rmSync(repo, { recursive: true }));

const GUARD = {
  last_decision: '',
  same_decision_streak: 0,
  last_open_task_count: -1,
  no_progress_decisions: 0,
  update_docs_cycle_count: 0,
  stalled_blocker_cycles: 0,
  last_verification_passed: false,
  last_blocker_fingerprint: '',
};

test('a new repository’s state is valid for the reference and reads back the same', () => {
  const state = initialState('penguins-1');
  expect(state).toEqual({
    iteration_id: 'penguins-1',
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
    repeat_guard: GUARD,
    task_change_baseline: {},
    run_group: [],
    history: [],
  });
  writeState(repo, state);
  expect(readState(repo)).toEqual(state);
  expect(referenceFindings('state', JSON.parse(readFileSync(statePath(repo), 'utf8')))).toEqual([]);
});

test('a state is normalised as the reference does, and unknown keys stay', () => {
  const raw = {
    iteration_id: ' i1 ',
    stage: 'launch ',
    stage_attempt: '2',
    last_run_id: null,
    sync_status: ' ok',
    max_stage_attempts: 3.9,
    max_total_iterations: true,
    assistant_mode: 'maybe',
    task_cycle_stage: 'VERIFY',
    repeat_guard: { same_decision_streak: '4', last_verification_passed: 1, last_change_baseline: { a: 1 } },
    task_change_baseline: { ' a ': ' b ', c: '' },
    run_group: [' r1 ', ''],
    history: [...Array.from({ length: 201 }, (_, at) => ({ at })), 'no entry'],
    slurm_monitor_no_progress: { signature: 's', count: 1 },
  };
  expect(parseState(JSON.stringify(raw), 's')).toEqual({
    iteration_id: 'i1',
    experiment_id: '',
    stage: 'launch',
    stage_attempt: 2,
    last_run_id: '',
    pending_run_id: '',
    sync_status: 'ok',
    max_stage_attempts: 3,
    max_total_iterations: 1,
    assistant_mode: 'off',
    current_task_id: '',
    task_cycle_stage: 'verify',
    repeat_guard: { ...GUARD, same_decision_streak: 4, last_verification_passed: true, last_change_baseline: { a: 1 } },
    task_change_baseline: { a: 'b' },
    run_group: ['r1'],
    history: Array.from({ length: 199 }, (_, at) => ({ at: at + 2 })),
    slurm_monitor_no_progress: { signature: 's', count: 1 },
  });
});

const GOOD = initialState('i1');
test.each<[string, (state: Record<string, unknown>) => unknown, string]>([
  ['a missing key', ({ stage, ...rest }) => rest, ':1:1: the file lacks stage'],
  [
    'an empty iteration id',
    (state) => ({ ...state, iteration_id: ' ' }),
    ':2:19: iteration_id is " "; expected the id of an iteration',
  ],
  [
    'a placeholder',
    (state) => ({ ...state, iteration_id: '<ITERATION_ID>' }),
    ':2:19: iteration_id is "<ITERATION_ID>"; expected the id of an iteration',
  ],
  [
    'an unknown stage',
    (state) => ({ ...state, stage: 'lunch' }),
    ':4:12: stage is "lunch"; expected one of hypothesis, design, implementation, implementation_review, launch, slurm_monitor, extract_results, update_docs, decide_repeat, human_review, stop',
  ],
  [
    'a negative counter',
    (state) => ({ ...state, stage_attempt: -1 }),
    ':5:20: stage_attempt is -1; expected a whole number from 0 on',
  ],
  [
    'no number',
    (state) => ({ ...state, stage_attempt: 'two' }),
    ':5:20: stage_attempt is "two"; expected a whole number from 0 on',
  ],
  [
    'a zero maximum',
    (state) => ({ ...state, max_stage_attempts: 0 }),
    ':9:25: max_stage_attempts is 0; expected a whole number from 1 on',
  ],
  ['a list', () => [], ':1:1: the file is not a map'],
])('%s does not load', (_name, change, what) => {
  expect(failureOf(() => parseState(jsonText(change(GOOD)), 'state.json'))).toEqual({
    code: 'file_invalid',
    what: `state.json${what}`,
    next: 'mend state.json, or restore it from git',
    retry: false,
  });
});

test('an empty state file is a failure, and a missing one another', () => {
  writeFileSync(statePath(repo), '');
  expect(failureOf(() => readState(repo))).toEqual({
    code: 'file_invalid',
    what: `${statePath(repo)} is not JSON`,
    why: 'the file is empty',
    next: `write ${statePath(repo)} again, or restore it from git`,
    retry: false,
  });
  rmSync(statePath(repo));
  expect(failureOf(() => readState(repo)).code).toBe('file_missing');
});

test('what would not load is not written', () => {
  writeState(repo, GOOD);
  const bad: State = { ...GOOD, iteration_id: '' };
  expect(failureOf(() => writeState(repo, bad)).code).toBe('file_invalid');
  expect(readState(repo)).toEqual(GOOD);
});

test('a history entry has its time', () => {
  const entry = {
    stage_before: 'launch',
    stage_after: 'slurm_monitor',
    status: 'complete',
    summary: 'submitted',
    stage_attempt: 0,
  };
  expect(historyEntry(entry, new Date('2026-02-01T10:11:12.345Z'))).toEqual({ timestamp_utc: '2026-02-01T10:11:12Z', ...entry });
});
