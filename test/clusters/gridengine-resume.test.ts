import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { readJsonFile } from '../support/artifacts.ts';
import type { GridEngine } from '../support/gridengine.ts';
import { startGridEngine } from '../support/gridengine.ts';
import type { Repo } from '../support/repo.ts';
import { makeRepo, until } from '../support/repo.ts';
import { edit } from './experiment.ts';
import { ended, GRIDENGINE_POLICY, gridExperiment, PLAIN } from './gridengine-experiment.ts';

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

test('the example’s library is made, grows as far as its quotas do, and keeps what it had', { timeout: LIMIT }, async () => {
  const policy = `${GRIDENGINE_POLICY}      - [node, ../../../scripts/check_config.mjs]\n`;
  repo = await makeRepo(
    policy,
    (path) => {
      edit(join(path, 'experiments', 'plan', 'promoters', 'launch', 'launch.yaml'), (text) =>
        text
          .replace(/^site: .*$/m, 'site: gridengine')
          .replace(/^resources: .*$/m, 'resources: { cpus: 1, names: { memory: h_rss } }'),
      );
    },
    grid.identity,
    'promoters',
  );
  const library = () => readFileSync(at('outputs', 'records.jsonl'), 'utf8').trim().split('\n');
  const whole = async (...words: string[]) => {
    const { run_id } = await submitted(...words);
    expect(await repo.autolab('sync')).toMatchObject({ exit: 0 });
    expect(await repo.autolab('extract')).toMatchObject({ exit: 0 });
    return readJsonFile(at('runs', run_id, 'metrics.json'));
  };
  expect(await whole()).toMatchObject({
    primary_metric: { value: 0.002917 },
    variant_results: [{ sequences: 600, distinct: 600 }],
  });
  const first = library();
  edit(at('config.json'), (text) => text.replace('"sequences": 200', '"sequences": 250'));
  edit(join(repo.path, '.autolab', 'state.json'), (text) => text.replace('"update_docs"', '"launch"'));
  expect(await whole('--again')).toMatchObject({ variant_results: [{ sequences: 650, distinct: 650 }] });
  expect(library().slice(0, 600)).toEqual(first);
  const { runs } = await repo.json<{ runs: { run_id: string }[] }>('runs', '--limit', '1');
  const last = { action: 'records_appended', metrics: { total: 650, new_rows: 50 } };
  expect(await repo.json('runs', runs[0]?.run_id ?? '')).toMatchObject({ runs: [{ events: { unreadable: 0, last } }] });
});

test('C1-5, C1-6 and C1-7, good: a workspace is begun, and gone on with when its named numbers grow', {
  timeout: LIMIT,
}, async () => {
  await make();
  await submitted();
  write('config.yaml', CONFIG.replace('10', '30'));
  await submitted('--again');
  expect(starts()).toEqual(['new', 'resume']);
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
  await submitted();
  const sleep = ['-b', 'y', '-o', '/dev/null', '-e', '/dev/null', 'sleep', '600'];
  const job = (await grid.run('qsub', '-terse', '-N', 'theirs', ...sleep)).stdout.trim();
  const lock = JSON.stringify({ run_id: 'theirs', owner_pid: 1, owner_host: 'n17', job_id: job });
  write('outputs/meta/run.lock', lock);
  expect(await refused()).toMatch(new RegExp(`run theirs.*job ${job}`));
  await until('it runs', async () =>
    (await grid.run('qstat', '-u', grid.user, '-s', 'r')).stdout.includes('theirs') ? true : undefined,
  );
  await grid.run('qdel', job);
  // Until accounting has heard of its end nothing says that it is over.
  await until('the lock is stale', async () => {
    const { note } = await repo.json<{ note?: string | null }>('submit', '--again', '--dry-run').catch(() => ({ note: null }));
    return note?.includes('a stale lock') ? true : undefined;
  });
  expect(readFileSync(at('outputs', 'meta', 'run.lock'), 'utf8')).toBe(lock);
  await submitted('--again');
  expect(starts()).toEqual(['new', 'resume']);
});
