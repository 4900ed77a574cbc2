import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import type { GridEngine } from '../support/gridengine.ts';
import { startGridEngine } from '../support/gridengine.ts';
import type { Repo } from '../support/repo.ts';
import { until } from '../support/repo.ts';
import { ended, gridExperiment, PLAIN } from './gridengine-experiment.ts';

const LIMIT = 150_000;
let grid: GridEngine;
let repo: Repo;
beforeAll(async () => {
  grid = await startGridEngine();
}, LIMIT);
afterEach(async () => {
  await grid.run('qdel', '-u', grid.user);
  await repo?.cleanup();
});
afterAll(() => grid?.close(), LIMIT);

const CONFIG = 'seed: 1\ngeneration:\n  plan:\n    - { name: a, sequences: 10 }\n    - { name: b, sequences: 20 }\n';
const RESUME =
  'resume: { workspace: outputs, config: config.yaml, may_grow: ["generation.plan[].sequences"], lock: outputs/meta/run.lock }\n';
const SCRIPT = `#!/bin/bash
mkdir -p outputs/meta
echo "$AUTOLAB_START" >>outputs/starts
# As a generator that keeps its workspace locked while it runs.
echo "{\\"run_id\\":\\"$RUN_ID\\",\\"owner_pid\\":$$,\\"owner_host\\":\\"$HOSTNAME\\",\\"job_id\\":\\"$JOB_ID\\"}" >outputs/meta/run.lock
[ ! -e wait ] || exec sleep 600
rm -f outputs/meta/run.lock
`;
const at = (...names: string[]) => join(repo.iteration, ...names);
const write = (name: string, text: string) => {
  mkdirSync(dirname(at(name)), { recursive: true });
  writeFileSync(at(name), text);
  grid.identity.own(at(name));
};
const starts = () => readFileSync(at('outputs', 'starts'), 'utf8').trim().split('\n');
const make = async () => {
  repo = await gridExperiment(grid, PLAIN + RESUME, { 'run_slurm.sbatch': SCRIPT, '../config.yaml': CONFIG });
};
type Submitted = { run_id: string; job_id: string };
async function submitted(...args: string[]): Promise<Submitted> {
  const answer = await repo.json<Submitted>('submit', ...args);
  await ended(repo);
  return answer;
}
async function refused(): Promise<string> {
  const before = starts();
  const { exit, stdout, stderr } = await repo.autolab('submit', '--again');
  expect([exit, starts()]).toEqual([1, before]);
  return stdout + stderr;
}

test('C1-5, C1-6 and C1-7, good: a workspace is begun, and gone on with when its named numbers grow', {
  timeout: LIMIT,
}, async () => {
  await make();
  await submitted();
  write('config.yaml', CONFIG.replace('10', '30'));
  await submitted('--again');
  expect(starts()).toEqual(['fresh', 'resume']);
});

test('C1-5, C1-6 and C1-7, bad: with any other change, or numbers that fall, nothing is gone on with', {
  timeout: LIMIT,
}, async () => {
  await make();
  await submitted();
  for (const text of [CONFIG.replace('seed: 1', 'seed: 2'), CONFIG.replace('20', '5'), CONFIG.replace('20', 'many')]) {
    write('config.yaml', text);
    expect(await refused()).toMatch(/config.yaml/);
  }
});

test('C1-8: a lock is held as long as the job that took it is in the queue, and stale when that was ended', {
  timeout: LIMIT,
}, async () => {
  await make();
  write('wait', '');
  const held = await repo.json<Submitted>('submit');
  await until('it has the lock', async () => existsSync(at('outputs', 'meta', 'run.lock')) || undefined);
  const lock = readFileSync(at('outputs', 'meta', 'run.lock'), 'utf8');
  expect(await refused()).toMatch(new RegExp(`run ${held.run_id}`));
  // As the lock of a job of somebody else's on another host.
  const theirs = lock.replace(/"owner_host":"[^"]*"/, '"owner_host":"n17"');
  await grid.run('qdel', held.job_id);
  await ended(repo);
  rmSync(at('wait'));
  write('outputs/meta/run.lock', theirs);
  const { note } = await repo.json<{ note: string | null }>('submit', '--again', '--dry-run');
  expect(note).toContain('a stale lock');
  await submitted('--again');
  expect(starts().at(-1)).toBe('resume');
});
