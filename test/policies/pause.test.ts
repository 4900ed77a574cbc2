import { mkdirSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, expect, test } from 'vitest';
import { decide } from '../../src/policies/decide.ts';
import { liftPause, readPause, writePause } from '../../src/policies/pause.ts';
import { ACTS } from '../../src/policies/types.ts';
import { scratch } from '../runs/samples.ts';
import { policy, submission } from './helpers.ts';

const folder = scratch('pause');
afterAll(() => folder.remove());
const pause = { file: '/state/paused.json', at: '2026-01-01T00:00:00Z', by: 'ada@lab', note: null };
const open = policy('policy_resolution: { default_preset: local_dev }\ngate: { acts: { submit: allow } }\n');

test('under a pause whatever submits is denied, and nothing else', () => {
  expect(decide(open, submission(), 'act').verdict).toBe('allow');
  fc.assert(
    fc.property(
      fc.uniqueArray(fc.constantFrom(...ACTS), { minLength: 1 }),
      fc.constantFrom('look', 'probe', 'act'),
      (acts, phase) => {
        const facts = submission({ acts });
        const paused = decide({ ...open, pause }, facts, phase);
        const free = decide(open, facts, phase);
        if (acts.includes('submit')) expect(paused.verdict).toBe('deny');
        expect(paused.reasons.filter(({ rule }) => rule !== 'pause')).toEqual(free.reasons);
        expect(paused.reasons.some(({ rule }) => rule === 'pause')).toBe(acts.includes('submit'));
      },
    ),
  );
});

test('what only stops is allowed under a policy that cannot be used', () => {
  const broken = { ...open, problems: [{ file: 'p', line: 1, column: 1, message: 'x', remedy: 'y' }] };
  const facts = submission({ acts: ['write'] });
  expect(decide(broken, facts, 'act').verdict).toBe('deny');
  expect(decide(broken, { ...facts, onlyStops: true }, 'act').verdict).toBe('allow');
});

test('who paused first stays the one who did, and only the absence of the file is no pause', () => {
  const state = join(folder.path, 'one');
  expect(readPause(state)).toBeUndefined();
  const said = { at: '2026-01-01T00:00:00Z', by: 'ada@lab', note: 'why' };
  const first = writePause(state, said);
  expect(first).toEqual({ file: join(state, 'paused.json'), ...said });
  expect(writePause(state, { ...said, by: 'bob@lab' })).toEqual(first);
  liftPause(state);
  liftPause(state);
  expect(readPause(state)).toBeUndefined();
  const unknown = { at: null, by: null, note: null };
  mkdirSync(join(state, 'paused.json'));
  expect(readPause(state)).toMatchObject(unknown);
  const other = join(folder.path, 'other');
  mkdirSync(other);
  symlinkSync('/nowhere', join(other, 'paused.json'));
  expect(readPause(other)).toMatchObject(unknown);
});
