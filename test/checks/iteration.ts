import { cpSync, mkdirSync, mkdtempSync, readFileSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import type { CheckStage, Finding } from '../../src/checks/check.ts';
import { checks } from '../../src/checks/index.ts';
import type { Reads } from '../../src/context.ts';
import { openContext, terminalCaller } from '../../src/context.ts';
import { workflowText } from '../../src/runs/autolab/workflow.ts';
import { readCheckFacts } from '../../src/tools/check-facts.ts';

export const ID = 'penguins-softmax';
export const ITERATION = `experiments/plan/${ID}`;
export const RUN = '20261125T213000Z_0a1b2c';
export const RUN_FOLDER = `${ITERATION}/runs/${RUN}`;
const TEMPLATE = join(import.meta.dirname, '../../examples/penguins/repo');

/** A change of a file: its new text, an edit of the old one, or null to take it away. */
export type Change = string | null | ((old: string) => string);
export type Changes = Readonly<Record<string, Change>>;

export const MANIFEST = {
  schema_version: '1.0',
  run_id: RUN,
  iteration_id: ID,
  host_mode: 'slurm',
  launch_mode: 'slurm',
  command: 'sbatch launch/run_slurm.sbatch',
  resource_request: { cpus: 1, memory: '1GB', gpu_count: 0 },
  job_id: '4711',
  slurm: { job_id: '4711' },
  status: 'completed',
  artifact_sync_to_local: { status: 'ok' },
  timestamps: { started_at: '2026-11-25T21:30:00Z', completed_at: '2026-11-25T21:31:00Z' },
  started_at: '2026-11-25T21:30:00Z',
};
export const METRICS = {
  schema_version: '1.0',
  iteration_id: ID,
  run_id: RUN,
  status: 'completed',
  primary_metric: { name: 'heldout_accuracy', value: 0.98, delta_vs_baseline: 0.23 },
};
export const ROW = `- 2026-11-25 | job_id=4711 | iteration_id=${ID} | run_id=${RUN} | status=completed`;

/** A finished run as the Python Autolab leaves it, with its row and its results. */
export const FINISHED: Changes = {
  [`${RUN_FOLDER}/run_manifest.json`]: json(MANIFEST),
  [`${RUN_FOLDER}/metrics.json`]: json(METRICS),
  [`${RUN_FOLDER}/logs/launch.stdout.log`]: 'Submitted batch job 4711\n',
  [`${ITERATION}/analysis/summary.md`]: '# Summary\n\nFour measurements beat one.\n',
  'docs/slurm_job_list.md': `# SLURM job list\n${ROW}\n`,
  '.autolab/state.json': (old) => old.replace('"last_run_id": ""', `"last_run_id": "${RUN}"`),
};

const made: string[] = [];

export function makeRepository(...changes: Changes[]): string {
  const repo = realpathSync(mkdtempSync(join(tmpdir(), 'checks-')));
  made.push(repo);
  cpSync(TEMPLATE, repo, { recursive: true });
  writeFileSync(join(repo, '.autolab', 'workflow.yaml'), workflowText());
  for (const set of changes) for (const [path, change] of Object.entries(set)) apply(join(repo, path), change);
  return repo;
}

export function removeRepositories(): void {
  for (const repo of made.splice(0)) rmSync(repo, { recursive: true, force: true });
}

export async function readsOf(repo: string): Promise<Reads> {
  return await openContext({ start: repo }).acts(
    terminalCaller(),
    () => Promise.reject(new Error('not looked at here')),
    'verify_stage',
  );
}

/** What one check says of a stage, from the files on. */
export async function findingsOf(code: string, stage: CheckStage, repo: string): Promise<Finding[]> {
  const check = checks.find((one) => one.code === code);
  if (!check?.stages.includes(stage)) throw new Error(`${code} is no check of ${stage}`);
  return check.judge(readCheckFacts(await readsOf(repo), stage, ID));
}

export function json(value: unknown): string {
  return `${JSON.stringify(value, null, 2)}\n`;
}

function apply(path: string, change: Change): void {
  if (change === null) {
    rmSync(path, { recursive: true });
    return;
  }
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, typeof change === 'string' ? change : change(readFileSync(path, 'utf8')));
}
