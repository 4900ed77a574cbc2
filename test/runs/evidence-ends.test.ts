import { describe, expect, test } from 'vitest';
import type { TaskRecord } from '../../src/runs/types.ts';
import type { Marker } from '../../src/sites/job-script.ts';
import { AT, ITS, judge, row } from './judging.ts';
import { marker, task, view } from './samples.ts';

describe('the scheduler says it went well, or has no row', () => {
  const both = { ...ITS, evidence: 'scheduler+marker' as const };
  const alone = { ...ITS, evidence: 'marker' as const };
  const scripts: [string, Partial<Marker>, Partial<TaskRecord>][] = [
    ['exit 0', {}, { state: 'succeeded' }],
    [
      'exit 0 after a signal',
      { signals: ['TERM'] },
      { state: 'interrupted', failure: 'interrupted', detail: 'it ended with exit code 0 after TERM' },
    ],
    ['exit 2', { exit: 2 }, { state: 'failed', exit: 2, failure: 'exit_code', detail: 'exit code 2' }],
    [
      'exit 143 after a signal',
      { exit: 143, signals: ['TERM'] },
      { state: 'failed', exit: 143, failure: 'exit_code', detail: 'exit code 143 after TERM' },
    ],
    [
      'refused: drift',
      { exit: 78, refused: 'drift' },
      { state: 'failed', exit: 78, failure: 'drift', detail: 'the script in the run folder is not the one that was approved' },
    ],
    [
      'refused: drift of an input',
      { exit: 78, refused: 'drift', input: 'data/c.yaml' },
      { state: 'failed', exit: 78, failure: 'drift', detail: 'its input data/c.yaml is not what it was at the submission' },
    ],
    [
      'refused: launch',
      { exit: 78, refused: 'launch' },
      {
        state: 'failed',
        exit: 78,
        failure: 'launch',
        detail: 'its folder, modules or setup lines failed before the script began',
      },
    ],
    [
      'refused: restart',
      { exit: 77, refused: 'restart' },
      { state: 'failed', exit: 77, failure: 'node_failure', detail: 'it was started again more often than the policy grants' },
    ],
  ];
  test.each(scripts)('%s', (_what, left, after) => {
    const running = task({ state: 'running' });
    expect(judge(running, { view: row('completed'), marker: marker(left) })).toEqual(task({ ...both, ...after }));
    expect(judge(running, { marker: marker(left) })).toEqual(task({ ...alone, ...after }));
  });
});

describe('success without a marker waits for the filesystem', () => {
  const waiting = task({
    state: 'running',
    ended: 999,
    evidence: 'scheduler',
    detail: 'ended; its marker is not visible yet',
    missingSince: AT,
  });
  const taken = task({
    state: 'succeeded',
    ended: 999,
    evidence: 'scheduler',
    detail: 'on the scheduler’s word alone: the job left no marker',
  });
  const done = row('completed', { ended: 999 });

  test('at first it is still running', () => expect(judge(task({ state: 'running' }), { view: done })).toEqual(waiting));
  test('within the grace it waits on', () => expect(judge(waiting, { view: done, at: AT + 4 })).toEqual(waiting));
  test('after it the scheduler’s word counts, marked so', () =>
    expect(judge(waiting, { view: done, at: AT + 5 })).toEqual(taken));
  test('a marker in time is taken', () =>
    expect(judge(waiting, { view: done, marker: marker(), at: AT + 1 })).toMatchObject({
      state: 'succeeded',
      evidence: 'scheduler+marker',
    }));
  test('looks that did not find it are no part of the grace', () => {
    const gone = task({ state: 'unknown', missed: 2, missingSince: AT - 100 });
    expect(judge(gone, { view: row('completed') })).toMatchObject({ state: 'running', missed: 0, missingSince: AT });
  });
});

describe('in no record and without a marker', () => {
  const running = task({ state: 'running' });
  const gone = (missed: number) =>
    task({ state: 'unknown', detail: 'in no record of the scheduler, and no marker yet', missed, missingSince: AT });
  test('it becomes unknown, then lost after enough looks and enough time', () => {
    const seen: TaskRecord[] = [];
    for (const later of [0, 1, 2, 9, 10]) seen.push(judge(seen.at(-1) ?? running, { at: AT + later }));
    const lost = task({
      state: 'failed',
      failure: 'lost',
      detail: 'in no record of the scheduler in 5 looks, and it left no marker',
    });
    expect(seen).toEqual([gone(1), gone(2), gone(3), gone(4), lost]);
  });
  test('time alone does not do it', () => {
    expect(judge(judge(running, {}), { at: AT + 10_000 })).toEqual(gone(2));
  });
  test('after a cancellation of ours it was cancelled', () => {
    expect(judge(gone(2), { at: AT + 10, cancelled: true })).toEqual(
      task({ state: 'failed', failure: 'cancelled', detail: 'it left the scheduler after its cancellation was asked for' }),
    );
  });
  test('the wait for a marker is no part of the deadline', () => {
    const waiting = task({ state: 'running', missed: 0, missingSince: AT - 100 });
    expect(judge(waiting, {})).toEqual(gone(1));
  });
});

test('an unhealthy look without a row keeps the state, whatever the marker says', () => {
  const before = task({ state: 'running', node: 'n1' });
  const detail = 'the scheduler did not answer usably; this is the last proven state';
  expect(judge(before, { healthy: false })).toEqual({ ...before, detail });
  expect(judge(before, { healthy: false, marker: marker() })).toEqual({ ...before, detail });
});

test('a word in no table is unknown: no error, and with a marker still no success', () => {
  const after = {
    state: 'unknown',
    detail: 'the scheduler says SPECIAL_EXIT, which is in no table',
    evidence: 'scheduler',
  } as const;
  const strange = view({ state: 'unknown', word: 'SPECIAL_EXIT' });
  expect(judge(task(), { view: strange })).toEqual(task(after));
  expect(judge(task(), { view: strange, marker: marker() })).toEqual(task({ ...ITS, ...after }));
});

test('a job that found its task claimed is a duplicate, not a failure of the script', () => {
  expect(judge(task(), { view: row('failed', { exit: 76 }), duplicateOf: '6' })).toMatchObject({
    state: 'failed',
    failure: 'duplicate',
    detail: 'job 6 has this task; nothing was run twice',
  });
});

test.each(['dependency', 'cancelled'] as const)(
  '%s while the run that it waits for is still open by our journal: how that ended comes first',
  (state) => {
    const taken = { view: row(state, { ended: AT - 1 }), causeOpen: true };
    const waiting = judge(task(), taken);
    expect(waiting).toMatchObject({ state: 'pending', failure: null, detail: expect.stringContaining('not recorded yet') });
    expect(judge(waiting, { ...taken, at: AT + 3600 })).toMatchObject({ state: 'failed', failure: state });
    expect(judge(waiting, { view: taken.view, parentFailed: true })).toMatchObject({ state: 'failed', failure: 'dependency' });
    // Without a time of its end nothing is waited for, and what we cancel ourselves needs no cause.
    expect(judge(task(), { ...taken, view: row(state) })).toMatchObject({ state: 'failed', failure: state });
    expect(judge(task(), { ...taken, cancelled: true }).state).toBe(state === 'cancelled' ? 'failed' : 'pending');
  },
);
