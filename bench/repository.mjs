import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { run, until } from './processes.mjs';

/** Limits that a benchmark does not run into; every rule is judged all the same. */
const POLICY = `policy_resolution: { default_preset: local_dev }
gate:
  acts: { push: allow }
  limits:
    jobs: { active: 1000, pending: 1000, submits_per_hour: 100000 }
    scheduler: { calls_per_hour: 100000, poll_seconds: 1 }
  allow: { sites: [local, slurm, line] }
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

/**
 * A repository with the smallest whole experiment in it: one task that runs `script` on `site`. `remove` takes its state folder away too.
 * `more.sites` is the text of its sites.yaml, `more.launch` further lines of launch.yaml.
 */
export async function makeRepository(main, path, script, site = 'local', more = {}) {
  mkdirSync(path, { recursive: true });
  const { state_folder: state } = JSON.parse(await run(process.execPath, [main, 'init', 'bench', '--json'], { cwd: path }));
  const iteration = join(path, 'experiments', 'plan', 'bench');
  const remove = () => {
    rmSync(state, { recursive: true, force: true });
    rmSync(path, { recursive: true, force: true, maxRetries: 5 });
  };
  try {
    fill(path, iteration, script, site, more);
    for (const words of [
      ['init', '-q'],
      ['add', '-A'],
      ['-c', 'user.name=bench', '-c', 'user.email=bench@localhost', 'commit', '-qm', 'bench'],
    ])
      await run('git', words, { cwd: path });
  } catch (error) {
    remove();
    throw error;
  }
  return { path, iteration, reset: resetter(path, iteration), remove };
}

function fill(path, iteration, script, site, { sites, launch = '' }) {
  if (sites !== undefined) writeFileSync(join(path, '.autolab', 'sites.yaml'), sites);
  writeFileSync(join(path, '.autolab', 'verifier_policy.yaml'), POLICY);
  mkdirSync(join(iteration, 'launch'), { recursive: true });
  const name = site === 'local' ? 'run_local.sh' : 'run_slurm.sbatch';
  writeFileSync(join(iteration, 'launch', name), script, { mode: 0o755 });
  writeFileSync(join(iteration, 'launch', 'launch.yaml'), `schema_version: "1"\nsite: ${site}\n${launch}`);
  writeFileSync(join(iteration, 'hypothesis.md'), '# Hypothesis\n\nOne task runs once.\n');
  writeFileSync(join(iteration, 'review_result.json'), JSON.stringify(REVIEW, null, 2));
  writeFileSync(join(iteration, 'design.yaml'), DESIGN.replace('location: local', `location: ${site}`));
}

/** Takes away what submissions have left, once their jobs are over: the repository is then as if none had been. */
function resetter(path, iteration) {
  const runner = join(path, '.autolab', 'gate', 'runner', 'local');
  const before = [join(path, '.autolab', 'state.json'), join(path, 'docs', 'slurm_job_list.md')].map((file) => [
    file,
    readFileSync(file),
  ]);
  const list = (folder) => (existsSync(folder) ? readdirSync(folder) : []);
  return async () => {
    for (const id of list(join(runner, 'jobs'))) {
      await until(`job ${id} is over`, () => existsSync(join(runner, 'jobs', id, 'over')) || undefined);
      for (const part of ['jobs', 'ids']) rmSync(join(runner, part, id), { recursive: true, maxRetries: 5 });
    }
    for (const place of [join(path, '.autolab', 'gate', 'open'), join(iteration, 'runs')])
      for (const name of list(place)) await takeAway(join(place, name));
    for (const [file, content] of before) writeFileSync(file, content);
  };
}

/** A job that was cancelled may be writing its marker: what appears meanwhile is taken away, too. */
function takeAway(path) {
  return until(`${path} is gone`, () => {
    try {
      rmSync(path, { recursive: true, force: true });
      return true;
    } catch (error) {
      if (error.code === 'ENOTEMPTY') return undefined;
      throw error;
    }
  });
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
    status: 'completed',
    started_at: '2026-01-01T00:00:00Z',
  };
  writeFileSync(join(folder, 'run_manifest.json'), `${JSON.stringify(manifest, null, 2)}\n`);
  return `experiments/plan/bench/runs/${runId}/run_manifest.json`;
}
