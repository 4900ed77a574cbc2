import type { Check } from './check.ts';
import { got, unreadable } from './findings.ts';

export const metricsValid: Check = {
  code: 'metrics_valid',
  title: 'the run has a valid metrics.json',
  stages: ['extract_results'],
  needs: 'schema',
  before: false,
  judge: ({ run }) => {
    if (run === null) return [];
    if (got(run.metrics) !== null) return unreadable(run.metrics);
    return [{ what: `run ${run.id} has no metrics.json`, where: run.folder, next: 'run `autolab-mcp extract`' }];
  },
};
