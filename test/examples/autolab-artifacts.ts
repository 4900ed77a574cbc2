import * as z from 'zod';

const text = z.string().min(1);
const primaryMetric = z.strictObject({
  name: z.string(),
  value: z.number().nullable(),
  delta_vs_baseline: z.number().nullable(),
});
const openObjects = z.array(z.looseObject({}));

/** Autolab's artifact schemas in their closed form, written out once more so that an example is not judged by the product's own. */
export const metricsSchema = z.strictObject({
  schema_version: z.literal('1.0'),
  iteration_id: z.string(),
  run_id: z.string(),
  status: z.enum(['completed', 'partial', 'failed']),
  primary_metric: primaryMetric,
  baseline_results: openObjects.optional(),
  variant_results: openObjects.optional(),
  aggregation_method: z.string().optional(),
  per_run_metrics: z.array(z.looseObject({ run_id: z.string(), primary_metric: primaryMetric })).optional(),
});

export const designSchema = z.strictObject({
  schema_version: z.literal('1.0'),
  id: text,
  iteration_id: z.string(),
  hypothesis_id: z.string(),
  description: z.string().optional(),
  entrypoint: z.strictObject({
    module: z.string(),
    args: z.looseObject({}).optional(),
    cli: z.string().optional(),
  }),
  compute: z.strictObject({
    location: z.enum(['local', 'slurm']),
    walltime_estimate: z.string().regex(/^\d{2}:\d{2}:\d{2}$/),
    memory_estimate: z.string().regex(/^\d+[KMGT]?B$/),
    gpu_count: z.int().min(0).nullable(),
    num_nodes: z.int().min(1),
    seed: z.int().nullable(),
    notes: z.string(),
  }),
  metrics: z.strictObject({
    primary: z.strictObject({ name: z.string(), unit: z.string(), mode: z.enum(['maximize', 'minimize']) }),
    secondary: z.array(z.string()).optional(),
    success_delta: z.string(),
    aggregation: z.string(),
    baseline_comparison: z.string(),
  }),
  baselines: z.array(z.strictObject({ name: z.string(), description: z.string() })).min(1),
  variants: z.array(z.strictObject({ name: z.string(), changes: z.looseObject({}) })).min(1),
  replicates: z.strictObject({
    count: z.int().min(1).max(100),
    seed_strategy: z.enum(['increment', 'random', 'fixed']),
    base_seed: z.int(),
  }),
  implementation_requirements: z
    .array(
      z.strictObject({
        requirement_id: z.string(),
        description: z.string(),
        scope_kind: z.enum(['experiment', 'project_wide']),
        expected_artifacts: z.array(z.string()).optional(),
      }),
    )
    .min(1),
  extract_parser: z.strictObject({ kind: z.literal('command'), command: text, working_dir: z.string().optional() }),
});

export const stateSchema = z.strictObject({
  iteration_id: text,
  experiment_id: z.string(),
  stage: z.literal('launch'),
  stage_attempt: z.int().min(0),
  last_run_id: z.string(),
  pending_run_id: z.string(),
  sync_status: z.string(),
  max_stage_attempts: z.int().min(1),
  max_total_iterations: z.int().min(1),
  history: z.array(z.looseObject({})),
});

const itemStatus = z.enum(['open', 'blocked', 'in_progress', 'done', 'completed', 'closed', 'resolved']);

export const backlogSchema = z.strictObject({
  hypotheses: z.array(
    z.strictObject({
      id: text,
      status: itemStatus,
      title: text,
      success_metric: text,
      target_delta: z.union([z.number(), text]),
    }),
  ),
  experiments: z.array(
    z.strictObject({
      id: text,
      hypothesis_id: text,
      status: itemStatus,
      type: z.enum(['plan', 'in_progress', 'done']),
      iteration_id: text,
    }),
  ),
});

const check = z.enum(['pass', 'skip', 'fail']);

export const reviewSchema = z.looseObject({
  status: z.enum(['pass', 'needs_retry', 'failed']),
  blocking_findings: z.array(z.string()),
  required_checks: z.strictObject({ tests: check, dry_run: check, schema: check, env_smoke: check, docs_target_update: check }),
  reviewed_at: z.iso.datetime(),
});
