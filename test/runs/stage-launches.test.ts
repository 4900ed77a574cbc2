import { expect, test } from 'vitest';
import { projectState } from '../../src/runs/autolab/stage.ts';
import type { State } from '../../src/runs/autolab/state.ts';
import { initialState } from '../../src/runs/autolab/state.ts';
import type { JournalEvent } from '../../src/runs/journal.ts';
import { replay } from '../../src/runs/record.ts';
import type { Run } from '../../src/runs/run.ts';
import { lines, plan, told } from './samples.ts';

const run = (id: string, events: readonly JournalEvent[], at?: string): Run => ({
  id,
  folder: `/it1/runs/${id}`,
  iterationFolder: '/it1',
  plan: plan(),
  record: replay(
    lines(events).map((line) => ({ ...line, ...(at ? { at } : {}) })),
    [0],
  ),
});
const state: State = { ...initialState('it1'), stage: 'launch' };
const moved = (from: 'submitted' | 'synced' | 'pending', to: 'synced' | 'failed' | 'completed'): JournalEvent => ({
  event: 'moved',
  from,
  to,
  because: 'x',
});
const extracted: JournalEvent = { event: 'extracted', status: 'failed', detail: '', metrics: '' };
const stages = (after: State) => after.history.map((one) => one.stage_after);

test('an intent names the pending run and no more', () => {
  const after = projectState({ ...state, run_group: ['old_r1'] }, run('r', told('intent')), undefined);
  expect(after).toEqual({ ...state, pending_run_id: 'r', run_group: [] });
});

test('a job at the scheduler is slurm_monitor, and nothing new changes nothing', () => {
  const taken = run('r', told());
  const after = projectState({ ...state, pending_run_id: 'r' }, taken, undefined);
  expect(after).toMatchObject({ stage: 'slurm_monitor', last_run_id: 'r', pending_run_id: '', sync_status: 'pending' });
  expect(projectState(after, taken, taken)).toBe(after);
});

test('a run that was refused or failed goes on to its extraction, and with metrics to update_docs', () => {
  const refused = [
    ...told('intent'),
    { event: 'refused', step: 'main', attempt: 1, quoted: 'no' } as const,
    moved('pending', 'failed'),
  ];
  expect(stages(projectState(state, run('r', refused), undefined))).toEqual(['slurm_monitor', 'extract_results']);
  expect(stages(projectState(state, run('r', [...refused, extracted]), undefined))).toEqual([
    'slurm_monitor',
    'extract_results',
    'update_docs',
  ]);
});

test('an earlier run takes nothing back, whatever the ids are', () => {
  const early = run('zz-named', told(), '2026-01-01T00:00:00Z');
  const late = run('20260102T000000Z_aaaaaa', told(), '2026-01-02T00:00:00Z');
  const after = projectState(projectState(state, early, undefined), late, early);
  expect(after.last_run_id).toBe(late.id);
  expect(projectState(after, early, late)).toBe(after);
});

test('another iteration’s run changes nothing', () => {
  expect(projectState({ ...state, iteration_id: 'other' }, run('r', told()), undefined)).toMatchObject({ last_run_id: '' });
});

test('a group is launched once all of its runs are', () => {
  const part = { ...run('g', told()), replicates: [run('g_r1', told()), run('g_r2', told('intent'))] };
  const attempt = part.record.attempts[0];
  if (!attempt) throw new Error('no attempt');
  const cut = { ...part, record: { ...part.record, attempts: [{ ...attempt, phase: 'none' as const }] } };
  const group = ['g_r1', 'g_r2'];
  expect(projectState(state, cut, undefined)).toMatchObject({
    stage: 'launch',
    last_run_id: 'g',
    pending_run_id: 'g',
    run_group: group,
  });
  expect(projectState(state, part, undefined)).toMatchObject({ stage: 'slurm_monitor', pending_run_id: '', run_group: group });
});
