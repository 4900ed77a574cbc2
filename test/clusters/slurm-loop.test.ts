import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { execa } from 'execa';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { referenceFindings } from '../reference-schemas/reference.ts';
import { journalOf, movesOf, readJsonFile } from '../support/artifacts.ts';
import type { Agent } from '../support/clients.ts';
import { legacyAgent, modernAgent } from '../support/clients.ts';
import type { Repo } from '../support/repo.ts';
import { makeRepo, until } from '../support/repo.ts';
import type { Slurm } from '../support/slurm.ts';
import { startSlurm } from '../support/slurm.ts';
import { oneTask, onSlurm, SLURM_POLICY } from './experiment.ts';

const LIMIT = 400_000;
let slurm: Slurm;
let repo: Repo;
let agent: Agent | undefined;
beforeAll(async () => {
  slurm = await startSlurm();
}, LIMIT);
afterEach(async () => {
  await agent?.close();
  agent = undefined;
  await repo?.cleanup();
});
afterAll(() => slurm?.close(), LIMIT);

type Submitted = { run_id: string; job_id: string; already: boolean; plan_digest: string; price: Record<string, number> };

/** What accounting says of a job: one row a task. */
async function accounted(job: string): Promise<string[]> {
  const { stdout } = await slurm.run('sacct', '-n', '-X', '-P', '-j', job, '-o', 'JobID,JobName,State,User');
  return stdout.trim().split('\n').sort();
}

function expectWholeRun(runId: string, jobId: string): void {
  const folder = join(repo.iteration, 'runs', runId);
  expect(movesOf(folder)).toEqual(['pending -> submitted', 'submitted -> running', 'running -> synced', 'synced -> completed']);
  expect(
    journalOf(folder)
      .map((row) => row.event)
      .filter((event) => event !== 'observed' && event !== 'moved')
      .slice(0, 5),
  ).toEqual(['intent', 'submitted', 'read_back', 'releasing', 'released']);
  const manifest = readJsonFile(join(folder, 'run_manifest.json'));
  expect(referenceFindings('run_manifest', manifest)).toEqual([]);
  const at = expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/);
  expect(manifest).toEqual({
    schema_version: '1.0',
    run_id: runId,
    iteration_id: 'penguins-softmax',
    host_mode: 'slurm',
    launch_mode: 'slurm',
    scheduler: 'slurm',
    site: 'slurm',
    command: 'launch/run_slurm.sbatch',
    resource_request: {
      cpus: 1,
      gpu_count: 0,
      nodes: 1,
      memory: '1024MB',
      walltime: '00:05:00',
      array: { indices: '0-4', tasks: 5, parallel: 2 },
      job_id: jobId,
      slurm: { job_id: jobId },
    },
    job_id: jobId,
    slurm: { job_id: jobId },
    status: 'completed',
    artifact_sync_to_local: { status: 'ok', detail: '5 expected artifacts verified, in place' },
    timestamps: { started_at: at, completed_at: at },
    started_at: at,
    completed_at: at,
    tasks: { total: 5, waiting: 0, running: 0, succeeded: 5, failed: 0, interrupted: 0, unknown: 0 },
    autolab_mcp: {
      schema_version: '1',
      job_name: expect.stringMatching(new RegExp(`^al_${runId.toLowerCase()}\\.main\\.1\\.[0-9a-f]{12}$`)),
      plan_digest: expect.stringMatching(/^[0-9a-f]{64}$/),
      price: { cpu_hours: 25 / 60, gpu_hours: 0, memory_gb_hours: 25 / 60, node_hours: 25 / 60 },
    },
  });
  const metrics = readJsonFile(join(folder, 'metrics.json'));
  expect(referenceFindings('metrics', metrics)).toEqual([]);
  const replicates = [
    [0.77451, 0.990196, 0.215686],
    [0.72549, 0.970588, 0.245098],
    [0.735294, 1, 0.264706],
    [0.764706, 0.980392, 0.215686],
    [0.77451, 0.990196, 0.215686],
  ];
  const of = (replicate: number, name: string, value?: number) => ({
    name,
    replicate,
    seed: 7 + replicate,
    heldout_accuracy: value,
  });
  expect(metrics).toEqual({
    schema_version: '1.0',
    iteration_id: 'penguins-softmax',
    run_id: runId,
    status: 'completed',
    primary_metric: { name: 'heldout_accuracy', value: 0.986275, delta_vs_baseline: 0.231373 },
    baseline_results: replicates.map(([baseline], at) => of(at, 'bill_length_only', baseline)),
    variant_results: replicates.map(([, value, delta], at) => ({
      ...of(at, 'four_measurements', value),
      delta_vs_baseline: delta,
    })),
    aggregation_method: 'mean',
  });
  expect(readFileSync(join(repo.path, 'docs', 'slurm_job_list.md'), 'utf8')).toContain(
    `job_id=${jobId} | iteration_id=penguins-softmax | run_id=${runId} | status=completed`,
  );
  const state = readJsonFile(join(repo.path, '.autolab', 'state.json'));
  expect(referenceFindings('state', state)).toEqual([]);
  expect(state).toMatchObject({ stage: 'update_docs', last_run_id: runId, pending_run_id: '', sync_status: 'ok' });
}

test('launch, monitor, sync and extract by typed commands, and accounting shows the jobs', { timeout: LIMIT }, async () => {
  repo = await makeRepo(SLURM_POLICY, onSlurm, slurm.identity);
  const dry = await repo.json<Submitted>('submit', '--dry-run');
  expect(dry).toMatchObject({ run_id: null, decision: { verdict: 'allow' } });
  expect(existsSync(join(repo.iteration, 'runs'))).toBe(false);
  expect(dry.price).toEqual({ cpu_hours: 25 / 60, gpu_hours: 0, memory_gb_hours: 25 / 60, node_hours: 25 / 60 });
  const submitted = await repo.json<Submitted>('submit');
  expect(submitted).toMatchObject({ already: false, plan_digest: dry.plan_digest, job_id: expect.stringMatching(/^\d+$/) });
  expect(await repo.json<Submitted>('submit')).toMatchObject({
    run_id: submitted.run_id,
    job_id: submitted.job_id,
    already: true,
  });
  await until(
    'every task has ended',
    async () => ((await repo.json<{ all_over: boolean }>('monitor')).all_over ? true : undefined),
    240,
  );
  expect(await repo.autolab('sync')).toMatchObject({ exit: 0 });
  expect(await repo.autolab('extract')).toMatchObject({
    exit: 0,
    stdout: expect.stringContaining('heldout_accuracy = 0.986275'),
  });
  expectWholeRun(submitted.run_id, submitted.job_id);

  const rows = await until('accounting has all tasks', async () => {
    const seen = await accounted(submitted.job_id);
    return seen.length === 5 && seen.every((row) => row.includes('|COMPLETED|')) ? seen : undefined;
  });
  const name = new RegExp(
    `^${submitted.job_id}_\\d\\|al_${submitted.run_id.toLowerCase()}\\.main\\.1\\.[0-9a-f]{12}\\|COMPLETED\\|${slurm.user}$`,
  );
  for (const row of rows) expect(row).toMatch(name);
  expect(
    (await slurm.run('sacct', '-n', '-X', '-P', '-u', slurm.user, '-S', 'now-1hour', '-o', 'JobID')).stdout.trim().split('\n'),
  ).toHaveLength(5);

  const told = await repo.json<{ runs: { used: { memory_mb: number | null } }[] }>('runs', '--run-id', submitted.run_id);
  expect(told.runs[0]?.used).toMatchObject({
    elapsed_seconds: expect.any(Number),
    walltime_seconds: 300,
    cpus: expect.any(Number),
    asked_cpus: 1,
  });
  // A task of one second can end between two samples of its memory (JobAcctGatherFrequency); slurm-night.test.ts has longer ones.
  expect(told.runs[0]?.used.memory_mb ?? 1).toBeGreaterThan(0);
  expect((await repo.json<{ ok: boolean }>('audit', 'verify')).ok).toBe(true);
});

describe.each([
  ['2025', legacyAgent],
  ['2026', modernAgent],
])('an agent of the %s protocol', (_era, connect) => {
  test('takes the experiment through the loop with advance_run alone', { timeout: LIMIT }, async () => {
    repo = await makeRepo(SLURM_POLICY, onSlurm, slurm.identity);
    agent = await connect(repo.path, slurm.identity);
    const one = agent;
    const first = await one.call('advance_run');
    expect(first.isError, first.text).toBeFalsy();
    const runId = String(first.structuredContent?.run_id);
    await until(
      'the stage is update_docs',
      async () => {
        const step = await one.call('advance_run');
        if (step.isError && (step.meta['autolab/outcome'] as { kind?: string } | undefined)?.kind !== 'running')
          throw new Error(step.text);
        return readJsonFile(join(repo.path, '.autolab', 'state.json')).stage === 'update_docs' ? true : undefined;
      },
      240,
    );
    const manifest = readJsonFile(join(repo.iteration, 'runs', runId, 'run_manifest.json'));
    expectWholeRun(runId, String(manifest.job_id));
  });
});

test('an experiment that fails reaches extraction, with what is missing named', { timeout: LIMIT }, async () => {
  repo = await makeRepo(
    SLURM_POLICY,
    (path) => {
      onSlurm(path);
      const script = join(path, 'experiments/plan/penguins-softmax/launch/run_slurm.sbatch');
      writeFileSync(script, readFileSync(script, 'utf8').replace(/^node .*$/m, '[ "$AUTOLAB_TASK_INDEX" != 3 ] || exit 9\n$&'));
    },
    slurm.identity,
  );
  const submitted = await repo.json<Submitted>('submit');
  const state = await until(
    'it has ended',
    async () => {
      const { all_over, runs } = await repo.json<{ all_over: boolean; runs: { state: string; line: string }[] }>('monitor');
      return all_over ? runs[0] : undefined;
    },
    240,
  );
  expect(state).toMatchObject({ state: 'partial', line: expect.stringContaining('4/5 tasks done, 1 failed: 3') });
  const told = await repo.json<{ runs: object[] }>('runs', '--run-id', submitted.run_id);
  expect(JSON.stringify(told.runs[0])).toContain('exit code 9');
  await repo.autolab('sync');
  await repo.autolab('extract');
  const metrics = readJsonFile(join(repo.iteration, 'runs', submitted.run_id, 'metrics.json'));
  expect(referenceFindings('metrics', metrics)).toEqual([]);
  expect(metrics.status).toMatch(/^(?:partial|failed)$/);
});

test('W18: from inside an allocation the job is one of its own, planned, priced and run the same', {
  timeout: LIMIT,
}, async () => {
  repo = await makeRepo(
    SLURM_POLICY,
    (path) => oneTask(path, `env -0 | grep -z '^S[LB][UA]' | tr '\\0' '\\n' | sort >runs/../seen; echo done >>runs/../seen`),
    slurm.identity,
  );
  const dry = await repo.json<Submitted>('submit', '--dry-run');
  const allocation = ['srun', '--ntasks=1', '--cpus-per-task=4', '--mem=300', '--time=5', '--gres=gpu:2', '--job-name=around'];
  const [program, ...rest] = slurm.identity.as([...allocation, ...slurm.identity.words.slice(-2), 'submit', '--json']);
  const { stdout } = await execa(program, rest, { cwd: repo.path, stdin: 'ignore' });
  const submitted = JSON.parse(stdout) as Submitted;
  expect(submitted).toMatchObject({ already: false, plan_digest: dry.plan_digest, price: dry.price });
  const { stdout: job } = await slurm.run('scontrol', 'show', 'job', submitted.job_id);
  expect(job).toMatch(/NumCPUs=1 /);
  expect(job).not.toContain('gpu');
  const seen = await until('it has run', async () => {
    const file = join(repo.iteration, 'seen');
    const text = existsSync(file) ? readFileSync(file, 'utf8') : '';
    return text.endsWith('done\n') ? text : undefined;
  });
  expect(seen).toContain(`SLURM_JOB_ID=${submitted.job_id}\n`);
  expect(seen).toContain('SLURM_JOB_NAME=penguins-softmax\n');
  expect(seen).not.toMatch(/=around$|GPU|^SLURM_CPUS_PER_TASK=4$|^SBATCH_/m);
  await until('it is over', async () => ((await repo.json<{ all_over: boolean }>('monitor')).all_over ? true : undefined), 120);
});

test('a watcher alone takes a run from its submission to its metrics', { timeout: LIMIT }, async () => {
  repo = await makeRepo(SLURM_POLICY, onSlurm, slurm.identity);
  const { run_id, job_id } = await repo.json<Submitted>('submit');
  const [program, ...words] = slurm.identity.words;
  const watcher = execa(program, [...words, 'watch'], { cwd: repo.path, stdin: 'ignore', reject: false });
  try {
    const runs = () => repo.json<{ runs: { state: string }[] }>('runs', run_id);
    await until('it is completed', async () => ((await runs()).runs[0]?.state === 'completed' ? true : undefined), 240);
  } finally {
    watcher.kill('SIGTERM');
    await watcher;
  }
  expectWholeRun(run_id, job_id);
});
