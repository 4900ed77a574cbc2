import { expect, test } from 'vitest';
import type { OwnerLook } from '../../../src/runs/resume/lock-state.ts';
import { isHere, judgeLock, ownerOf } from '../../../src/runs/resume/lock-state.ts';
import type { LockLook } from '../../../src/sites/lock-look.ts';

const AT = 1_790_000_000;
const body = (change: object = {}) =>
  JSON.stringify({
    run_id: 'r1',
    owner_pid: 712,
    owner_host: 'login1',
    job_id: '4711',
    acquired_at_utc: new Date(AT * 1000).toISOString(),
    ...change,
  });
const look = (change: Partial<LockLook> = {}): LockLook => ({
  host: 'login1.site.org',
  there: 'file',
  busy: false,
  pids: [],
  isLocal: true,
  body: body(),
  modified: AT,
  now: AT + 600,
  ...change,
});
const away = { body: body({ owner_host: 'n17' }), isLocal: false };
const nothing: OwnerLook = { process: undefined, job: undefined };

test.each<[string, Partial<LockLook>, OwnerLook, string, RegExp]>([
  ['no file', { there: 'absent', busy: null, body: '' }, nothing, 'free', /no lock file/],
  ['a folder in its place', { there: 'odd', busy: null, body: '' }, nothing, 'unknown', /no file/],
  ['a live holder', { busy: true, pids: [712] }, nothing, 'held', /has it locked/],
  ['a live holder and an empty body', { busy: true, body: '' }, nothing, 'held', /has it locked/],
  ['a live holder and a corrupt body', { busy: true, body: '{"run_' }, nothing, 'held', /has it locked/],
  ['no way to find out', { busy: null }, { process: 'gone', job: 'gone' }, 'unknown', /cannot be found out/],
  ['a killed holder', {}, { process: 'gone', job: undefined }, 'stale', /process 712 is gone/],
  [
    'a number that another process has now',
    {},
    { process: { since: AT + 60 }, job: 'unknown' },
    'stale',
    /another has its number/,
  ],
  ['a holder whose file was replaced', {}, { process: { since: AT - 60 }, job: 'unknown' }, 'unknown', /may have been replaced/],
  ['a process that cannot be looked at', {}, { process: null, job: 'unknown' }, 'unknown', /cannot be found out/],
  ['a killed process of a job that is there', {}, { process: 'gone', job: 'there' }, 'held', /job 4711 is in the queue/],
  ['an empty body', { body: '' }, nothing, 'stale', /its body is empty/],
  ['a corrupt body', { body: '{"run_' }, nothing, 'stale', /in no form that is known/],
  ['an empty body where others may lock it', { body: '', isLocal: false }, nothing, 'unknown', /other machines/],
  ['an owner elsewhere whose job is there', away, { process: undefined, job: 'there' }, 'held', /in the queue/],
  ['an owner elsewhere whose job has ended', away, { process: undefined, job: 'gone' }, 'stale', /job 4711 has ended/],
  [
    'an owner elsewhere whose job nobody knows',
    away,
    { process: undefined, job: 'unknown' },
    'unknown',
    /n17.*job 4711 is not known/,
  ],
  ['an owner elsewhere without a job', { body: body({ owner_host: 'n17', job_id: null }) }, nothing, 'unknown', /names no job/],
  [
    'an owner of nowhere',
    { body: body({ owner_host: null }), isLocal: false },
    { process: undefined, job: 'unknown' },
    'unknown',
    /where its owner is/,
  ],
])('%s', (_what, change, owner, state, why) => {
  expect(judgeLock(look(change), owner)).toMatchObject({ state, why: expect.stringMatching(why) });
});

test('the holder is told with run, process, host, job and age', () => {
  expect(judgeLock(look({ busy: true, pids: [999] }), nothing).holder).toBe(
    'run r1, process 999, host login1, job 4711, for 10 min',
  );
  expect(judgeLock(look({ busy: true, body: '' }), nothing).holder).toBe('an unknown holder');
});

test.each([
  ['{"pid": "12", "host": "n1"}', { pid: 12, host: 'n1', run: null }],
  ['{"run_id": 7, "owner_pid": -1, "job_id": "$(x)"}', { run: '7', pid: null, job: null }],
  ['{"run_id": "r", "sge_task_id": "undefined"}', { run: 'r' }],
])('%s names an owner', (text, owner) => {
  expect(ownerOf(text)).toMatchObject(owner);
});

test.each(['', ' ', 'null', '[]', '{}', '12', '{"a": 1}', '{"run_id": {"a": 1}}', '{"run_id": "r"'])('%s names none', (text) => {
  expect(ownerOf(text)).toBeUndefined();
});

test('a machine is known with its domain and without', () => {
  const owner = ownerOf(body({ owner_host: 'LOGIN1' }));
  expect(owner && isHere(owner, look())).toBe(true);
  expect(owner && isHere(owner, look({ host: 'login10' }))).toBe(false);
});

/** The milder a verdict the more may be done: what is not known never makes it milder. */
const MILD = { held: 0, unknown: 0, stale: 1, free: 1 };
test('replacing a fact by unknown never makes the verdict milder', () => {
  for (const isLocal of [true, false])
    for (const host of ['login1', 'n17', null])
      for (const busy of [true, false] as const)
        for (const process of ['gone', { since: AT - 60 }, { since: AT + 60 }] as const)
          for (const job of ['there', 'gone'] as const) {
            const its = look({ isLocal, busy, body: body({ owner_host: host }) });
            const full = MILD[judgeLock(its, { process, job }).state];
            expect(MILD[judgeLock({ ...its, busy: null }, { process, job }).state]).toBeLessThanOrEqual(full);
            expect(MILD[judgeLock(its, { process: null, job }).state]).toBeLessThanOrEqual(full);
            // A job that is in the queue is what refuses; of one that is not known only its end is missing.
            if (job === 'gone') expect(MILD[judgeLock(its, { process, job: 'unknown' }).state]).toBeLessThanOrEqual(full);
          }
});

test.each<[object, number | null]>([
  [{ acquired_at_utc: '2026-09-21T14:13:20' }, AT],
  [{ acquired_at_utc: '2026-09-21T14:13:20.250+00:00' }, AT + 0.25],
  [{ acquired_at: '2026-09-21 16:13:20+02:00', acquired_at_utc: null }, AT],
  [{ acquired_at: '2026-09-21T14:13:20', acquired_at_utc: null }, null],
  [{ acquired_at: 12345, acquired_at_utc: null }, null],
])('of %j it is known since when, or not', (said, since) => {
  expect(ownerOf(body(said))?.since).toBe(since);
});

test('a live process is not taken for another one on the word of a time without its zone', () => {
  const naive = body({ acquired_at: '2020-01-01T00:00:00', acquired_at_utc: null });
  expect(judgeLock(look({ body: naive }), { process: { since: AT }, job: undefined }).state).toBe('unknown');
});
