/** Autolab's stages, in their order. */
export const STAGES = [
  'hypothesis',
  'design',
  'implementation',
  'implementation_review',
  'launch',
  'slurm_monitor',
  'extract_results',
  'update_docs',
  'decide_repeat',
  'human_review',
  'stop',
] as const;
export type Stage = (typeof STAGES)[number];

/** What `verify` can run for a stage. */
export const CATEGORIES = [
  'tests',
  'dry_run',
  'schema',
  'prompt_lint',
  'consistency',
  'env_smoke',
  'docs_target_update',
] as const;
export type Category = (typeof CATEGORIES)[number];

const HOST_IS_SLURM = [{ host_mode: 'slurm', outputs: ['docs/slurm_job_list.md'] }];
const MANIFEST = 'runs/<RUN_ID>/run_manifest.json';

type Row = { next: string; can: readonly Category[]; outputs: readonly string[]; more?: Readonly<Record<string, unknown>> };

const REVIEWED = ['schema', 'prompt_lint', 'consistency'] as const;
const ROWS: Readonly<Record<Stage, Row>> = {
  hypothesis: { next: 'design', can: ['schema', 'prompt_lint'], outputs: ['hypothesis.md'] },
  design: { next: 'implementation', can: ['schema', 'prompt_lint'], outputs: ['design.yaml'] },
  implementation: {
    next: 'implementation_review',
    can: ['dry_run', 'schema', 'prompt_lint'],
    outputs: ['implementation_plan.md'],
  },
  implementation_review: {
    next: 'launch',
    can: ['dry_run', ...REVIEWED, 'env_smoke', 'docs_target_update'],
    outputs: ['implementation_review.md', 'review_result.json'],
  },
  launch: {
    next: 'slurm_monitor',
    can: [...REVIEWED, 'env_smoke'],
    outputs: [MANIFEST],
    more: { required_outputs_any_of: [['launch/run_local.sh', 'launch/run_slurm.sbatch']], required_outputs_if: HOST_IS_SLURM },
  },
  slurm_monitor: {
    next: 'extract_results',
    can: [...REVIEWED, 'env_smoke'],
    outputs: [MANIFEST],
    more: { required_outputs_if: HOST_IS_SLURM },
  },
  extract_results: {
    next: 'update_docs',
    can: [...REVIEWED, 'env_smoke'],
    outputs: ['runs/<RUN_ID>/metrics.json', 'analysis/summary.md'],
  },
  update_docs: { next: 'decide_repeat', can: [...REVIEWED, 'docs_target_update'], outputs: ['docs_update.md'] },
  decide_repeat: {
    next: '',
    can: REVIEWED,
    outputs: ['decision_result.json'],
    more: {
      decision_map: Object.fromEntries(
        ['design', 'hypothesis', 'implementation', 'stop', 'human_review'].map((stage) => [stage, stage]),
      ),
    },
  },
  human_review: { next: '', can: [], outputs: [] },
  stop: { next: '', can: [], outputs: [] },
};

const TERMINAL: readonly Stage[] = ['human_review', 'stop'];
const DECISIONS: readonly Stage[] = ['hypothesis', 'design', 'implementation', 'decide_repeat', 'human_review', 'stop'];
const DETERMINISTIC: readonly Stage[] = ['launch', 'slurm_monitor', 'extract_results'];

/** The stage registry that `init` writes as workflow.yaml: the reference's own, as data. */
export const DEFAULT_WORKFLOW = {
  schema_version: '1.0',
  stages: Object.fromEntries(STAGES.map((name) => [name, spec(name, ROWS[name])])),
};

function spec(name: Stage, row: Row): Record<string, unknown> {
  const terminal = TERMINAL.includes(name);
  return {
    prompt_file: `stage_${name}.audit.md`,
    required_tokens: DETERMINISTIC.includes(name)
      ? ['iteration_id', 'iteration_path', 'run_id']
      : ['iteration_id', 'iteration_path'],
    required_outputs: row.outputs,
    ...row.more,
    next_stage: row.next,
    verifier_categories: Object.fromEntries(CATEGORIES.map((category) => [category, row.can.includes(category)])),
    classifications: {
      active: !terminal,
      terminal,
      decision: DECISIONS.includes(name),
      runner_eligible: !terminal && !DETERMINISTIC.includes(name),
    },
  };
}
