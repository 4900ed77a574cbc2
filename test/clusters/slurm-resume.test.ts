import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { slurmScheduler } from '../../src/sites/schedulers/slurm.ts';
import type { Repo } from '../support/repo.ts';
import { makeRepo, until } from '../support/repo.ts';
import type { Slurm } from '../support/slurm.ts';
import { startSlurm } from '../support/slurm.ts';
import { edit, ITERATION, oneTask, SLURM_POLICY } from './experiment.ts';

const LIMIT = 600_000;
let slurm: Slurm;
let repo: Repo;
beforeAll(async () => {
  slurm = await startSlurm();
}, LIMIT);
afterEach(async () => {
  await slurm.run('scancel', '-u', slurm.user);
  await repo?.cleanup();
});
afterAll(() => slurm?.close(), LIMIT);

type Told = { all_over: boolean; runs: { state: string; line: string }[] };
type Submitted = { run_id: string; job_id: string; note: string | null };
type Retried = { what: string; steps: { job_id: string | null }[] };

const told = () => repo.json<Told>('monitor');
const ended = () => until('it is over', async () => ((await told()).all_over ? (await told()).runs : undefined), 400);

test('after a node has failed the task runs again elsewhere, though the node is back', { timeout: LIMIT }, async () => {
  repo = await makeRepo(
    SLURM_POLICY,
    (path) =>
      oneTask(path, 'echo "$AUTOLAB_ATTEMPT on $SLURMD_NODENAME" >>runs/../ran; [ "$AUTOLAB_ATTEMPT" != 1 ] || sleep 300'),
    slurm.identity,
  );
  const { run_id, job_id } = await repo.json<Submitted>('submit');
  const ran = () => readFileSync(join(repo.iteration, 'ran'), 'utf8').trim().split('\n');
  // Slurm says RUNNING before its script has begun.
  await until('it runs', async () => existsSync(join(repo.iteration, 'ran')) || undefined);
  const { stdout: node } = await slurm.run('squeue', '-h', '-j', job_id, '-o', '%N');
  if (node !== 'n1' && node !== 'n2') throw new Error(`it runs on ${node}`);
  slurm.signal(node, 'KILL');
  try {
    expect(await ended()).toMatchObject([{ state: 'failed' }]);
  } finally {
    await slurm.start(node);
  }
  await until('the node is back', async () => {
    const { stdout } = await slurm.run('sinfo', '-h', '-n', node, '-o', '%T');
    if (stdout.includes('down')) await slurm.admin('scontrol', 'update', `NodeName=${node}`, 'State=RESUME');
    return /^(?:idle|mixed|allocated)$/m.test(stdout) || undefined;
  });
  const dry = await repo.json<Retried>('retry', run_id, '--dry-run');
  expect(dry.what).toContain(`with ${node} excluded`);
  const again = await repo.json<Retried>('retry', run_id);
  const job = again.steps[0]?.job_id ?? 'none';
  expect(await slurm.admin('scontrol', 'show', 'job', job)).toContain(`ExcNodeList=${node}`);
  expect(await ended()).toMatchObject([{ line: expect.stringContaining('ended well') }]);
  expect(ran()).toEqual([`1 on ${node}`, `2 on ${node === 'n1' ? 'n2' : 'n1'}`]);
});

test('where a job stands is told by its id, and a job nobody knows has not ended', { timeout: LIMIT }, async () => {
  const standing = async (id: string) => {
    const ask = slurmScheduler().standing?.(id);
    if (!ask) throw new Error('it cannot tell');
    return ask.read(await slurm.transport.run(ask.command, { timeoutMs: 60_000 }));
  };
  const { stdout: id } = await slurm.run('sbatch', '--parsable', '--time=5', '--wrap=sleep 300');
  expect(await standing(id)).toBe('there');
  await slurm.run('scancel', id);
  await until('it has ended', async () => (await standing(id)) === 'gone' || undefined);
  expect(await standing('999999')).toBe('unknown');
});

test('a lock whose owner is elsewhere is as good as its job', { timeout: LIMIT }, async () => {
  repo = await makeRepo(
    SLURM_POLICY,
    (path) => {
      oneTask(path, 'mkdir -p outputs; echo "$AUTOLAB_START" >>outputs/starts');
      writeFileSync(join(path, ITERATION, 'config.yaml'), 'seed: 1\n');
      edit(
        join(path, ITERATION, 'launch', 'launch.yaml'),
        (text) => `${text}\nresume: { workspace: outputs, config: config.yaml, lock: outputs/run.lock }\n`,
      );
    },
    slurm.identity,
  );
  await repo.json('submit');
  await ended();
  const { stdout: id } = await slurm.run('sbatch', '--parsable', '--time=5', '--wrap=sleep 300');
  const lock = join(repo.iteration, 'outputs', 'run.lock');
  mkdirSync(join(repo.iteration, 'outputs'), { recursive: true });
  const body = JSON.stringify({ run_id: 'theirs', owner_pid: 1, owner_host: 'n9', job_id: id });
  writeFileSync(lock, body, { mode: 0o644 });
  const refused = await repo.autolab('submit', '--again');
  expect([refused.exit, refused.stderr]).toEqual([1, expect.stringContaining(`job ${id} is in the queue`)]);
  expect(refused.stderr).toMatch(new RegExp(`run theirs, process 1, host n9, job ${id}, for `));
  await slurm.run('scancel', id);
  const dry = await until('its job has ended', async () => {
    const { exit, stdout } = await repo.autolab('submit', '--again', '--dry-run', '--json');
    return exit === 0 ? (JSON.parse(stdout) as Submitted) : undefined;
  });
  expect(dry.note).toContain(`a stale lock (run theirs, process 1, host n9, job ${id}`);
  await repo.json('submit', '--again');
  await ended();
  expect(readFileSync(join(repo.iteration, 'outputs', 'starts'), 'utf8')).toBe('new\nresume\n');
  expect(readFileSync(lock, 'utf8')).toBe(body);
});
