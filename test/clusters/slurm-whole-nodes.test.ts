import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { journalOf } from '../support/artifacts.ts';
import type { Repo } from '../support/repo.ts';
import { makeRepo, until } from '../support/repo.ts';
import type { Slurm } from '../support/slurm.ts';
import { startSlurm } from '../support/slurm.ts';
import { edit, ITERATION, oneTask, SLURM_POLICY } from './experiment.ts';

const LIMIT = 300_000;
let slurm: Slurm;
let repo: Repo | undefined;
beforeAll(async () => {
  slurm = await startSlurm();
  await slurm.admin('scontrol', 'create', 'PartitionName=whole', 'Nodes=n[1-2]', 'OverSubscribe=EXCLUSIVE', 'MaxTime=2:00:00');
}, LIMIT);
afterEach(() => repo?.cleanup());
afterAll(() => slurm?.close(), LIMIT);

type Reason = { rule: string; verdict: string; because: string };
type Dry = { price: Record<string, number | null>; decision: { verdict: string; reasons: Reason[] } };
type Monitor = { all_over: boolean; problems: string[] };

/** The example as one task with these resources in launch.yaml and these lines in its script, under a policy with these limits. */
function experiment(resources: string, lines: string, limits: string): Promise<Repo> {
  const policy = SLURM_POLICY.replace('  limits:\n', `  limits:\n    per_job: ${limits}\n`);
  return makeRepo(
    policy,
    (path) => {
      // It runs until it is told to end.
      oneTask(path, 'until [ -e runs/../go ]; do sleep 0.2; done');
      edit(join(path, ITERATION, 'launch', 'launch.yaml'), (text) => text.replace(/^resources:.*$/m, `resources: ${resources}`));
      edit(join(path, ITERATION, 'launch', 'run_slurm.sbatch'), (text) =>
        text.replace(/^#SBATCH.*\n/gm, '').replace('\n', `\n${lines}\n`),
      );
    },
    slurm.identity,
  );
}
async function isRunning(job: string): Promise<void> {
  await until(
    'it runs',
    async () => ((await slurm.run('squeue', '-h', '-t', 'R', '-j', job)).stdout.trim() ? true : undefined),
    240,
  );
}

/** Lets the job end, waits until accounting has heard of it, which may be a second after the queue, and has the program look. */
async function end(one: Repo, job: string): Promise<void> {
  writeFileSync(join(one.iteration, 'go'), '');
  await until('accounting knows its end', async () => {
    const { stdout } = await slurm.run('sacct', '-n', '-X', '-P', '-j', job, '-o', 'State');
    return stdout.trim() === 'COMPLETED' ? true : undefined;
  });
  await until('it is over', async () => ((await one.json<Monitor>('monitor')).all_over ? true : undefined));
}
const ROOMY = '{ cpus: 32, gpus: 8, nodes: 2, memory: 64GB, requeues: 1 }';

test.each([
  ['asked for by the script', '{ walltime: "00:10:00" }', '#SBATCH --exclusive --nodes=1-2', 2],
  ['asked for in launch.yaml', '{ walltime: "00:10:00", exclusive: true }', '', 1],
  ['of a partition that gives no others', '{ walltime: "00:10:00", partition: whole, cpus: 2 }', '', 1],
  ['of one of the partitions', '{ walltime: "00:10:00", partition: "whole,spot" }', '', 1],
])(
  'whole nodes %s are priced, let through, and paid as they were given',
  { timeout: LIMIT },
  async (_what, resources, lines, nodes) => {
    repo = await experiment(resources, lines, ROOMY);
    const one = repo;
    const dry = await one.json<Dry>('submit', '--dry-run');
    expect(dry).toMatchObject({
      decision: { verdict: 'allow' },
      price: {
        cpu_hours: (nodes * 16) / 6,
        gpu_hours: (nodes * 4) / 6,
        memory_gb_hours: (nodes * 16000) / 1024 / 6,
        node_hours: nodes / 6,
      },
    });
    const { run_id, job_id } = await one.json<{ run_id: string; job_id: string }>('submit');
    await isRunning(job_id);
    // A look at all that it has now tells of nothing more.
    expect(await one.json<Monitor>('monitor')).toMatchObject({ problems: [], all_over: false });
    await end(one, job_id);
    const events = journalOf(join(one.iteration, 'runs', run_id));
    expect(events.filter(({ event }) => event === 'read_back')).toMatchObject([{ differences: [] }]);
    const given = await slurm.run('sacct', '-n', '-X', '-P', '-j', job_id, '-o', 'AllocTRES,ElapsedRaw');
    const [, cpus = '', gpus = '', seconds = ''] = /cpu=(\d+),gres\/gpu=(\d+),.*\|(\d+)$/.exec(given.stdout.trim()) ?? [];
    expect([Number(cpus), Number(gpus)]).toEqual([nodes * 16, nodes * 4]);
    const observed = events.findLast(({ event }) => event === 'observed') as { tasks: { used: object }[] } | undefined;
    expect(observed?.tasks[0]?.used).toMatchObject({
      held: { cpuSeconds: Number(cpus) * Number(seconds), gpuSeconds: Number(gpus) * Number(seconds) },
    });
  },
);

test.each([
  ['more cpus than a job may have', '{ exclusive: true, walltime: "00:10:00" }', '', '{ cpus: 8 }', 'limits.per_job.cpus'],
  ['a requeue that nobody granted', '{ walltime: "00:10:00" }', '#SBATCH --requeue', '{ cpus: 8 }', 'limits.per_job.requeues'],
  [
    'a requeue in launch.yaml',
    '{ walltime: "00:10:00", requeues: 2 }',
    '',
    '{ cpus: 8, requeues: 1 }',
    'limits.per_job.requeues',
  ],
  [
    'nodes that sinfo does not show',
    '{ exclusive: true, walltime: "00:10:00", partition: nowhere }',
    '',
    ROOMY,
    'limits.per_job.gpus',
  ],
])('%s is denied by its rule', { timeout: LIMIT }, async (_what, resources, lines, limits, rule) => {
  repo = await experiment(resources, lines, limits);
  const { decision } = await repo.json<Dry>('submit', '--dry-run');
  expect(decision.verdict).toBe('deny');
  expect(decision.reasons).toContainEqual(expect.objectContaining({ rule, verdict: 'deny' }));
});

test('each of several partitions must be allowed, and a granted requeue doubles the price', { timeout: LIMIT }, async () => {
  repo = await experiment('{ walltime: "00:10:00", cpus: 2 }', '#SBATCH -p debug,long\n#SBATCH --requeue --mem=1G', ROOMY);
  const dry = await repo.json<Dry>('submit', '--dry-run');
  expect(dry).toMatchObject({ decision: { verdict: 'allow' }, price: { cpu_hours: (2 * 2) / 6 } });
  edit(join(repo.path, '.autolab', 'verifier_policy.yaml'), (text) =>
    text.replace('  allow:\n', '  allow:\n    partitions: [debug]\n'),
  );
  const { decision } = await repo.json<Dry>('submit', '--dry-run');
  expect(decision.reasons).toContainEqual(
    expect.objectContaining({
      rule: 'allow.partitions',
      verdict: 'deny',
      because: 'the policy does not allow the partition long',
    }),
  );
});

test('a requeued job goes on as granted, and is paid for all of its starts', { timeout: LIMIT }, async () => {
  repo = await experiment('{ walltime: "00:10:00", cpus: 3 }', '#SBATCH --requeue --mem=1G', ROOMY);
  const one = repo;
  const { run_id, job_id } = await one.json<{ run_id: string; job_id: string }>('submit');
  await isRunning(job_id);
  await until('it has run for a second', async () => {
    const { stdout } = await slurm.run('squeue', '-h', '-O', 'TimeUsed', '-j', job_id);
    return /[1-9]/.test(stdout) ? true : undefined;
  });
  await slurm.admin('scontrol', 'requeue', job_id);
  await until('it has left its node', async () =>
    (await slurm.run('squeue', '-h', '-t', 'PD', '-j', job_id)).stdout.trim() ? true : undefined,
  );
  // Slurm waits two minutes with it; StartTime=now would do at once, and slurmd may not take it yet.
  await isRunning(job_id);
  await end(one, job_id);
  const { stdout } = await slurm.run('sacct', '-n', '-X', '-D', '-P', '-S', 'now-1hour', '-j', job_id, '-o', 'State,ElapsedRaw');
  const rows = stdout
    .trim()
    .split('\n')
    .map((row) => row.split('|'));
  expect(rows.map(([state]) => state)).toEqual(['REQUEUED', 'COMPLETED']);
  const seconds = rows.reduce((sum, [, elapsed]) => sum + Number(elapsed), 0);
  const events = journalOf(join(one.iteration, 'runs', run_id));
  const observed = events.findLast(({ event }) => event === 'observed') as
    | { tasks: { state: string; used: object }[] }
    | undefined;
  expect(observed?.tasks[0]).toMatchObject({ state: 'succeeded', used: { held: { cpuSeconds: 3 * seconds, gpuSeconds: 0 } } });
});
