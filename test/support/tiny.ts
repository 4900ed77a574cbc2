import { cpSync, mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { execa } from 'execa';
import { pauseFolder, stateFolder } from '../../src/runs/home.ts';
import { removeFolder } from './folders.ts';
import { MAIN } from './repo.ts';

/** The smallest whole experiment: one task that notes each of its executions. */
export const SCRIPT = '#!/bin/sh\n#SBATCH --time=00:01:00\necho "$AUTOLAB_RUN_ID $AUTOLAB_ATTEMPT" >> runs/../executions.log\n';

export const TINY_POLICY = `policy_resolution: { default_preset: local_dev }
gate:
  limits:
    scheduler: { calls_per_hour: 3600, poll_seconds: 1 }
`;

export type Tiny = {
  path: string;
  iteration: string;
  run(args: string[], options?: { prefix?: string[]; env?: Record<string, string> }): Promise<Done>;
  /** The same on a terminal, where this is typed. Both streams come as one. */
  typed(answer: string, ...args: string[]): Promise<{ exit: number; said: string }>;
  remove(): void;
};
export type Done = { exit: number; signal: string; stdout: string; stderr: string };

let template: Promise<string> | undefined;

/** A copy of an initialised repository with the tiny experiment; each copy has its own identity, since identity goes by path. */
export async function makeTiny(edit?: (path: string) => void): Promise<Tiny> {
  template ??= makeTemplate();
  const path = realpathSync(mkdtempSync(join(tmpdir(), 'tiny-')));
  cpSync(await template, path, { recursive: true });
  edit?.(path);
  return {
    path,
    iteration: join(path, 'experiments', 'plan', 'tiny'),
    run: async (args, { prefix = [], env = {} } = {}) => {
      const [program = 'node', ...rest] = [...prefix, process.execPath, MAIN, ...args];
      const done = await execa(program, rest, { cwd: path, reject: false, stdin: 'ignore', env, timeout: 120_000 });
      return { exit: done.exitCode ?? -1, signal: done.signal ?? '', stdout: done.stdout, stderr: done.stderr };
    },
    typed: async (answer, ...args) => {
      const command = [process.execPath, MAIN, ...args].map((word) => `'${word}'`).join(' ');
      const options = { cwd: path, input: answer, reject: false, timeout: 120_000 } as const;
      const done = await execa('script', ['-qec', command, '/dev/null'], options);
      return { exit: done.exitCode ?? -1, said: done.stdout.replaceAll('\r', '') };
    },
    remove: () => {
      for (const folder of [stateFolder(path), pauseFolder(path)]) rmSync(folder, { recursive: true, force: true });
      removeFolder(path);
    },
  };
}

export async function forgetTemplate(): Promise<void> {
  if (template) rmSync(await template, { recursive: true, force: true });
  template = undefined;
}

async function makeTemplate(): Promise<string> {
  const path = realpathSync(mkdtempSync(join(tmpdir(), 'tiny-template-')));
  const iteration = join(path, 'experiments', 'plan', 'tiny');
  const done = await execa(process.execPath, [MAIN, 'init', 'tiny'], { cwd: path, reject: false, stdin: 'ignore' });
  if (done.exitCode !== 0) throw new Error(`init: ${done.stderr}`);
  writeFileSync(join(path, '.autolab', 'verifier_policy.yaml'), TINY_POLICY);
  mkdirSync(join(iteration, 'launch'), { recursive: true });
  writeFileSync(join(iteration, 'launch', 'run_local.sh'), SCRIPT, { mode: 0o755 });
  writeFileSync(join(iteration, 'launch', 'launch.yaml'), 'schema_version: "1"\nsite: local\n');
  writeFileSync(join(iteration, 'hypothesis.md'), '# Hypothesis\n\nOne task runs once.\n');
  writeFileSync(join(iteration, 'review_result.json'), JSON.stringify(REVIEW, null, 2));
  writeFileSync(join(iteration, 'design.yaml'), DESIGN);
  for (const args of [
    ['init', '-q'],
    ['add', '-A'],
    ['-c', 'user.name=test', '-c', 'user.email=test@localhost', 'commit', '-qm', 'tiny'],
  ])
    await execa('git', args, { cwd: path });
  rmSync(stateFolder(path), { recursive: true, force: true });
  return path;
}

const REVIEW = {
  status: 'pass',
  blocking_findings: [],
  required_checks: { tests: 'pass', dry_run: 'skip', schema: 'pass', env_smoke: 'pass', docs_target_update: 'skip' },
  reviewed_at: '2026-01-01T00:00:00Z',
};

const DESIGN = `schema_version: "1.0"
id: t1
iteration_id: tiny
hypothesis_id: h1
entrypoint: { module: tiny.main }
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
