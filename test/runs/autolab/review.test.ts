import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { readReview } from '../../../src/runs/autolab/review.ts';
import { referenceFindings } from '../../reference-schemas/reference.ts';

const folder = mkdtempSync(join(tmpdir(), 'autolab-review-'));
afterAll(() => rmSync(folder, { recursive: true }));

const REVIEW = {
  status: 'needs_retry',
  blocking_findings: ['no seed'],
  required_checks: {
    tests: 'pass',
    dry_run: 'skip',
    schema: 'pass',
    env_smoke: 'fail',
    docs_target_update: 'skip',
    lint: 'pass',
  },
  reviewed_at: '2026-02-01T10:00:00Z',
  reviewer: 'somebody',
};

function review(text: string) {
  const path = join(folder, 'review_result.json');
  writeFileSync(path, text);
  return { path, fact: readReview(path) };
}

test('a review is known with its findings', () => {
  expect(referenceFindings('review_result', REVIEW)).toEqual([]);
  expect(review(JSON.stringify(REVIEW)).fact).toEqual({
    value: { status: 'needs_retry', findings: ['no seed'], checks: REVIEW.required_checks, reviewedAt: '2026-02-01T10:00:00Z' },
    at: expect.any(String),
  });
});

test('no review is unknown, not a pass', () => {
  const path = join(folder, 'none.json');
  expect(readReview(path)).toEqual({ unknown: true, why: `there is no ${path}; nobody has reviewed this iteration` });
});

test.each([
  ['', 'is not JSON: the file is empty (write PATH again, or restore it from git)'],
  [
    '{"status": "pass"}',
    ':1:1: blocking_findings is missing; expected a list: PATH:1:1: required_checks is missing; expected a map; PATH:1:1: reviewed_at is missing; expected text (add blocking_findings to PATH)',
  ],
  [
    JSON.stringify({ ...REVIEW, status: 'passed' }),
    ':1:11: status is "passed"; expected one of "pass", "needs_retry", "failed" (change status (PATH:1:11))',
  ],
])('%j is unknown', (text, why) => {
  const { path, fact } = review(text);
  const separator = why.startsWith(':') ? '' : ' ';
  expect(fact).toEqual({ unknown: true, why: `${path}${separator}${why.replaceAll('PATH', path)}` });
});
