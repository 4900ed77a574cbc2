import { expect, test } from 'vitest';
import { sha256 } from '../../../src/base/digest.ts';
import { asFailure } from '../../../src/base/errors.ts';
import type { Accepted } from '../../../src/runs/resume/accepted.ts';
import type { GuardFacts } from '../../../src/runs/resume/guard.ts';
import { judgeStart } from '../../../src/runs/resume/guard.ts';

const TEXT = 'seed: 1\nquota: 10\n';
const accepted = (text = TEXT, before: string[] = []): Accepted => ({
  workspace: '/w',
  config: 'c.yaml',
  text,
  sha256: sha256(text),
  accepted: [...before, sha256(text)],
});
const config = (text: string) => ({ text, sha256: sha256(text) });
const lock = (state: GuardFacts['lock']['state']): GuardFacts['lock'] => ({
  state,
  owner: { run: null, pid: null, host: null, job: null, since: null },
  holder: 'somebody',
  why: 'it was seen',
});
const user = (run: string, isKnown = true) => ({ run, isKnown, repository: 'abc', path: '/repo' });
const workspace = (isUsed: boolean) => ({
  name: 'w',
  path: '/w',
  key: '/w',
  site: null,
  machine: null,
  lock: '/w/lock',
  isUsed,
  mark: 'ws-000000000000',
});

/** A workspace with results of run r1, under the configuration of now. */
function facts(change: Omit<Partial<GuardFacts>, 'resume'> = {}, resume: Partial<GuardFacts['resume']> = {}): GuardFacts {
  return {
    resume: { workspace: 'w', config: 'c.yaml', may_grow: ['quota'], lock: 'w/lock', fresh: null, ...resume },
    workspace: workspace(true),
    lock: lock('free'),
    config: config(TEXT),
    last: { run: 'r1', accepted: accepted() },
    user: user('r1'),
    open: undefined,
    retryOf: null,
    unreadable: [],
    ...change,
  };
}

test.each<[string, GuardFacts, object]>([
  [
    'nothing is there',
    facts({ workspace: workspace(false), last: undefined, user: undefined }),
    { how: 'new', from: null, accepted: [] },
  ],
  ['what was there is gone', facts({ workspace: workspace(false), config: config('seed: 9') }), { how: 'new', accepted: [] }],
  ['the configuration is the same', facts(), { how: 'resume', from: 'r1', grown: [] }],
  ['it grew', facts({ config: config('quota: 11\nseed: 1') }), { how: 'resume', grown: [{ path: 'quota', was: 10, is: 11 }] }],
  ['a stale lock is there', facts({ lock: lock('stale') }), { how: 'resume' }],
  [
    'what is given up is named',
    facts({ config: config('seed: 9') }, { fresh: 'r1' }),
    { how: 'fresh', from: 'r1', accepted: [] },
  ],
  ['a stranger’s results are named', facts({ user: user('r9', false) }, { fresh: 'r9' }), { how: 'fresh', from: 'r9' }],
  ['nobody’s results are named', facts({ last: undefined, user: undefined }, { fresh: 'ws-000000000000' }), { how: 'fresh' }],
  ['a fresh run is run again', facts({ retryOf: 'r1' }, { fresh: 'r0' }), { how: 'resume', from: 'r1' }],
])('it may begin where %s', (_what, given, expected) => {
  expect(judgeStart(given)).toMatchObject(expected);
});

test.each<[string, GuardFacts, string, RegExp]>([
  ['the lock is held', facts({ lock: lock('held') }), 'lock_held', /is locked \(w\/lock\): somebody/],
  ['the lock is held, and it is to be fresh', facts({ lock: lock('held') }, { fresh: 'r1' }), 'lock_held', /is locked/],
  ['whether it is locked is not known', facts({ lock: lock('unknown') }), 'lock_held', /perhaps locked/],
  ['another run has it', facts({ open: { run: 'r2', state: 'running' } }, { fresh: 'r1' }), 'run_state', /run r2 is running/],
  ['it fell', facts({ config: config('seed: 1\nquota: 9') }), 'resume_refused', /quota 10 → 9 \(it fell\)/],
  ['another key grew', facts({ config: config('seed: 2\nquota: 10') }), 'resume_refused', /seed 1 → 2/],
  ['the file is another one', facts({}, { config: 'd.yaml' }), 'resume_refused', /are of c\.yaml, and resume\.config is d\.yaml/],
  ['the copy is gone', facts({ last: { run: 'r1', accepted: undefined } }), 'resume_refused', /gone or altered/],
  ['nobody is known to have used it', facts({ last: undefined, user: undefined }), 'resume_refused', /no run of ours/],
  ['a stranger used it last', facts({ user: user('r9', false) }), 'resume_refused', /run r9 of the repository \/repo/],
  [
    'a stranger has it and has not begun',
    facts({ workspace: workspace(false), user: user('r9', false) }),
    'resume_refused',
    /r9/,
  ],
  ['a run cannot be read', facts({ user: undefined, unreadable: ['r5'] }), 'resume_refused', /cannot be read \(r5\)/],
  ['another run is given up', facts({}, { fresh: 'r0' }), 'resume_refused', /names r0, and r1 used workspace w last/],
  [
    'nothing is there to give up',
    facts({ workspace: workspace(false), last: undefined, user: undefined }, { fresh: 'r0' }),
    'resume_refused',
    /nothing of that/,
  ],
  ['a run between was given up', facts({ retryOf: 'r0' }, { fresh: 'r0' }), 'resume_refused', /./],
  ['the configuration does not parse', facts({ config: config('a: [') }), 'resume_refused', /c\.yaml/],
])('it is refused where %s', (_what, given, code, words) => {
  let failure: unknown;
  try {
    judgeStart(given);
  } catch (error) {
    failure = error;
  }
  const { code: found, what } = asFailure(failure);
  expect([found, what]).toEqual([code, expect.stringMatching(words)]);
});
