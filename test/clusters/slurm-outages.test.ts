import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { movesOf, readJsonFile } from '../support/artifacts.ts';
import { nodesAreBack } from '../support/nodes.ts';
import type { Repo } from '../support/repo.ts';
import { makeRepo, until } from '../support/repo.ts';
import type { Daemon, Slurm } from '../support/slurm.ts';
import { startSlurm } from '../support/slurm.ts';
import { edit, ITERATION, oneTask, SLURM_POLICY } from './experiment.ts';

const LIMIT = 400_000;
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

type Submitted = { run_id: string; state: string; job_id: string };
type Told = {
  all_over: boolean;
  sites: { healthy: boolean | null; note: string | null }[];
  runs: { state: string; line: string; blocked: boolean }[];
};
type Doctor = { ok: boolean; findings: { code: string; severity: string; what: string; next: string }[] };

const experiment = (lines: string) => makeRepo(SLURM_POLICY, (path) => oneTask(path, lines), slurm.identity);
const told = () => repo.json<Told>('monitor');
const folderOf = (run: string) => join(repo.iteration, 'runs', run);
const executions = () => readFileSync(join(repo.iteration, 'ran'), 'utf8');
const seenAs = (state: string) =>
  until(`it is ${state}`, async () => (await told()).runs.find((run) => run.state === state), 120);
async function jobs(): Promise<string[]> {
  const { stdout } = await slurm.run('squeue', '-h', '-t', 'all', '-u', slurm.user, '-o', '%A');
  return stdout.split('\n').filter(Boolean);
}
/** Takes daemons away for as long as it takes. */
async function without<T>(daemons: readonly Daemon[], what: () => Promise<T>): Promise<T> {
  for (const one of daemons) await slurm.stop(one);
  try {
    return await what();
  } finally {
    for (const one of [...daemons].reverse()) await slurm.start(one);
    await nodesAreBack(slurm);
  }
}
async function finding(code: string) {
  const { findings } = await repo.json<Doctor>('doctor', '--site', 'slurm');
  return findings.find((one) => one.code === code) ?? expect.fail(`doctor says nothing of ${code}: ${JSON.stringify(findings)}`);
}

test.each<[string, readonly Daemon[]]>([
  ['slurmctld', ['slurmctld']],
  ['munge', ['munged']],
])(
  'with %s down nothing is submitted, every state stays as it was, and the run goes on afterwards',
  { timeout: LIMIT },
  async (_what, daemons) => {
    repo = await experiment('echo ran >>runs/../ran; while [ ! -e runs/../go ]; do sleep 0.1; done; echo done >>runs/../ran');
    const { run_id } = await repo.json<Submitted>('submit');
    await seenAs('running');
    const before = await jobs();
    const moves = movesOf(folderOf(run_id));
    await without(daemons, async () => {
      const look = await until('a look', async () => {
        const seen = await told();
        return seen.sites[0]?.healthy === null ? undefined : seen;
      });
      expect(look).toMatchObject({
        all_over: false,
        sites: [{ healthy: false, note: expect.stringMatching(/proves nothing: .*(?:slurm controller|[Mm]unge)/) }],
        runs: [{ state: 'running' }],
      });
      expect(movesOf(folderOf(run_id))).toEqual(moves);
      const refused = await repo.autolab('submit', '--again');
      expect(refused.exit).toBe(1);
      expect(refused.stderr).toMatch(/queue.*Slurm cannot be reached/s);
      const cancelled = await repo.autolab('cancel', run_id);
      expect(cancelled.exit).toBe(1);
      expect(cancelled.stderr).toContain('Slurm cannot be reached');
      expect(await finding('sites')).toMatchObject({ severity: 'error', next: expect.stringMatching(/./) });
      const gone = await repo.autolab('extract');
      expect(gone.exit).toBe(1);
    });
    expect(await jobs()).toEqual(before);
  },
);

test('a job that ends while nobody can be asked is told by the queue when it is back', { timeout: LIMIT }, async () => {
  repo = await experiment('echo ran >>runs/../ran; while [ ! -e runs/../go ]; do sleep 0.1; done; echo done >>runs/../ran');
  const { run_id } = await repo.json<Submitted>('submit');
  await seenAs('running');
  await without(['slurmctld'], async () => {
    await slurm.run('touch', join(repo.iteration, 'go'));
    await until('its script is over', async () => (executions() === 'ran\ndone\n' ? true : undefined));
    expect((await told()).runs).toMatchObject([{ state: 'running' }]);
  });
  await until('it is over', async () => ((await told()).all_over ? true : undefined), 240);
  expect(await repo.autolab('sync')).toMatchObject({ exit: 0 });
  expect(executions()).toBe('ran\ndone\n');
  expect(readJsonFile(join(folderOf(run_id), 'run_manifest.json'))).toMatchObject({ status: 'synced' });
});

test('with slurmdbd down runs go on by queue and markers, and what only accounting knows waits', { timeout: LIMIT }, async () => {
  repo = await experiment('echo ran >>runs/../ran; sleep 1');
  const run = await without(['slurmdbd'], async () => {
    expect(await finding('accounting')).toMatchObject({ severity: 'warning', what: expect.stringContaining('slurmdbd') });
    const submitted = await repo.json<Submitted>('submit');
    expect(submitted.job_id).toMatch(/^\d+$/);
    await until('it has run', async () => {
      const { stdout } = await slurm.run('squeue', '-h', '-t', 'all', '-j', submitted.job_id, '-o', '%T');
      return stdout === 'COMPLETED' ? true : undefined;
    });
    expect((await told()).runs[0]?.state).toMatch(/^(?:submitted|running|synced)$/);
    return submitted.run_id;
  });
  await until('it is over', async () => ((await told()).all_over ? true : undefined), 240);
  expect(await repo.autolab('sync')).toMatchObject({ exit: 0 });
  expect(executions()).toBe('ran\n');
  expect(readJsonFile(join(folderOf(run), 'run_manifest.json'))).toMatchObject({ status: 'synced' });
});

test('a partition that does not take our account is told as blocked, with Slurm’s words', { timeout: LIMIT }, async () => {
  repo = await makeRepo(
    SLURM_POLICY,
    (path) => {
      oneTask(path, 'echo ran >>runs/../ran');
      edit(join(path, ITERATION, 'launch', 'launch.yaml'), (text) => text.replace('cpus: 1 }', 'cpus: 1, partition: closed }'));
    },
    slurm.identity,
  );
  const { run_id } = await repo.json<Submitted>('submit');
  const seen = await until('it is blocked', async () => (await told()).runs.find((run) => run.blocked), 60);
  expect(seen.line).toMatch(/BLOCKED: .*[Aa]ccount/);
  expect(await finding('runs')).toMatchObject({
    what: expect.stringContaining('blocked'),
    next: expect.stringContaining('cancel'),
  });
  expect(await repo.autolab('cancel', run_id)).toMatchObject({ exit: 0 });
  await until('it is over', async () => ((await told()).all_over ? true : undefined), 120);
  expect(() => executions()).toThrow('ENOENT');
});
