import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { journalOf } from '../support/artifacts.ts';
import { inTheWay } from '../support/in-the-way.ts';
import { late } from '../support/late.ts';
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

type Submitted = { run_id: string; state: string; job_id: string };
type Told = { all_over: boolean; runs: { state: string }[]; problems: string[] };

const KILLED = 'kill -9 $PPID; exit 1';

const executions = () => {
  const path = join(repo.iteration, 'ran');
  return existsSync(path) ? readFileSync(path, 'utf8') : '';
};
const told = () => repo.json<Told>('monitor');
async function arrives(): Promise<string> {
  way.leave('go');
  await until('the late one is there', async () => way.has('done') || undefined);
  return readFileSync(join(way.folder, 'late'), 'utf8').trim();
}
const stateOf = async (job: string) => (await slurm.run('squeue', '-h', '-t', 'all', '-j', job, '-o', '%T')).stdout;

test('what is accepted after its caller had given up and the next had looked never runs, is cancelled, and is told', {
  timeout: LIMIT,
}, async () => {
  repo = await makeRepo(
    SLURM_POLICY,
    (path) => oneTask(path, 'echo ran >>runs/../ran; while [ ! -e runs/../end ]; do sleep 0.1; done'),
    slurm.identity,
  );
  way.submission(late(1, 'sleep 300'));
  await repo.autolab('submit', '--json');
  const { run_id, job_id } = await repo.json<Submitted>('submit');
  expect(job_id).toMatch(/^\d+$/);
  const surplus = await arrives();
  expect(surplus).toMatch(/^\d+$/);
  expect(surplus).not.toBe(job_id);
  const seen = await until(
    'it is told',
    async () => {
      const now = await told();
      return now.problems.length > 0 ? now : undefined;
    },
    120,
  );
  expect(seen.problems).toEqual([expect.stringContaining(surplus)]);
  expect(await stateOf(surplus)).toMatch(/^CANCELLED/);
  writeFileSync(join(repo.iteration, 'end'), '');
  await until('it is over', async () => ((await told()).all_over ? true : undefined), 120);
  expect(executions()).toBe('ran\n');
  const events = journalOf(join(repo.iteration, 'runs', run_id)).map((row) => row.event);
  expect(events).toContain('surplus');
});

const CHAIN = `schema_version: "1"
resources: { cpus: 1, memory: 500MB, walltime: "00:05:00" }
steps:
  - { name: one, script: one.sh }
  - { name: two, script: two.sh, after: [one] }
`;

test('a step of a chain that is accepted late is no second execution of it', { timeout: LIMIT }, async () => {
  repo = await makeRepo(
    SLURM_POLICY,
    (path) => {
      oneTask(path, 'true');
      const launch = join(path, ITERATION, 'launch');
      writeFileSync(join(launch, 'launch.yaml'), CHAIN);
      for (const name of ['one', 'two'])
        writeFileSync(
          join(launch, `${name}.sh`),
          `#!/bin/sh\necho ${name} >>runs/../ran\n[ ${name} = two ] || while [ ! -e runs/../end ]; do sleep 0.1; done\n`,
          { mode: 0o755 },
        );
      edit(join(launch, 'run_slurm.sbatch'), (text) => text);
    },
    slurm.identity,
  );
  way.submission(late(2, KILLED));
  await repo.autolab('submit', '--json');
  const submitted = await repo.json<{ run_id: string; steps: { job_id: string }[] }>('submit');
  expect(submitted.steps.map(({ job_id }) => job_id)).toEqual([expect.stringMatching(/^\d+$/), expect.stringMatching(/^\d+$/)]);
  const surplus = await arrives();
  writeFileSync(join(repo.iteration, 'end'), '');
  await until('it is over', async () => ((await told()).all_over ? true : undefined), 120);
  await until(
    'the late one is over',
    async () => (/^(?:COMPLETED|CANCELLED|FAILED)/.test(await stateOf(surplus)) ? true : undefined),
    60,
  );
  expect(executions()).toBe('one\ntwo\n');
});

test('what is seen to be on its way is waited for: nothing is sent beside it, and it is the run’s job', {
  timeout: LIMIT,
}, async () => {
  repo = await makeRepo(SLURM_POLICY, (path) => oneTask(path, 'echo ran >>runs/../ran'), slurm.identity);
  way.submission(late(1, KILLED, '"$@"'));
  await repo.autolab('submit', '--json');
  const second = await repo.autolab('submit', '--json');
  expect(second.stderr).toContain(
    'whether the scheduler took it is not known yet: an earlier submission of it is still on its way',
  );
  const waits = JSON.parse(second.stdout) as Submitted;
  expect(waits).toMatchObject({ job_id: null, state: 'pending' });
  expect(journalOf(join(repo.iteration, 'runs', waits.run_id)).at(-1)).toMatchObject({
    event: 'ambiguous',
    why: expect.stringContaining('still on its way'),
  });
  const job = await arrives();
  expect(await repo.json<Submitted>('submit')).toMatchObject({ job_id: job });
  await until('it is over', async () => ((await told()).all_over ? true : undefined), 120);
  expect(executions()).toBe('ran\n');
  expect(readFileSync(join(way.folder, 'calls'), 'utf8')).toBe('call\n');
});
