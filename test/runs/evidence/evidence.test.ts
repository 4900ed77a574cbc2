import { describe, expect, test } from 'vitest';
import type { Sight } from '../../../src/runs/evidence/evidence.ts';
import type { TaskRecord } from '../../../src/runs/types.ts';
import { AT, ITS, judge, row } from '../judging.ts';
import { marker, task } from '../samples.ts';

const used = (maxRssMb: number) => ({ elapsedSeconds: 10, cpuSeconds: 1, maxRssMb });
type Case = [string, TaskRecord, Partial<Sight>, TaskRecord];

describe('the scheduler shows it alive', () => {
  const live = { evidence: 'scheduler' as const };
  test.each<Case>([
    [
      'pending',
      task(),
      { view: row('pending', { reason: 'Priority', estimatedStart: 2000 }) },
      task({ ...live, detail: 'Priority', estimatedStart: 2000 }),
    ],
    ['held', task(), { view: row('held') }, task({ ...live, state: 'held', detail: 'held' })],
    ['suspended', task(), { view: row('suspended') }, task({ ...live, state: 'suspended' })],
    [
      'requeued',
      task({ state: 'running' }),
      { view: row('requeued', { reason: 'requeued' }) },
      task({ ...live, detail: 'requeued' }),
    ],
    [
      'blocked',
      task(),
      { view: row('pending', { reason: 'BadConstraints', blocked: true }) },
      task({ ...live, detail: 'BadConstraints', blocked: true }),
    ],
    [
      'running',
      task(),
      { view: row('running', { node: 'n1', started: 100 }) },
      task({ ...live, state: 'running', node: 'n1', started: 100 }),
    ],
    [
      'completing, with the marker there',
      task(),
      { view: row('completing'), marker: marker() },
      task({ ...live, ...ITS, state: 'running' }),
    ],
    [
      'seen again',
      task({ state: 'unknown', missed: 2, missingSince: 990 }),
      { view: row('running') },
      task({ ...live, state: 'running' }),
    ],
  ])('%s', (_what, before, sight, after) => {
    expect(judge(before, sight)).toEqual(after);
  });
});

describe('the scheduler says it failed', () => {
  const failed = { state: 'failed' as const, evidence: 'scheduler' as const };
  test.each<Case>([
    [
      'out of memory',
      task(),
      { view: row('out_of_memory') },
      task({ ...failed, failure: 'out_of_memory', detail: 'the scheduler says OUT_OF_MEMORY' }),
    ],
    [
      'time limit',
      task(),
      { view: row('timeout') },
      task({ ...failed, failure: 'time_limit', detail: 'the scheduler says TIMEOUT' }),
    ],
    [
      'node failure',
      task(),
      { view: row('node_failure', { reason: 'n1 is down' }) },
      task({ ...failed, failure: 'node_failure', detail: 'the scheduler says NODE_FAILURE (n1 is down)' }),
    ],
    [
      'preempted',
      task(),
      { view: row('preempted') },
      task({ ...failed, failure: 'preempted', detail: 'the scheduler says PREEMPTED' }),
    ],
    [
      'dependency',
      task(),
      { view: row('dependency') },
      task({ ...failed, failure: 'dependency', detail: 'the scheduler says DEPENDENCY' }),
    ],
    [
      'cancelled by somebody',
      task(),
      { view: row('cancelled') },
      task({ ...failed, failure: 'cancelled', detail: 'the scheduler says CANCELLED' }),
    ],
    [
      'an exit code',
      task(),
      { view: row('failed', { exit: 3 }) },
      task({ ...failed, exit: 3, failure: 'exit_code', detail: 'exit code 3' }),
    ],
    [
      'a signal',
      task(),
      { view: row('failed', { exit: 137, signal: 9 }) },
      task({ ...failed, exit: 137, failure: 'exit_code', detail: 'ended by signal 9' }),
    ],
    [
      'killed, and it had used more memory than it asked for',
      task(),
      { view: row('failed', { signal: 9, used: used(412.3) }), memoryMb: 100 },
      task({
        ...failed,
        used: used(412.3),
        failure: 'out_of_memory',
        detail: 'it was killed; it had used 413 MB where 100 MB were asked for',
      }),
    ],
    [
      'killed, and it had used no more memory than it asked for',
      task(),
      { view: row('failed', { signal: 9, used: used(99) }), memoryMb: 100 },
      task({ ...failed, used: used(99), failure: 'exit_code', detail: 'ended by signal 9' }),
    ],
    [
      'killed just now, and what it used is not recorded yet',
      task({ state: 'running' }),
      { view: row('failed', { signal: 9, ended: AT - 1 }), memoryMb: 100 },
      task({
        ended: AT - 1,
        state: 'running',
        detail: 'it was killed; what it used is not recorded yet',
        evidence: 'scheduler',
      }),
    ],
    [
      'killed, and what it used is not recorded at all',
      task({ state: 'running' }),
      { view: row('failed', { signal: 9, ended: AT - 5 }), memoryMb: 100 },
      task({ ...failed, ended: AT - 5, failure: 'exit_code', detail: 'ended by signal 9' }),
    ],
    [
      'an exit code, and much memory',
      task(),
      { view: row('failed', { exit: 3, used: used(412) }), memoryMb: 100 },
      task({ ...failed, exit: 3, used: used(412), failure: 'exit_code', detail: 'exit code 3' }),
    ],
    [
      'no exit code',
      task(),
      { view: row('failed') },
      task({ ...failed, failure: 'exit_code', detail: 'the scheduler says failed and gives no exit code' }),
    ],
    [
      'after our cancelling',
      task(),
      { view: row('failed', { exit: 143 }), cancelled: true },
      task({ ...failed, exit: 143, failure: 'cancelled', detail: 'exit code 143' }),
    ],
    [
      'out of memory, and the marker says well',
      task(),
      { view: row('out_of_memory'), marker: marker() },
      task({
        ...ITS,
        state: 'failed',
        failure: 'out_of_memory',
        detail: 'the scheduler says OUT_OF_MEMORY; the script itself ended with exit code 0',
        evidence: 'scheduler+marker',
      }),
    ],
    [
      'failed, and the marker says well',
      task(),
      { view: row('failed', { exit: 1 }), marker: marker() },
      task({
        ...ITS,
        state: 'failed',
        failure: 'exit_code',
        detail: 'the scheduler says FAILED; the script itself ended with exit code 0',
        evidence: 'scheduler+marker',
      }),
    ],
    [
      'failed, and the marker knows why',
      task(),
      { view: row('failed', { exit: 78 }), marker: marker({ exit: 78, refused: 'drift' }) },
      task({
        ...ITS,
        exit: 78,
        state: 'failed',
        failure: 'drift',
        detail: 'the script in the run folder is not the one that was approved',
        evidence: 'scheduler+marker',
      }),
    ],
  ])('%s', (_what, before, sight, after) => {
    expect(judge(before, sight)).toEqual(after);
  });
});
