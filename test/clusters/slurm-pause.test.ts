import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { execa } from 'execa';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { inTheWay } from '../support/in-the-way.ts';
import type { Repo } from '../support/repo.ts';
import { makeRepo, until } from '../support/repo.ts';
import type { Slurm } from '../support/slurm.ts';
import { startSlurm } from '../support/slurm.ts';
import { edit, ITERATION, oneTask, SLURM_POLICY } from './experiment.ts';

const LIMIT = 400_000;
const way = inTheWay();
let slurm: Slurm;
let repo: Repo;
beforeAll(async () => {
  slurm = await startSlurm({ eager: true }, way.folder);
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

type Paused = { jobs: { job_id: string; tasks: number; what: string }[]; problems: string[] };
type Told = { all_over: boolean; runs: { state: string; tasks: Record<string, number> }[]; problems: string[] };
const look = () => repo.json<Told>('monitor');
const ran = () => {
  const path = join(repo.iteration, 'ran');
  return existsSync(path) ? readFileSync(path, 'utf8').trim().split('\n').sort() : [];
};
const pause = () => repo.json<Paused>('pause');
const reasons = async () =>
  (await slurm.run('squeue', '-h', '-o', '%T %r')).stdout
    .split('\n')
    .filter((line) => line !== '')
    .sort();

/** Four tasks, one at a time; each notes itself once the file `go` is there. */
const experiment = () =>
  makeRepo(
    SLURM_POLICY,
    (path) => {
      oneTask(path, 'until [ -e runs/../go ]; do sleep 0.1; done; echo "$SLURM_ARRAY_TASK_ID" >>runs/../ran');
      edit(join(path, ITERATION, 'launch', 'launch.yaml'), (text) => `${text}\narray: { indices: "0-3", parallel: 1 }\n`);
    },
    slurm.identity,
  );

/** On a terminal, where a person says yes. */
async function resume(): Promise<{ exit: number; said: string }> {
  const command = [...slurm.identity.words, 'resume'].map((word) => `'${word}'`).join(' ');
  const done = await execa('script', ['-qec', command, '/dev/null'], { cwd: repo.path, input: 'yes\n', reject: false });
  return { exit: done.exitCode ?? -1, said: done.stdout.replaceAll('\r', '') };
}

async function running(): Promise<string> {
  repo = await experiment();
  const { job_id } = await repo.json<{ job_id: string }>('submit');
  await until('a task runs', async () => ((await look()).runs[0]?.tasks.running === 1 ? true : undefined));
  return job_id;
}

const go = () => writeFileSync(join(repo.iteration, 'go'), '');

test('a pause holds what waits but for what a person holds, and a resume lets go just that', { timeout: LIMIT }, async () => {
  const id = await running();
  expect(await slurm.run('scontrol', 'hold', `${id}_2`)).toMatchObject({ exit: 0 });
  const paused = await repo.autolab('pause', '--json');
  expect(paused.exit).toBe(0);
  expect((JSON.parse(paused.stdout) as Paused).jobs).toMatchObject([
    { job_id: id, tasks: 2, what: 'held' },
    { job_id: id, tasks: 1, what: 'held before' },
    { job_id: id, tasks: 1, what: 'runs' },
  ]);
  go();
  await until('what ran is over', async () => ((await look()).runs[0]?.tasks.succeeded === 1 ? true : undefined));
  expect(ran()).toEqual(['0']);
  expect(new Set(await reasons())).toEqual(new Set(['PENDING JobHeldUser']));
  expect(await repo.autolab('submit', '--again')).toMatchObject({ exit: 1, stderr: expect.stringContaining('paused since') });
  expect(await repo.autolab('resume')).toMatchObject({ exit: 1, stderr: expect.stringContaining('needs a terminal') });

  expect(await resume()).toMatchObject({ exit: 0, said: expect.stringContaining('2 tasks: released') });
  await until('what was held is over', async () => ((await look()).runs[0]?.tasks.succeeded === 3 ? true : undefined));
  expect(ran()).toEqual(['0', '1', '3']);
  expect(await reasons()).toEqual(['PENDING JobHeldUser']);
  await slurm.run('scontrol', 'release', `${id}_2`);
  await until('it is over', async () => ((await look()).all_over ? true : undefined));
  expect(ran()).toEqual(['0', '1', '2', '3']);
});

test('what is on its way when a pause is written stays held, and a resume lets it go', { timeout: LIMIT }, async () => {
  repo = await experiment();
  go();
  // Decided on and accepted; the answer takes its time.
  way.submission('id=$("$real" "$@"); touch "$way/sent"; until [ -e "$way/go" ]; do sleep 0.1; done; echo "$id"');
  const submitting = repo.autolab('submit', '--json');
  await until('it is at the scheduler', async () => way.has('sent') || undefined);
  const pausing = pause();
  await until('it is paused', async () => {
    const { paused } = await repo.json<{ paused?: string }>('runs');
    return paused;
  });
  way.leave('go');
  const { stdout } = await submitting;
  const { job_id } = JSON.parse(stdout) as { job_id: string };
  expect((await pausing).jobs).toMatchObject([{ job_id, tasks: 4, what: 'not let go' }]);
  await look();
  expect(await reasons()).toEqual(['PENDING JobHeldUser']);
  const resumed = await resume();
  expect(resumed).toMatchObject({ exit: 0, said: expect.stringContaining(`job ${job_id} was found and released`) });
  await until('it is over', async () => ((await look()).all_over ? true : undefined));
  expect(ran()).toEqual(['0', '1', '2', '3']);
});

test('a controller that is down stops no pause and no resume: what is left is told, and done by the next', {
  timeout: LIMIT,
}, async () => {
  const id = await running();
  await slurm.stop('slurmctld');
  const unheld = await repo.autolab('pause');
  expect(unheld.exit).toBe(1);
  expect(unheld.stdout).toMatch(new RegExp(`Paused since [\\s\\S]*whether what waits of job ${id} is held is not known`));
  await slurm.start('slurmctld');
  expect(await repo.autolab('submit', '--again')).toMatchObject({ exit: 1, stderr: expect.stringContaining('paused since') });
  const held = await until('it is held', async () => {
    const { jobs } = await pause();
    return jobs.some(({ what }) => what === 'held') ? jobs : undefined;
  });
  expect(held).toMatchObject([
    { job_id: id, tasks: 3, what: 'held' },
    { job_id: id, tasks: 1, what: 'runs' },
  ]);
  for (const program of ['squeue', 'scontrol']) way.put(program, 'echo "Unable to contact slurm controller" >&2; exit 1');
  const half = await resume();
  expect(half).toMatchObject({ exit: 1, said: expect.stringMatching(/Submissions go on[\s\S]*is released is not known/) });
  way.clear();
  expect((await repo.json<{ paused?: string }>('runs')).paused).toContain(`job ${id} on slurm may still be held`);
  expect(await resume()).toMatchObject({ exit: 0, said: expect.stringContaining('3 tasks: released') });
  expect((await repo.json<{ paused?: string }>('runs')).paused).toBeUndefined();
  go();
  await until('it is over', async () => ((await look()).all_over ? true : undefined));
  expect(ran()).toEqual(['0', '1', '2', '3']);
});
