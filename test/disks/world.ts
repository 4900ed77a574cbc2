import { cpSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, realpathSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { execa } from 'execa';
import { userFolder } from '../../src/runs/home.ts';
import type { Agent } from '../support/clients.ts';
import { legacyAgent } from '../support/clients.ts';
import { removeFolder } from '../support/folders.ts';
import { MAIN, OURSELVES, until } from '../support/repo.ts';

export type Said = { exit: number; text: string; hung: boolean };
/** A repository as it lies on disk, with all that this user keeps elsewhere for it. Its commands see both in their usual places. */
export type Cell = {
  repo: string;
  state: string;
  run(args: readonly string[], prefix?: readonly string[]): Promise<Said>;
  remove(): void;
};
/** Ids of the runs that every world begins with, and of the approval that waits in it. */
export type Ids = { done: string; open: string; other: string; failed: string; approval: string };
export type World = {
  ids: Ids;
  /** Where all cells are seen. */
  path: string;
  /** A copy as far on as that: all looked at, the open run collected, or the policy sealed. */
  cell(stage?: Stage): Promise<Cell>;
  /** Where nothing is yet. */
  bare(): Cell;
  remove(): void;
};
export type Stage = 'begun' | 'looked' | 'synced' | 'sealed';

export const ITERATIONS = ['done', 'open', 'other', 'failed', 'fresh', 'slow', 'asks'] as const;

const POLICY = `policy_resolution: { default_preset: local_dev }
gate:
  allow: { commands: [[cat]] }
  limits:
    scheduler: { calls_per_hour: 3600, poll_seconds: 1 }
`;
const EXTRA: Record<string, string> = {
  failed: '[ -e runs/../mended ] || exit 3',
  slow: 'while [ -d launch ] && [ ! -e runs/../go ]; do sleep 0.1; done',
};
const script = (name: string) => `#!/bin/sh
#SBATCH --time=${name === 'asks' ? '02:00:00' : '00:01:00'}
echo "$AUTOLAB_RUN_ID" >>runs/../executions.log
${EXTRA[name] ?? ''}
printf '{"metrics": {"schema_version": "1.0", "iteration_id": "${name}", "run_id": "%s", "status": "completed", "primary_metric": {"name": "executions", "value": 1, "delta_vs_baseline": null}}}' "$AUTOLAB_RUN_ID" >"runs/$AUTOLAB_RUN_ID/made.json"
`;
/** One that the ledger lists. */
const LISTED = 'open';
const design = (name: string) => `schema_version: "1.0"
id: d_${name}
iteration_id: ${name}
hypothesis_id: h1
entrypoint: { module: tiny.main }
compute: { location: ${name === LISTED ? 'slurm' : 'local'}, walltime_estimate: "00:01:00", memory_estimate: "100MB" }
metrics:
  primary: { name: executions, unit: count, mode: maximize }
  success_delta: "0"
  aggregation: sum
  baseline_comparison: none
baselines: [{ name: none, description: there is none }]
implementation_requirements: [{ requirement_id: r1, description: runs once, scope_kind: experiment }]
extract_parser: { kind: command, command: "cat {run_dir}/made.json" }
`;
const REVIEW = `{"status": "pass", "blocking_findings": [], "required_checks": {"tests": "pass", "dry_run": "skip", "schema": "pass", "env_smoke": "pass", "docs_target_update": "skip"}, "reviewed_at": "2026-01-01T00:00:00Z"}\n`;
const CONFIGURATION: Record<string, string> = {
  'verifier_policy.yaml': POLICY,
  'sites.yaml': 'schema_version: "1"\nsites: { local: { scheduler: local } }\n',
  'remote_profiles.yaml':
    'schema_version: "1.0"\ndefault_profile: here\nprofiles: { here: { mode: shared_fs, enabled_for_host_modes: [slurm], remote_repo_root: /srv } }\n',
  'experiment_file_line_limits.yaml': 'schema_version: "1.0"\nline_limits: {}\n',
};

/**
 * One repository with a run that is over and extracted, two that have ended and were not looked at since, a plan not submitted yet, and one
 * that waits for approval. A cell is a copy of it that its commands see where the first was, since identity goes by path; no process of
 * a job is left in it.
 */
export async function makeWorld(): Promise<World> {
  const top = realpathSync(mkdtempSync(join(tmpdir(), 'disks-')));
  const path = join(top, 'repo');
  mkdirSync(path);
  mkdirSync(userFolder(), { recursive: true });
  const first = cellAt(path, join(top, 'first'));
  await prepare(first);
  const ids = await runAll(first);
  const stages: Record<Stage, () => Promise<Cell>> = {
    begun: async () => first,
    looked: () => further('begun', 'looked', (cell) => must(cell, 'monitor')),
    synced: () => further('looked', 'synced', (cell) => must(cell, 'sync', ids.open)),
    sealed: () => further('begun', 'sealed', seal),
  };
  const made = new Map<Stage, Promise<Cell>>();
  const at = (stage: Stage): Promise<Cell> => {
    const cell = made.get(stage) ?? stages[stage]();
    made.set(stage, cell);
    return cell;
  };
  const further = async (from: Stage, to: Stage, work: (cell: Cell) => Promise<unknown>) => {
    const cell = copyOf(path, await at(from), join(top, to));
    await work(cell);
    return cell;
  };
  let cells = 0;
  return {
    ids,
    path,
    cell: async (stage = 'begun') => copyOf(path, await at(stage), join(top, `cell-${++cells}`)),
    bare: () => cellAt(path, join(top, `cell-${++cells}`)),
    remove: () => removeFolder(top),
  };
}

function copyOf(path: string, from: Cell, here: string): Cell {
  for (const part of ['repo', 'state'] as const)
    cpSync(from[part], join(here, part), { recursive: true, preserveTimestamps: true });
  return cellAt(path, here);
}

function cellAt(path: string, here: string): Cell {
  mkdirSync(join(here, 'repo'), { recursive: true });
  mkdirSync(join(here, 'state'), { recursive: true });
  return { ...cellOf(path, join(here, 'repo'), join(here, 'state')), remove: () => removeFolder(here) };
}

/** A server of it for an agent, which sees the repository where every cell is seen. */
export function agentOf(cell: Cell, path: string, prefix: readonly string[] = []): Promise<Agent> {
  const words = [
    'unshare',
    '-m',
    'sh',
    '-c',
    MOUNTED,
    cell.repo,
    path,
    cell.state,
    userFolder(),
    ...prefix,
    process.execPath,
    MAIN,
  ] as const;
  return legacyAgent('/', { ...OURSELVES, words });
}

const MOUNTED = 'mount --bind "$0" "$1" && mount --bind "$2" "$3" && cd "$1" && shift 3 && exec "$@"';

function cellOf(path: string, repo: string, state: string): Cell {
  return {
    repo,
    state,
    remove: () => {},
    run: async (args, prefix = []) => {
      const words = ['-m', 'sh', '-c', MOUNTED, repo, path, state, userFolder(), ...prefix, process.execPath, MAIN, ...args];
      // strace does not take what it traces with it when it is killed; timeout(1) kills its whole group, itself too.
      const limited = ['-s', 'KILL', '100', 'unshare', ...words];
      const done = await execa('timeout', limited, { reject: false, stdin: 'ignore', all: true });
      return { exit: done.exitCode ?? -1, text: done.all, hung: done.signal === 'SIGKILL' };
    },
  };
}

async function prepare(cell: Cell): Promise<void> {
  await must(cell, 'init', 'done');
  for (const [name, text] of Object.entries(CONFIGURATION)) writeFileSync(join(cell.repo, '.autolab', name), text);
  for (const name of ITERATIONS) {
    const folder = join(cell.repo, 'experiments', 'plan', name);
    mkdirSync(join(folder, 'launch'), { recursive: true });
    writeFileSync(join(folder, 'launch', name === LISTED ? 'run_slurm.sbatch' : 'run_local.sh'), script(name), { mode: 0o755 });
    writeFileSync(
      join(folder, 'launch', 'launch.yaml'),
      'schema_version: "1"\nsite: local\nartifacts: { expect: [{ file: made.json }] }\n',
    );
    writeFileSync(join(folder, 'hypothesis.md'), '# Hypothesis\n\nOne task runs once.\n');
    writeFileSync(join(folder, 'review_result.json'), REVIEW);
    writeFileSync(join(folder, 'design.yaml'), design(name));
  }
  for (const args of [
    ['init', '-q'],
    ['add', '-A'],
    ['-c', 'user.name=test', '-c', 'user.email=test@localhost', 'commit', '-qm', 'tiny'],
  ])
    await execa('git', args, { cwd: cell.repo });
}

async function runAll(cell: Cell): Promise<Ids> {
  const submit = async (iteration: string) =>
    (JSON.parse(await must(cell, 'submit', '--iteration', iteration, '--json')) as { run_id: string }).run_id;
  const ended = (job: number) =>
    until(
      `job ${job} is over`,
      async () => existsSync(join(cell.repo, '.autolab', 'gate', 'runner', 'local', 'jobs', String(job), 'over')) || undefined,
    );
  const done = await submit('done');
  const failed = await submit('failed');
  await until('both are over', async () => (/Nothing is waited for/.test(await must(cell, 'monitor')) ? true : undefined));
  await must(cell, 'sync', done);
  await must(cell, 'extract', done);
  await cell.run(['verify']);
  const asked = await cell.run(['submit', '--iteration', 'asks']);
  const approval = /must approve this: (\S+)\. /.exec(asked.text)?.[1];
  if (approval === undefined) throw new Error(asked.text);
  const open = await submit('open');
  const other = await submit('other');
  await ended(3);
  await ended(4);
  writeFileSync(join(cell.repo, 'experiments', 'plan', 'failed', 'mended'), '');
  return { done, open, other, failed, approval };
}

async function seal(cell: Cell): Promise<void> {
  await must(cell, 'policy', 'seal', '--expect', await sealDigest(cell));
}

/** What a seal of a cell as it is now binds to. */
export async function sealDigest(cell: Cell): Promise<string> {
  const { digest } = JSON.parse(await must(cell, 'policy', 'seal', '--dry-run', '--json')) as { digest: string };
  return digest;
}

async function must(cell: Cell, ...args: string[]): Promise<string> {
  const done = await cell.run(args);
  if (done.exit !== 0) throw new Error(`${args.join(' ')}: ${done.text}`);
  return done.text;
}

/** Where the state folder of the repository is in a cell. */
export function ownState(cell: Cell): string {
  const name = readdirSync(cell.state).find((one) => /^[0-9a-f]{24}$/.test(one));
  if (name === undefined) throw new Error(`no state folder in ${cell.state}`);
  return name;
}

export function textOf(path: string): string | undefined {
  return existsSync(path) ? readFileSync(path, 'utf8') : undefined;
}
