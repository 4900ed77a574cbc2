import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { JournalEvent } from '../../src/runs/journal.ts';
import type { RunRecord } from '../../src/runs/record.ts';
import { current, replay } from '../../src/runs/record.ts';
import type { Attempt } from '../../src/runs/types.ts';
import { AT, lines, observed, task, told } from './samples.ts';

const of = { step: 'main', attempt: 1 };
const ATTEMPT: Attempt = {
  step: 'main',
  attempt: 1,
  name: 'al_r.main.1.00',
  phase: 'intent',
  jobId: null,
  intentAt: AT,
  submittedAt: null,
  planDigest: 'd',
  policyVersion: 'p',
};
const EMPTY: RunRecord = {
  state: 'pending',
  because: null,
  attempts: [],
  tasks: [task()],
  sync: { status: 'pending', detail: '', missing: [] },
  extraction: null,
  cancelling: false,
  differences: [],
  refused: null,
  startedAt: null,
  overAt: null,
  lookedAt: null,
  retries: 0,
  opened: false,
  reopenedBy: null,
  last: 0,
  lastAt: null,
};
const told6 = (more: JournalEvent[] = []) => replay(lines([...told(), ...more]), [0]);

test('an empty journal', () => expect(replay([], [0])).toEqual(EMPTY));

test('a whole life', () => {
  const ok = task({ state: 'succeeded', evidence: 'scheduler+marker' });
  const life: JournalEvent[] = [
    ...told(),
    observed([task({ state: 'running' })], 900),
    { event: 'moved', from: 'submitted', to: 'running', because: 'it runs' },
    observed([ok], 1000),
    { event: 'synced', status: 'ok', detail: '1 verified', missing: [] },
    { event: 'moved', from: 'running', to: 'synced', because: '1 verified' },
    { event: 'extracted', status: 'completed', detail: 'valid', metrics: 'm' },
    { event: 'moved', from: 'synced', to: 'completed', because: 'valid' },
  ];
  expect(replay(lines(life), [0])).toEqual({
    ...EMPTY,
    state: 'completed',
    because: 'valid',
    attempts: [{ ...ATTEMPT, phase: 'released', jobId: '7', submittedAt: AT }],
    tasks: [ok],
    sync: { status: 'ok', detail: '1 verified', missing: [] },
    extraction: { status: 'completed', detail: 'valid' },
    startedAt: AT,
    overAt: AT,
    lookedAt: 1000,
    last: 13,
    lastAt: AT,
  });
});

test.each<[string, JournalEvent, Partial<Attempt>]>([
  ['refused', { event: 'refused', ...of, quoted: 'no such partition' }, { phase: 'refused' }],
  ['ambiguous', { event: 'ambiguous', ...of, why: 'no answer' }, { phase: 'ambiguous' }],
  ['nothing there, for certain', { event: 'absent', ...of, certain: true, why: 'x' }, { phase: 'none' }],
  ['nothing there, perhaps', { event: 'absent', ...of, certain: false, why: 'x' }, { phase: 'unknown' }],
  [
    'accepted',
    { event: 'submitted', ...of, job_id: '7', adopted: true },
    { phase: 'submitted', jobId: '7', submittedAt: AT, adopted: true },
  ],
])('an intent that became %s', (_what, event, change) => {
  const record = replay(lines([...told('intent'), event]), [0]);
  expect(record).toEqual({
    ...EMPTY,
    attempts: [{ ...ATTEMPT, ...change }],
    refused: event.event === 'refused' ? event.quoted : null,
    last: 2,
    lastAt: AT,
  });
});

test('a withdrawn job, and that it was asked to be cancelled', () => {
  const differences = ['cpus 6 instead of 1'];
  const record = replay(
    lines([
      ...told('submitted'),
      { event: 'read_back', ...of, differences },
      { event: 'withdrawn', ...of, why: 'more' },
      { event: 'cancelling', job_ids: ['7'], by: 'me' },
      { event: 'moved', from: 'submitted', to: 'failed', because: 'drift: more' },
    ]),
    [0],
  );
  expect(record).toMatchObject({ state: 'failed', because: 'drift: more', differences, cancelling: true, overAt: AT });
  expect(current(record)?.phase).toBe('withdrawn');
});

test('a further attempt starts with tasks unseen and without differences; the first stays as it was', () => {
  const first = [
    ...told(),
    { event: 'read_back', ...of, differences: ['x'] },
    observed([task({ state: 'running' })]),
  ] as JournalEvent[];
  const [intent] = told('intent');
  const record = replay(lines([...first, { ...intent, attempt: 2, name: 'second' } as JournalEvent]), [0]);
  expect(record.tasks).toEqual([task()]);
  expect(record.differences).toEqual([]);
  expect(record.attempts.map(({ attempt, name, phase, jobId }) => ({ attempt, name, phase, jobId }))).toEqual([
    { attempt: 1, name: 'al_r.main.1.00', phase: 'released', jobId: '7' },
    { attempt: 2, name: 'second', phase: 'intent', jobId: null },
  ]);
});

test('a look at an earlier attempt says nothing about this one', () => {
  const late = { ...observed([task({ state: 'running' })]), attempt: 9 } as JournalEvent;
  expect(told6([late])).toEqual({ ...told6(), last: 7 });
});

test('tasks that the plan does not have are not there', () => {
  const record = replay(
    lines([...told(), observed([task({ index: 2, state: 'running' }), task({ index: 5, state: 'running' })])]),
    [1, 2],
  );
  expect(record.tasks).toEqual([task({ index: 1 }), task({ index: 2, state: 'running' })]);
});

test('replay is the same every time and changes nothing of the lines', () => {
  const events: JournalEvent[] = [
    ...told(),
    observed([task({ state: 'running' })]),
    { event: 'surplus', job_id: '8', name: 'x' },
    { event: 'moved', from: 'submitted', to: 'running', because: 'x' },
    { event: 'synced', status: 'failed', detail: 'x', missing: ['a'] },
    { event: 'cancelling', job_ids: ['7'], by: 'me' },
  ];
  fc.assert(
    fc.property(fc.array(fc.constantFrom(...events), { maxLength: 20 }), (some) => {
      const all = lines(some);
      const text = JSON.stringify(all);
      const once = replay(all, [0]);
      expect(replay(all, [0])).toEqual(once);
      expect(JSON.stringify(all)).toBe(text);
      expect(once.last).toBe(all.length);
    }),
  );
});
