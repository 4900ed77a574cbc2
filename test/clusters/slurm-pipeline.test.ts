import { existsSync, readdirSync, renameSync, rmSync, truncateSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { readJsonFile } from '../support/artifacts.ts';
import type { Repo } from '../support/repo.ts';
import { makeRepo, until } from '../support/repo.ts';
import type { Slurm } from '../support/slurm.ts';
import { startSlurm } from '../support/slurm.ts';
import { edit, SLURM_POLICY } from './experiment.ts';

const LIMIT = 600_000;
const PI = 'experiments/plan/pi-chain';
const POLICY = SLURM_POLICY.replace('    commands:\n', '    commands:\n      - [node, ../../../scripts/check_config.mjs]\n');
let slurm: Slurm;
let repo: Repo | undefined;
// Without accounting the queue and the markers are all there is.
beforeAll(async () => {
  slurm = await startSlurm({ accounting: false });
}, LIMIT);
afterEach(async () => {
  await slurm.run('scancel', '-u', slurm.user);
  await repo?.cleanup();
  repo = undefined;
});
afterAll(() => slurm?.close(), LIMIT);

/** The example on the cluster, with these changes to its files: by name, what is replaced by what. */
async function pipeline(changes: Record<string, readonly [from: string, to: string]> = {}): Promise<Repo> {
  return makeRepo(
    POLICY,
    (path) => {
      edit(join(path, PI, 'launch', 'launch.yaml'), (text) => text.replace(/^site: local.*\n/m, ''));
      for (const [file, [from, to]] of Object.entries(changes)) {
        edit(join(path, PI, file), (text) => {
          expect(text).toContain(from);
          return text.replace(from, to);
        });
      }
    },
    slurm.identity,
    'pi',
  );
}
const inQueue = async () => (await slurm.run('squeue', '--noheader', `--user=${slurm.user}`)).stdout;
const over = (one: Repo) =>
  until(
    'it is over',
    async () => {
      const { all_over, runs } = await one.json<{ all_over: boolean; runs: { state: string; line: string }[] }>('monitor');
      return all_over ? runs : undefined;
    },
    300,
  );

test.each<[string, Record<string, readonly [string, string]>, RegExp]>([
  [
    'samples that the tasks cannot share evenly',
    { 'config.json': ['400000', '400003'] },
    /samples is 400003, which 8 tasks cannot share evenly/,
  ],
  ['an odd number of bins', { 'config.json': ['200', '201'] }, /bins is 201; expected an even number/],
  ['a range that loses samples', { 'config.json': ['[0, 2]', '[0, 1.5]'] }, /range is \[0,1.5\]/],
  ['a preflight that is not there', { 'launch/launch.yaml': ['check_config', 'nowhere'] }, /nowhere/],
  [
    'a partition that does not exist',
    { 'launch/launch.yaml': ['resources: { cpus: 1 }', 'resources: { cpus: 1, partition: nowhere }'] },
    /partition/i,
  ],
  [
    'more memory than any node has',
    { 'launch/launch.yaml': ['resources: { cpus: 1 }', 'resources: { cpus: 1, memory: 999GB }'] },
    /memory/i,
  ],
])('C2-2, bad: %s is refused before there is any job', { timeout: LIMIT }, async (_what, changes, words) => {
  repo = await pipeline(changes);
  const { exit, stdout, stderr } = await repo.autolab('submit');
  expect([exit, `${stdout}${stderr}`]).toEqual([1, expect.stringMatching(words)]);
  expect(await inQueue()).toBe('');
  expect(existsSync(join(repo.iteration, 'runs'))).toBe(false);
});

test('C2-2 and C2-19, good: the pipeline runs on a cluster without accounting, and its evidence is said to be its own', {
  timeout: LIMIT,
}, async () => {
  repo = await pipeline();
  const { run_id } = await repo.json<{ run_id: string }>('submit');
  expect(await over(repo)).toMatchObject([
    { state: 'running', line: expect.stringContaining('gen 8/8 tasks done;hist succeeded;estimate succeeded') },
  ]);
  expect(await repo.autolab('sync')).toMatchObject({ exit: 0, stdout: expect.stringContaining('artifacts ok') });
  expect(await repo.autolab('extract')).toMatchObject({ exit: 0, stdout: expect.stringContaining('absolute_error = 0.001943') });
  const folder = join(repo.iteration, 'runs', run_id);
  expect(readJsonFile(join(folder, 'run_manifest.json'))).toMatchObject({ status: 'completed' });
  const { runs } = await repo.json<{ runs: { task_list: { evidence: string }[] }[] }>('runs', run_id);
  // What the queue still tells counts beside a marker; of accounting there is nothing.
  const evidence = runs[0]?.task_list.map((task) => task.evidence) ?? [];
  expect(evidence.filter((each) => each === 'scheduler+marker' || each === 'marker')).toHaveLength(10);
});

test.each<[string, (run: string) => void, RegExp]>([
  ['nothing at all', (run) => rmSync(join(run, 'batches'), { recursive: true }), /0-7; 0 of 8 are as expected/],
  ['one folder less', (run) => rmSync(join(run, 'batches', 'batch_3'), { recursive: true }), /READY: missing: 3; 7 of 8/],
  [
    'a name in other letters',
    (run) => renameSync(join(run, 'batches', 'batch_3', 'READY'), join(run, 'batches', 'batch_3', 'Ready')),
    /READY: missing: 3; 7 of 8/,
  ],
  ['a file that is cut off', (run) => truncateSync(join(run, 'hist', 'r2.npz'), 900), /r2\.npz/],
])('C2-16, bad: artifacts of which there is %s are not accepted', { timeout: LIMIT }, async (_what, spoil, words) => {
  repo = await pipeline();
  const { run_id } = await repo.json<{ run_id: string }>('submit');
  await over(repo);
  const run = join(repo.iteration, 'runs', run_id);
  expect(readdirSync(join(run, 'batches'))).toHaveLength(8);
  spoil(run);
  const { exit, stdout, stderr } = await repo.autolab('sync');
  expect([exit, `${stdout}${stderr}`]).toEqual([1, expect.stringMatching(words)]);
  expect(readJsonFile(join(run, 'run_manifest.json'))).not.toMatchObject({ artifact_sync_to_local: { status: 'ok' } });
  expect((await repo.autolab('extract')).exit).toBe(1);
  expect(existsSync(join(run, 'metrics.json'))).toBe(false);
});
