import { expect, test } from 'vitest';
import { projectState } from '../../../src/runs/autolab/stage.ts';
import type { State } from '../../../src/runs/autolab/state.ts';
import { initialState } from '../../../src/runs/autolab/state.ts';
import type { JournalEvent } from '../../../src/runs/journal.ts';
import { replay } from '../../../src/runs/record.ts';
import type { Run } from '../../../src/runs/run.ts';
import { lines, observed, plan, task, told } from '../samples.ts';

const runOf = (events: JournalEvent[], id = 'R5'): Run => ({
  id,
  folder: '/r',
  iterationFolder: '/',
  plan: plan(),
  record: replay(lines(events), [0]),
});
const state = (change: Partial<State> = {}): State => ({ ...initialState('it1'), stage: 'launch', stage_attempt: 2, ...change });
const synced: JournalEvent[] = [
  { event: 'synced', status: 'ok', detail: '', missing: [] },
  { event: 'moved', from: 'submitted', to: 'synced', because: '' },
];
const failed: JournalEvent = { event: 'moved', from: 'submitted', to: 'failed', because: '' };
const refused: JournalEvent[] = [
  ...told('intent'),
  { event: 'refused', step: 'main', attempt: 1, quoted: 'no' },
  { event: 'moved', from: 'pending', to: 'failed', because: 'launch: no' },
];
const extracted: JournalEvent = { event: 'extracted', status: 'failed', detail: '', metrics: '' };
const step = (from: string, to: string, its: string, attempt = 0) => ({
  timestamp_utc: expect.any(String),
  stage_before: from,
  stage_after: to,
  status: 'complete',
  summary: `run R5 is ${its}`,
  stage_attempt: attempt,
});

test.each<[string, JournalEvent[], State, Partial<State>]>([
  ['an intent is pending', told('intent'), state(), { pending_run_id: 'R5' }],
  [
    'a job that the scheduler has: on to monitoring',
    told('submitted'),
    state({ pending_run_id: 'R5' }),
    {
      last_run_id: 'R5',
      pending_run_id: '',
      sync_status: 'pending',
      stage: 'slurm_monitor',
      stage_attempt: 0,
      history: [step('launch', 'slurm_monitor', 'submitted', 2)],
    },
  ],
  [
    'a refused job: on to its failed metrics',
    refused,
    state({ pending_run_id: 'R5' }),
    {
      last_run_id: 'R5',
      pending_run_id: '',
      sync_status: 'pending',
      stage: 'extract_results',
      stage_attempt: 0,
      history: [step('launch', 'slurm_monitor', 'failed', 2), step('slurm_monitor', 'extract_results', 'failed')],
    },
  ],
  [
    'synced: on to extraction',
    [...told(), ...synced],
    state({ stage: 'slurm_monitor', last_run_id: 'R5', stage_attempt: 0 }),
    {
      stage: 'extract_results',
      stage_attempt: 0,
      sync_status: 'ok',
      history: [step('slurm_monitor', 'extract_results', 'synced')],
    },
  ],
  [
    'failed and with its metrics: all that follows at once',
    [...told(), observed([task({ state: 'failed' })]), failed, extracted],
    state(),
    {
      stage: 'update_docs',
      stage_attempt: 0,
      last_run_id: 'R5',
      sync_status: 'pending',
      history: [
        step('launch', 'slurm_monitor', 'failed', 2),
        step('slurm_monitor', 'extract_results', 'failed'),
        step('extract_results', 'update_docs', 'failed'),
      ],
    },
  ],
])('%s', (_what, events, before, change) => {
  expect(projectState(before, runOf(events))).toEqual({ ...before, ...change });
});

test.each<[string, JournalEvent[], State]>([
  ['another iteration', told(), state({ iteration_id: 'it2' })],
  [
    'a later run has taken over',
    [...told(), failed],
    state({ stage: 'slurm_monitor', last_run_id: 'R6', sync_status: 'pending' }),
  ],
  ['it says so already', told(), state({ stage: 'slurm_monitor', last_run_id: 'R5', sync_status: 'pending' })],
  ['a person has gone further', [...told(), ...synced], state({ stage: 'decide_repeat', last_run_id: 'R5', sync_status: 'ok' })],
  ['a person has gone back', told(), state({ stage: 'design', last_run_id: 'R5', sync_status: 'pending' })],
])('the very same state where nothing follows: %s', (_what, events, before) => {
  expect(projectState(before, runOf(events))).toBe(before);
});

test('projecting twice is projecting once', () => {
  const run = runOf([...told(), ...synced, extracted]);
  const once = projectState(state(), run);
  expect(projectState(once, run)).toBe(once);
});

test('another run’s pending id is left alone', () => {
  const after = projectState(state({ pending_run_id: 'R9' }), runOf(told()));
  expect([after.last_run_id, after.pending_run_id]).toEqual(['R5', 'R9']);
});
