import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { readJsonFile } from '../support/artifacts.ts';
import { inTheWay } from '../support/in-the-way.ts';
import { late } from '../support/late.ts';
import type { Repo } from '../support/repo.ts';
import { makeRepo, until } from '../support/repo.ts';
import type { Slurm } from '../support/slurm.ts';
import { startSlurm } from '../support/slurm.ts';
import { oneTask, SLURM_POLICY } from './experiment.ts';

const LIMIT = 400_000;
const way = inTheWay();
let slurm: Slurm;
let repo: Repo;
beforeAll(async () => {
  slurm = await startSlurm({ eager: true, minJobAge: 2 }, way.folder);
}, LIMIT);
afterEach(async () => {
  way.leave('go');
  way.clear();
  await slurm.run('scancel', '-u', slurm.user);
  await repo?.cleanup();
});
afterAll(async () => {
  await slurm?.close();
  way.remove();
}, LIMIT);

type Submitted = { run_id: string; state: string; job_id: string | null };
type Told = { all_over: boolean; runs: { state: string; line: string }[] };

const experiment = () => makeRepo(SLURM_POLICY, (path) => oneTask(path, 'echo ran >>runs/../ran'), slurm.identity);
const executions = () => {
  const path = join(repo.iteration, 'ran');
  return existsSync(path) ? readFileSync(path, 'utf8') : '';
};
const ended = () => until('it is over', async () => ((await repo.json<Told>('monitor')).all_over ? true : undefined), 120);

const KILLED = 'kill -9 $PPID; exit 1';

/** A submission that nobody can find out about: it was cut off, and the queue forgets sooner than it can be looked at. */
async function unknown(): Promise<Submitted> {
  repo = await experiment();
  way.submission(late(1, KILLED));
  await repo.autolab('submit', '--json');
  const refused = await repo.autolab('submit');
  expect(refused.exit).toBe(1);
  expect(refused.stderr).toMatch(/^submission_unknown: [\s\S]*cancel_run \S+ gives it up/);
  const { runs } = await repo.json<{ runs: Submitted[] }>('runs');
  return runs[0] ?? expect.fail('there is no run');
}

async function arrives(): Promise<string> {
  way.leave('go');
  await until('the late one is there', async () => way.has('done') || undefined);
  return readFileSync(join(way.folder, 'late'), 'utf8').trim();
}

test('a run of which nobody knows whether Slurm took it is given up by cancel: nothing of it runs any more', {
  timeout: LIMIT,
}, async () => {
  const { run_id } = await unknown();
  const { stderr } = await repo.autolab('retry', run_id);
  expect(stderr).toMatch(/^submission_unknown: [\s\S]*al_[\s\S]*cancel_run \S+ gives it up/);
  const doctor = await repo.autolab('doctor');
  expect(doctor.stdout).toMatch(/look there for al_\S+; then `autolab-mcp cancel/);
  const cancelled = await repo.autolab('cancel', run_id);
  expect(cancelled).toMatchObject({ exit: 0, stdout: expect.stringContaining('is failed') });
  expect(readJsonFile(join(repo.iteration, 'runs', run_id, 'run_manifest.json'))).toMatchObject({ status: 'failed' });
  const { state_folder } = await repo.json<{ state_folder: string }>('init');
  const book = readFileSync(join(state_folder, 'spending.jsonl'), 'utf8').trim().split('\n');
  expect(JSON.parse(book.at(-1) ?? '')).toMatchObject({ event: 'settled', cpu_hours: 0 });
  const job = await arrives();
  await slurm.run('scontrol', 'release', job);
  await until('it has ended itself', async () =>
    /^76/.test((await slurm.run('sacct', '-n', '-X', '-P', '-j', job, '-o', 'ExitCode')).stdout) ? true : undefined,
  );
  expect(executions()).toBe('');
  await repo.json<Submitted>('submit', '--again');
  await ended();
  expect(executions()).toBe('ran\n');
});

test('where it is there after all, cancel ends it', { timeout: LIMIT }, async () => {
  const { run_id } = await unknown();
  const job = await arrives();
  const cancelled = await repo.json<{ cancelled: string[] }>('cancel', run_id);
  expect(cancelled.cancelled).toEqual([job]);
  await ended();
  expect((await slurm.run('squeue', '-h', '-j', job)).stdout).toBe('');
  expect(executions()).toBe('');
});
