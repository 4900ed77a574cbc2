import type { Check, Finding } from './check.ts';
import { got, placeIn } from './findings.ts';

const UNFILLED = /<(?:iteration_id|run_id)>|\{\{\s*\w+\s*\}\}|\b(?:placeholder|TODO|TBD)\b/i;

export const resultSanity: Check = {
  code: 'result_sanity',
  title: 'the metrics are measured, finite, and no better than the run',
  stages: ['extract_results'],
  needs: 'env_smoke',
  before: false,
  judge: ({ run }) => {
    const metrics = run && got(run.metrics);
    if (!run || !metrics) return [];
    const { status, primary_metric: primary } = metrics.value;
    const found: Finding[] = [];
    if (status === 'completed' && primary.value === null) {
      found.push({
        what: `status is completed, and ${primary.name} has no value`,
        where: placeIn(metrics, 'primary_metric', 'value'),
        next: 'let the parser write the value, or status partial or failed',
      });
    }
    const state = got(run.manifest)?.value.status;
    if (status === 'completed' && state !== undefined && state !== 'completed' && state !== 'synced') {
      found.push({
        what: `status is completed, and the run is ${state}`,
        where: placeIn(metrics, 'status'),
        next: 'run `autolab-mcp extract`: metrics of a run that did not complete say so',
      });
    }
    for (const { path, what } of odd(metrics.value, [])) {
      found.push({ what, where: placeIn(metrics, ...path), next: 'let the parser write what was measured, or null' });
    }
    return found;
  },
};

/** Numbers that are none and words that a template left, anywhere. */
function odd(value: unknown, path: readonly PropertyKey[]): { path: readonly PropertyKey[]; what: string }[] {
  const name = path.map(String).join('.');
  if (typeof value === 'number' && !Number.isFinite(value)) return [{ path, what: `${name} is not a finite number` }];
  if (typeof value === 'string' && UNFILLED.test(value))
    return [{ path, what: `${name} is ${JSON.stringify(value.slice(0, 80))}` }];
  if (typeof value !== 'object' || value === null) return [];
  const members: [PropertyKey, unknown][] = Array.isArray(value) ? [...value.entries()] : Object.entries(value);
  return members.flatMap(([key, member]) => odd(member, [...path, key]));
}
