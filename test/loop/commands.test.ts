import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { referenceFindings } from '../reference-schemas/reference.ts';
import { journalOf, movesOf, readJsonFile } from '../support/artifacts.ts';
import type { Repo } from '../support/repo.ts';
import { makeRepo, until } from '../support/repo.ts';

let repo: Repo;
beforeAll(async () => {
  repo = await makeRepo();
});
afterAll(() => repo.cleanup());

type Submitted = {
  run_id: string;
  state: string;
  job_id: string;
  already: boolean;
  plan_digest: string;
  price: Record<string, number>;
  decision: { verdict: string } | null;
};
type Looked = { all_over: boolean; runs: { state: string; line: string }[] };

/** The loop as a person types it, from a dry run to the metrics; every artifact is looked at whole. */
test('launch, monitor, sync and extract by typed commands', async () => {
  const dry = await repo.json<Submitted>('submit', '--dry-run');
  expect(dry).toMatchObject({ run_id: null, state: null, decision: { verdict: 'allow' } });
  expect(existsSync(join(repo.iteration, 'runs'))).toBe(false);
  // 5 tasks of 1 cpu and 1 GB for 5 minutes.
  expect(dry.price).toEqual({ cpu_hours: 25 / 60, gpu_hours: 0, memory_gb_hours: 25 / 60, node_hours: 25 / 60 });

  const submitted = await repo.json<Submitted>('submit');
  expect(submitted).toMatchObject({ already: false, plan_digest: dry.plan_digest, job_id: expect.any(String) });
  const again = await repo.json<Submitted>('submit');
  expect(again).toMatchObject({ run_id: submitted.run_id, job_id: submitted.job_id, already: true });

  await until('every task has ended', async () => ((await repo.json<Looked>('monitor')).all_over ? true : undefined));
  expect((await repo.autolab('sync')).exit).toBe(0);
  const extracted = await repo.autolab('extract');
  expect(extracted).toMatchObject({ exit: 0, stderr: '' });
  expect(extracted.stdout).toContain('heldout_accuracy = 0.986275');

  const folder = join(repo.iteration, 'runs', submitted.run_id);
  expect(movesOf(folder)).toEqual(['pending -> submitted', 'submitted -> running', 'running -> synced', 'synced -> completed']);
  expect(journalOf(folder).filter((row) => row.event === 'submitted')).toHaveLength(1);

  const manifest = readJsonFile(join(folder, 'run_manifest.json'));
  expect(referenceFindings('run_manifest', manifest)).toEqual([]);
  expect(manifest).toMatchObject({
    run_id: submitted.run_id,
    iteration_id: 'penguins-softmax',
    host_mode: 'slurm',
    scheduler: 'local',
    status: 'completed',
    job_id: submitted.job_id,
    artifact_sync_to_local: { status: 'ok' },
    tasks: { total: 5, succeeded: 5, failed: 0 },
    timestamps: { started_at: expect.any(String), completed_at: expect.any(String) },
  });

  const metrics = readJsonFile(join(folder, 'metrics.json'));
  expect(referenceFindings('metrics', metrics)).toEqual([]);
  expect(metrics).toMatchObject({
    status: 'completed',
    primary_metric: { name: 'heldout_accuracy', value: 0.986275, delta_vs_baseline: 0.231373 },
  });
  expect(readFileSync(join(repo.iteration, 'analysis', 'summary.md'), 'utf8')).toContain(
    '| mean | | | 0.7549 | 0.9863 | +0.2314 |',
  );

  const day = new Date().toISOString().slice(0, 10);
  const row = `- ${day} | job_id=${submitted.job_id} | iteration_id=penguins-softmax | run_id=${submitted.run_id} | status=completed`;
  expect(
    readFileSync(join(repo.path, 'docs', 'slurm_job_list.md'), 'utf8')
      .trim()
      .split('\n')
      .at(-1),
  ).toBe(row);

  const state = readJsonFile(join(repo.path, '.autolab', 'state.json'));
  expect(referenceFindings('state', state)).toEqual([]);
  expect(state).toMatchObject({ stage: 'update_docs', last_run_id: submitted.run_id, pending_run_id: '', sync_status: 'ok' });
  expect((state.history as { stage_after: string }[]).map((one) => one.stage_after)).toEqual([
    'slurm_monitor',
    'extract_results',
    'update_docs',
  ]);
});

test('the ledger commands say what the cookbook says', async () => {
  const runs = await repo.json<{ runs: { run_id: string }[] }>('runs');
  const runId = runs.runs[0]?.run_id ?? '';
  const manifest = `experiments/plan/penguins-softmax/runs/${runId}/run_manifest.json`;
  const verified = await repo.autolab('slurm-job-list', 'verify', '--manifest', manifest, '--doc', 'docs/slurm_job_list.md');
  expect(verified).toMatchObject({
    exit: 0,
    stdout: expect.stringMatching(/^autolab slurm-job-list: PASS job_id=\S+, run_id=\S+$/),
  });
  const appended = await repo.autolab('slurm-job-list', 'append', '--manifest', manifest, '--doc', 'docs/slurm_job_list.md');
  expect(appended).toMatchObject({
    exit: 0,
    stdout: `autolab slurm-job-list: run_id=${runId} already present in docs/slurm_job_list.md`,
  });
  const elsewhere = await repo.autolab('slurm-job-list', 'verify', '--manifest', manifest, '--doc', 'docs/none.md');
  expect(elsewhere).toMatchObject({ exit: 1, stdout: expect.stringContaining('missing ledger entry in docs/none.md') });
});

test('the log of a task is read as data', async () => {
  const log = await repo.json<{ file: string; log_text: string; lines: number }>('logs', '--task', '3', '--lines', '2');
  expect(log).toMatchObject({ file: expect.stringMatching(/\/logs\/main\.3\.out$/), lines: 2 });
  expect(log.log_text).toMatch(/^<untrusted-log-[0-9a-f]{16}>\n/);
});

test('the audit log holds and knows every step', async () => {
  const verified = await repo.json<{ ok: boolean; lines: number }>('audit', 'verify');
  expect(verified).toMatchObject({ ok: true, findings: [] });
  const lines = readFileSync(join(repo.path, '.autolab', 'gate', 'audit.jsonl'), 'utf8')
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as { kind: string; tool: string; verdict?: string });
  const effects = lines.filter((line) => line.kind === 'effect').map((line) => line.tool);
  expect(effects.filter((tool) => tool === 'submit_run')).toHaveLength(1);
  expect(effects.slice(-3)).toEqual(['sync_artifacts', 'extract_results', 'append_ledger']);
});
