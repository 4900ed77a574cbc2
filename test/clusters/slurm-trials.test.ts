import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { execa } from 'execa';
import { afterAll, expect, test } from 'vitest';
import { ROOT } from '../support/repo.ts';

const folder = mkdtempSync(join(tmpdir(), 'slurm-trials-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

type Line = { fault?: string; key: string; outcome: string; counts: number[]; jobs: number };

/** What comes of each disturbance; of all others exactly one execution. */
const EXPECTED: Record<string, string> = { refused: 'refused' };

test('a submission that is disturbed in every way of the trials ends as exactly one execution', {
  timeout: 600_000,
}, async () => {
  const results = join(folder, 'results.jsonl');
  const done = await execa('node', ['bench/trials/run.mjs', '--fast', '--limit', '300', '--results', results], {
    ...{ cwd: ROOT, reject: false, stdin: 'ignore', timeout: 560_000 },
  });
  const lines = readFileSync(results, 'utf8').trim().split('\n');
  const trials = lines.map((line) => JSON.parse(line) as Line).filter(({ fault }) => fault !== undefined);
  const wrong = trials.filter(({ fault = '', outcome }) => outcome !== (EXPECTED[fault] ?? 'exactly once'));
  expect(wrong, done.stderr).toEqual([]);
  expect([...new Set(trials.map(({ fault }) => fault))].sort()).toEqual([
    ...['after-our-look', 'deaf-queue', 'dies-after', 'four', 'kill', 'lost-reply', 'noise', 'refused', 'slow', 'two'],
  ]);
  // What came late was there, and ran nothing.
  const late = trials.filter(({ fault }) => fault === 'after-our-look');
  expect(late.filter(({ counts, jobs }) => jobs <= counts.length)).toEqual([]);
  expect([done.exitCode, trials.length], done.stderr).toEqual([0, 31]);
});
