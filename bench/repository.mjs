import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { run } from './processes.mjs';

/** Limits that a benchmark does not run into; every rule is judged all the same. */
const POLICY = `policy_resolution: { default_preset: local_dev }
gate:
  limits:
    jobs: { active: 1000, pending: 1000, submits_per_hour: 100000 }
    scheduler: { calls_per_hour: 100000, poll_seconds: 1 }
`;

const DESIGN = `schema_version: "1.0"
id: b1
iteration_id: bench
hypothesis_id: h1
entrypoint: { module: bench.main }
compute: { location: local, walltime_estimate: "00:01:00", memory_estimate: "100MB" }
metrics:
  primary: { name: executions, unit: count, mode: maximize }
  success_delta: "0"
  aggregation: sum
  baseline_comparison: none
baselines: [{ name: none, description: there is none }]
implementation_requirements: [{ requirement_id: r1, description: runs once, scope_kind: experiment }]
extract_parser: { kind: command, command: "cat metrics.json" }
`;

const REVIEW = {
  status: 'pass',
  blocking_findings: [],
  required_checks: { tests: 'pass', dry_run: 'skip', schema: 'pass', env_smoke: 'pass', docs_target_update: 'skip' },
  reviewed_at: '2026-01-01T00:00:00Z',
};

/** A repository with the smallest whole experiment in it: one task that runs `script`. Gives its state folder, which lies elsewhere, too. */
export async function makeRepository(main, path, script) {
  mkdirSync(path, { recursive: true });
  const made = JSON.parse(await run(process.execPath, [main, 'init', 'bench', '--json'], { cwd: path }));
  const iteration = join(path, 'experiments', 'plan', 'bench');
  writeFileSync(join(path, '.autolab', 'verifier_policy.yaml'), POLICY);
  mkdirSync(join(iteration, 'launch'), { recursive: true });
  writeFileSync(join(iteration, 'launch', 'run_local.sh'), script, { mode: 0o755 });
  writeFileSync(join(iteration, 'launch', 'launch.yaml'), 'schema_version: "1"\nsite: local\n');
  writeFileSync(join(iteration, 'hypothesis.md'), '# Hypothesis\n\nOne task runs once.\n');
  writeFileSync(join(iteration, 'review_result.json'), JSON.stringify(REVIEW, null, 2));
  writeFileSync(join(iteration, 'design.yaml'), DESIGN);
  const git = (...args) => run('git', args, { cwd: path });
  await git('init', '-q');
  await git('add', '-A');
  await git('-c', 'user.name=bench', '-c', 'user.email=bench@localhost', 'commit', '-qm', 'bench');
  return {
    path,
    iteration,
    state: made.state_folder,
    remove: () => {
      rmSync(made.state_folder, { recursive: true, force: true });
      rmSync(path, { recursive: true, force: true, maxRetries: 5 });
    },
  };
}

/** A manifest of a run on a cluster, as the ledger takes it. */
export function writeManifest(repo, number) {
  const runId = `20260101T000000Z_${number.toString(16).padStart(6, '0')}`;
  const folder = join(repo.iteration, 'runs', runId);
  mkdirSync(folder, { recursive: true });
  const manifest = {
    schema_version: '1.0',
    run_id: runId,
    iteration_id: 'bench',
    host_mode: 'slurm',
    job_id: String(100000 + number),
    status: 'submitted',
    started_at: '2026-01-01T00:00:00Z',
  };
  writeFileSync(join(folder, 'run_manifest.json'), `${JSON.stringify(manifest, null, 2)}\n`);
  return `experiments/plan/bench/runs/${runId}/run_manifest.json`;
}
