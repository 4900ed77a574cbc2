import { expect, test } from 'vitest';
import { guarded } from '../../../src/runs/autolab/guardrail.ts';
import { historyEntry, initialState } from '../../../src/runs/autolab/state.ts';
import { failedAttempt } from '../../../src/runs/retry/attempts.ts';
import { AT } from '../samples.ts';

const now = new Date(AT);
const state = { ...initialState('it1'), stage: 'slurm_monitor' as const };

test.each([
  [0, 5, false],
  [3, 5, false],
  [4, 5, true],
  [7, 5, true],
  [0, 0, true],
  [0, 1, true],
])('after %i failures of %i one more escalates: %s', (before, budget, escalated) => {
  const found = failedAttempt({ ...state, stage_attempt: before }, 'no', () => budget);
  expect(found).toMatchObject({
    stage: 'slurm_monitor',
    attempt: before + 1,
    budget,
    escalated,
    state: { stage: escalated ? 'human_review' : 'slurm_monitor', stage_attempt: before + 1 },
  });
  expect(found.packet === null).toBe(!escalated);
});

test('the packet tells the last failures of this stage, and the last three steps before', () => {
  const entry = (stage: string, status: string, summary: string) =>
    historyEntry({ stage_before: stage, stage_after: stage, status, summary, stage_attempt: 1 }, now);
  const history = [
    entry('launch', 'failed', 'other stage'),
    entry('slurm_monitor', 'failed', 'first'),
    entry('slurm_monitor', 'complete', 'a look'),
    entry('slurm_monitor', 'failed', 'second'),
  ];
  const { packet } = failedAttempt({ ...state, stage_attempt: 2, history }, 'third', () => 3);
  expect(packet).toMatchObject({
    stage: 'slurm_monitor',
    stage_attempt: 3,
    max_retries: 3,
    last_failures: ['first', 'second', expect.stringMatching(/^third;/)],
    history: [
      'slurm_monitor -> slurm_monitor: first',
      'slurm_monitor -> slurm_monitor: a look',
      'slurm_monitor -> slurm_monitor: second',
    ],
  });
});

const guard = { maxUpdateDocsCycles: 3, onBreach: 'human_review' as const };
const counted = (count: number, stage: 'extract_results' | 'update_docs') => ({
  ...state,
  stage,
  repeat_guard: { ...state.repeat_guard, update_docs_cycle_count: count },
  history: [
    historyEntry(
      { stage_before: 'extract_results', stage_after: stage, status: 'complete', summary: 's', stage_attempt: 0 },
      now,
    ),
  ],
});

test.each([
  [0, 1, 'update_docs'],
  [2, 3, 'update_docs'],
  [3, 4, 'human_review'],
])('the cycle after %i is counted as %i and comes to %s', (before, count, stage) => {
  const found = guarded(counted(before, 'extract_results'), counted(before, 'update_docs'), guard);
  expect(found.state).toMatchObject({ stage, repeat_guard: { update_docs_cycle_count: count } });
  expect(found.state.history.at(-1)).toMatchObject({ stage_before: 'extract_results', stage_after: stage });
  expect(found.breach === null).toBe(stage === 'update_docs');
});

test('what does not come to update_docs anew is not counted', () => {
  for (const stages of [
    ['update_docs', 'update_docs'],
    ['extract_results', 'extract_results'],
  ] as const) {
    const after = counted(3, stages[1]);
    expect(guarded(counted(3, stages[0]), after, guard)).toEqual({ state: after, breach: null });
  }
});
