import { describe, expect, test } from 'vitest';
import { planDigest } from '../../../src/runs/launch/plan.ts';
import type { RunRecord } from '../../../src/runs/record.ts';
import { replay } from '../../../src/runs/record.ts';
import { settle } from '../../../src/runs/spending/settlement.ts';
import type { Cost } from '../../../src/runs/spending/spending.ts';
import type { Attempt, TaskRecord } from '../../../src/runs/types.ts';
import { plan, task } from '../samples.ts';

const PLAN = plan({ cpus: 4, gpus: 2, walltimeSeconds: 7200, indices: [0, 1] });
const attempt = (more: Partial<Attempt> = {}): Attempt => ({
  step: 'main',
  attempt: 1,
  name: 'al_x',
  phase: 'released',
  jobId: '7',
  intentAt: '2026-01-01T00:00:00Z',
  submittedAt: '2026-01-01T00:00:01Z',
  planDigest: planDigest(PLAN),
  policyVersion: 'v',
  ...more,
});
const over = (index: number, more: Partial<TaskRecord> = {}) =>
  task({ index, state: 'succeeded', started: 1000, ended: 4600, evidence: 'scheduler+marker', ...more });

function settled(tasks: readonly TaskRecord[], ...attempts: Attempt[]): [string, Cost][] {
  return settledOf(PLAN, tasks, attempts.length > 0 ? attempts : [attempt()]);
}

function settledOf(
  its: typeof PLAN,
  tasks: readonly TaskRecord[],
  attempts: Attempt[] = [attempt({ planDigest: planDigest(its) })],
): [string, Cost][] {
  const told: [string, Cost][] = [];
  const record: RunRecord = { ...replay([], [0, 1]), state: 'running', tasks: [...tasks], attempts };
  settle({ plan: its, record }, { settle: (job, cost) => void told.push([job, cost]) });
  return told;
}

describe('what a job has come to', () => {
  test('is its run time, by accounting before its own clock, times what it asked for', () => {
    const used = { elapsedSeconds: 1800, cpuSeconds: 1, maxRssMb: 1 };
    expect(settled([over(0), over(1, { used })])).toEqual([['al_x', { cpu_hours: 6, gpu_hours: 3 }]]);
  });
  test('is what accounting says it was given, where that is more: whole cores, whole nodes, a start before the last', () => {
    const used = (cpuSeconds: number, gpuSeconds: number) => ({
      ...{ elapsedSeconds: 1800, cpuSeconds: 1, maxRssMb: 1 },
      held: { cpuSeconds, gpuSeconds },
    });
    const more = used(16 * 1800, 8 * 1800);
    const less = used(1800, 0);
    expect(settled([over(0, { used: more }), over(1, { used: less })])).toEqual([
      ['al_x', { cpu_hours: 8 + 2, gpu_hours: 4 + 1 }],
    ]);
  });
  test('is the whole of every granted start where accounting does not say how long they were', () => {
    const its = plan({ cpus: 4, gpus: 2, walltimeSeconds: 7200, indices: [0, 1], requeues: 2 });
    const gone = {
      state: 'failed' as const,
      started: null,
      ended: null,
      failure: 'cancelled' as const,
      evidence: 'scheduler' as const,
    };
    const held = { elapsedSeconds: 3600, cpuSeconds: 1, maxRssMb: 1, held: { cpuSeconds: 4 * 5400, gpuSeconds: 2 * 5400 } };
    expect(settledOf(its, [over(0), over(1, gone)])).toEqual([['al_x', { cpu_hours: 4 * 5, gpu_hours: 2 * 5 }]]);
    expect(settledOf(its, [over(0, { used: held }), over(1, gone)])).toEqual([['al_x', { cpu_hours: 6, gpu_hours: 3 }]]);
  });
  test('is at the worst case of whole nodes where accounting says nothing of them', () => {
    const [step] = PLAN.steps;
    const worst = { cpus: 16, gpus: 8, memoryMb: 1, walltimeSeconds: 7200, wholeNodes: true };
    const its = { ...PLAN, steps: [{ ...(step ?? expect.fail('no step')), worst }] };
    expect(settledOf(its, [over(0), over(1)])).toEqual([['al_x', { cpu_hours: 32, gpu_hours: 16 }]]);
  });
  test.each<[string, readonly TaskRecord[], Attempt?]>([
    ['a task is not over', [over(0), over(1, { state: 'running', ended: null })]],
    ['nobody knows whether it was accepted', [over(0), over(1)], attempt({ phase: 'unknown', jobId: null })],
    ['its plan is not the one that was decided on', [over(0), over(1)], attempt({ planDigest: '0'.repeat(64) })],
    ['it was withdrawn when it had begun', [], attempt({ phase: 'withdrawn', begun: true })],
  ])('is not said while %s', (_what, tasks, one) => {
    expect(settled(tasks, ...(one ? [one] : []))).toEqual([]);
  });
  test('is nothing for what was refused, absent or withdrawn before it began, and for earlier attempts', () => {
    const nothing: Cost = { cpu_hours: 0, gpu_hours: 0 };
    for (const phase of ['refused', 'none', 'withdrawn'] as const)
      expect(settled([], attempt({ phase, jobId: null }))).toEqual([['al_x', nothing]]);
    expect(settled([], attempt({ name: 'al_0', phase: 'none', jobId: null }), attempt({ phase: 'unknown' }))).toEqual([
      ['al_0', nothing],
    ]);
  });
  test('is the whole walltime where a task may have run unseen, and nothing where the scheduler says it never began', () => {
    const gone = { state: 'failed' as const, started: null, ended: null };
    expect(settled([over(0, { ...gone, failure: 'lost', evidence: 'none' }), over(1)])).toEqual([
      ['al_x', { cpu_hours: 12, gpu_hours: 6 }],
    ]);
    expect(settled([over(0, { ...gone, failure: 'cancelled', evidence: 'none' }), over(1)])).toEqual([
      ['al_x', { cpu_hours: 12, gpu_hours: 6 }],
    ]);
    expect(settled([over(0, { ...gone, failure: 'cancelled', evidence: 'scheduler' }), over(1)])).toEqual([
      ['al_x', { cpu_hours: 4, gpu_hours: 2 }],
    ]);
  });
});
