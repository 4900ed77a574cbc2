import { join } from 'node:path';
import { Failure } from '../../base/errors.ts';
import type { Results } from '../results/extraction.ts';
import type { ExpectedMetrics, Metrics } from '../results/metrics.ts';
import { readMetrics } from '../results/metrics.ts';
import type { Run } from '../run.ts';

/** The metrics of a group's runs, in their order. Fails with `not_ready` while one of them has none. */
export function partMetrics(base: Run, expected: ExpectedMetrics): Metrics[] {
  return (base.replicates ?? []).map((run) => {
    if (run.record.extraction) return readMetrics(join(run.folder, 'metrics.json'), { ...expected, runId: run.id });
    throw new Failure('not_ready', {
      what: `run ${run.id} of the group ${base.id} has no metrics yet`,
      next: `extract_results with run_id ${base.id}: it parses what is missing first`,
    });
  });
}

/** Why a parser's metrics are not those of the whole group; null where they are. */
export function fallsShort(given: Metrics, parts: readonly Metrics[]): string | null {
  const told = new Set((given.per_run_metrics ?? []).map(({ run_id }) => run_id));
  const untold = parts.filter(({ run_id }) => !told.has(run_id)).map(({ run_id }) => run_id);
  if (untold.length > 0) return `its per_run_metrics do not cover ${untold.slice(0, 5).join(', ')}`;
  return given.aggregation_method?.trim() ? null : 'it names no aggregation_method';
}

/** No result of a group is better than those of its runs. */
export function capped(given: Results, parts: readonly Metrics[]): Results {
  const status = statusOf(parts);
  if (given.metrics.status !== 'completed' || status === 'completed') return given;
  const detail = `${wordsOf(parts)}, so the result is ${status}`;
  return { ...given, metrics: { ...given.metrics, status }, detail };
}

type Summary = (run: Run, metrics: Metrics, detail: string, missing: readonly string[]) => string;

/** The mean over the runs that have a value, and every run's own figures beside it. `why` the parser's word did not do. */
export function aggregated(
  base: Run,
  expected: ExpectedMetrics,
  parts: readonly Metrics[],
  why: string,
  summary: Summary,
): Results {
  const values = parts.flatMap(({ primary_metric: { value } }) => value ?? []);
  const deltas = parts.flatMap(({ primary_metric: { value, delta_vs_baseline: delta } }) =>
    value === null ? [] : (delta ?? []),
  );
  const metrics: Metrics = {
    schema_version: '1.0',
    iteration_id: expected.iterationId,
    run_id: base.id,
    status: statusOf(parts),
    primary_metric: {
      name: expected.primaryMetric,
      value: mean(values),
      delta_vs_baseline: deltas.length === values.length ? mean(deltas) : null,
    },
    aggregation_method: 'mean',
    per_run_metrics: parts.map(({ run_id, primary_metric, status }) => ({ run_id, primary_metric, status })),
  };
  const detail = `${wordsOf(parts)}; the mean over ${values.length}, taken here, since the parser gave none for the group (${why})`;
  const missing = parts.filter(({ status }) => status !== 'completed').map(({ run_id, status }) => `run ${run_id} is ${status}`);
  return { metrics, summary: summary(base, metrics, detail, missing), detail };
}

function statusOf(parts: readonly Metrics[]): Metrics['status'] {
  if (parts.every(({ status }) => status === 'completed')) return 'completed';
  return parts.some(({ primary_metric: { value } }) => value !== null) ? 'partial' : 'failed';
}

function wordsOf(parts: readonly Metrics[]): string {
  return `${parts.filter(({ status }) => status === 'completed').length} of ${parts.length} runs are completed`;
}

function mean(values: readonly number[]): number | null {
  return values.length === 0 ? null : values.reduce((sum, value) => sum + value, 0) / values.length;
}
