import type { Metrics } from '../../runs/results/metrics.ts';

/** One number of a replicate, and which replicate it is of. */
export type Value = { of: string; value: number };
/** What belongs together of a run's numbers. `sd` is the sample's standard deviation (n - 1): null below two values. */
export type Series = {
  name: string;
  role: 'result' | 'baseline';
  values: readonly Value[];
  mean: number | null;
  sd: number | null;
};

/** Mean and standard deviation of what is there. */
export function seriesOf(name: string, role: Series['role'], values: readonly Value[]): Series {
  const numbers = values.map(({ value }) => value);
  const mean = numbers.length === 0 ? null : sum(numbers) / numbers.length;
  const sd =
    mean === null || numbers.length < 2
      ? null
      : Math.sqrt(sum(numbers.map((value) => (value - mean) ** 2)) / (numbers.length - 1));
  return { name, role, values, mean: finite(mean), sd: finite(sd) };
}

/**
 * The primary metric of a run by replicates, from where it is told in most detail: the runs of a group, else the entries of the result
 * lists that have a number under the metric's name, else the one value there is. Baselines come after what is compared with them.
 */
export function seriesIn(name: string, metrics: Metrics, runs: readonly Value[] | undefined): Series[] {
  const metric = metrics.primary_metric.name;
  const variants = grouped(metrics.variant_results ?? [], metric, 'result');
  const baselines = grouped(metrics.baseline_results ?? [], metric, 'baseline');
  if (runs) return [seriesOf(name, 'result', runs), ...baselines];
  if (variants.length > 0) return [...variants, ...baselines];
  const told = (metrics.per_run_metrics ?? []).flatMap(({ run_id, primary_metric: { value } }) =>
    value === null ? [] : [{ of: run_id, value }],
  );
  const { value } = metrics.primary_metric;
  const own = told.length > 0 ? told : value === null ? [] : [{ of: metrics.run_id, value }];
  return own.length > 0 ? [seriesOf(name, 'result', own), ...baselines] : baselines;
}

/** Entries by the name they carry. What has no number under the metric's name is about something else. */
function grouped(entries: readonly Record<string, unknown>[], metric: string, role: Series['role']): Series[] {
  const groups = new Map<string, Value[]>();
  for (const entry of entries) {
    const value = Object.hasOwn(entry, metric) ? entry[metric] : undefined;
    if (typeof value !== 'number') continue;
    const name = typeof entry.name === 'string' ? entry.name : role === 'result' ? 'variant' : 'baseline';
    const values = groups.get(name) ?? [];
    values.push({ of: replicateOf(entry) ?? String(values.length + 1), value });
    groups.set(name, values);
  }
  return [...groups].map(([name, values]) => seriesOf(name, role, values));
}

function replicateOf({ replicate, run_id, seed }: Record<string, unknown>): string | undefined {
  const parts = [
    simple(run_id),
    simple(replicate) === undefined ? undefined : `replicate ${simple(replicate)}`,
    simple(seed) === undefined ? undefined : `seed ${simple(seed)}`,
  ].filter((part) => part !== undefined);
  return parts.length > 0 ? parts.join(', ') : undefined;
}

function simple(value: unknown): string | undefined {
  return typeof value === 'string' || typeof value === 'number' ? String(value) : undefined;
}

function finite(value: number | null): number | null {
  return value !== null && Number.isFinite(value) ? value : null;
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}
