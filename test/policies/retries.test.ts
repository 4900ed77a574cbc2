import { expect, test } from 'vitest';
import { unknown } from '../../src/base/fact.ts';
import { decide } from '../../src/policies/decide.ts';
import { known, policy, submission } from './helpers.ts';

const made = policy('gate:\n  acts: { submit: allow }\n  limits: { retries: { per_run: { ask: 2, deny: 3 } } }\n');
const judged = (failedInRow: ReturnType<typeof known<number>> | ReturnType<typeof unknown>) => {
  const { verdict, reasons } = decide(made, submission({ failedInRow }), 'act');
  return { verdict, reasons: reasons.filter(({ rule }) => rule === 'limits.retries.per_run') };
};

test.each([
  [0, 'allow', 'the last run of the iteration did not fail'],
  [2, 'allow', 'the last 2 runs of the iteration failed, and this would be 2 retries, within the limit'],
  [3, 'ask', 'the last 3 runs of the iteration failed, and this would be 3 retries; more than 2 needs a person’s approval'],
  [4, 'deny', 'the last 4 runs of the iteration failed, and this would be 4 retries; the policy allows at most 3'],
] as const)('after %i failed runs: %s', (failed, verdict, because) => {
  expect(judged(known(failed))).toMatchObject({
    verdict,
    reasons: [{ verdict, because, origin: { file: '.autolab/verifier_policy.yaml', line: 3 } }],
  });
});

test('how the last runs ended is not known: denied', () => {
  expect(judged(unknown('the journal is torn'))).toMatchObject({
    verdict: 'deny',
    reasons: [{ because: expect.stringContaining('the journal is torn') }],
  });
  expect(judged(known(Number.NaN)).verdict).toBe('deny');
});

test('without the limit it is not judged', () => {
  const { reasons } = decide(policy('gate: {}\n'), submission({ failedInRow: unknown('?') }), 'act');
  expect(reasons.some(({ rule }) => rule.startsWith('limits.retries'))).toBe(false);
});
