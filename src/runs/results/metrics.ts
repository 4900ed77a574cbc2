import { z } from 'zod';
import { Failure } from '../../base/errors.ts';
import { jsonText, readText } from '../../base/files.ts';
import { readJsonText } from '../autolab/json.ts';
import { pathText, placeOf, validate } from '../autolab/validate.ts';
import type { Positioned } from '../autolab/yaml.ts';

const number = z.number().nullable();
const metric = z.strictObject({ name: z.string().min(1), value: number, delta_vs_baseline: number });
const results = z.array(z.record(z.string(), z.unknown()));

/** metrics.json as Autolab's own schema has it: closed, but for the entries of the result lists. */
export const metricsSchema = z.strictObject({
  schema_version: z.literal('1.0'),
  iteration_id: z.string(),
  run_id: z.string(),
  status: z.enum(['completed', 'partial', 'failed']),
  primary_metric: metric,
  baseline_results: results.optional(),
  variant_results: results.optional(),
  aggregation_method: z.string().optional(),
  per_run_metrics: z.array(z.looseObject({ run_id: z.string(), primary_metric: metric })).optional(),
});

export type Metrics = z.output<typeof metricsSchema>;

/** Whose metrics they must be, and which metric the design calls primary. */
export type ExpectedMetrics = { iterationId: string; runId: string; primaryMetric: string };

/** The metrics of a run. `file_missing`, or `file_invalid` with place, value and remedy; never a partly valid object. */
export function readMetrics(path: string, expected: ExpectedMetrics): Metrics {
  const text = readText(path);
  if (text === undefined)
    throw new Failure('file_missing', { what: `there is no ${path}`, next: 'run `autolab-mcp extract` to make it' });
  return parseMetrics(text, path, expected);
}

/** The same from text, be it a file or a parser's answer; `file` is only named in messages. */
export function parseMetrics(text: string, file: string, expected: ExpectedMetrics): Metrics {
  const read = readJsonText(text, file);
  const metrics = validate(
    metricsSchema,
    read,
    'metrics.json is closed; further figures go into variant_results or baseline_results',
  );
  refuseInfinite(read.value, [], read);
  same(read, ['iteration_id'], metrics.iteration_id, expected.iterationId);
  same(read, ['run_id'], metrics.run_id, expected.runId);
  same(read, ['primary_metric', 'name'], metrics.primary_metric.name, expected.primaryMetric);
  return metrics;
}

/** metrics.json as it is written: valid for the reference in its strict form. */
export function metricsText(metrics: Metrics): string {
  return jsonText(metrics);
}

/** The honest metrics of a run that gave no number: failed, or partial where some of it is there. */
export function missingMetrics(run: ExpectedMetrics & { status: 'failed' | 'partial' }): Metrics {
  return {
    schema_version: '1.0',
    iteration_id: run.iterationId,
    run_id: run.runId,
    status: run.status,
    primary_metric: { name: run.primaryMetric, value: null, delta_vs_baseline: null },
  };
}

/** Completed without a number: valid to the schema, but nothing that a result can rest on. */
export function isUnmeasured(metrics: Metrics): boolean {
  return metrics.status === 'completed' && metrics.primary_metric.value === null;
}

/** `1e999` is JSON and no finite number. The schema sees it where it knows a field; this sees it anywhere. */
function refuseInfinite(value: unknown, path: readonly PropertyKey[], read: Positioned): void {
  if (typeof value === 'number' && !Number.isFinite(value)) {
    throw new Failure('file_invalid', {
      what: `${placeOf(read, path)}: ${pathText(path)} is not a finite number`,
      next: 'let the parser write null where there is no finite number',
    });
  }
  if (typeof value !== 'object' || value === null) return;
  const members = Array.isArray(value) ? value.entries() : Object.entries(value);
  for (const [key, member] of members) refuseInfinite(member, [...path, key], read);
}

function same(read: Positioned, path: readonly PropertyKey[], actual: string, expected: string): void {
  if (actual === expected) return;
  throw new Failure('file_invalid', {
    what: `${placeOf(read, path)}: ${pathText(path)} is ${JSON.stringify(actual)}; expected ${JSON.stringify(expected)}`,
    why: path.length > 1 ? 'the primary metric is the one that design.yaml names' : 'these are the metrics of something else',
    next: `let the parser write ${JSON.stringify(expected)}`,
  });
}
