import type { Check } from './check.ts';
import { got, placeIn } from './findings.ts';

export const metricNameAgrees: Check = {
  code: 'metric_name_agrees',
  title: 'the primary metric is the one that design.yaml names',
  stages: ['extract_results'],
  needs: 'consistency',
  before: false,
  judge: ({ run, design }) => {
    const metrics = run && got(run.metrics);
    const name = got(design)?.primaryMetric.name;
    if (!metrics || name === undefined || metrics.value.primary_metric.name === name) return [];
    return [
      {
        what: `primary_metric.name is ${JSON.stringify(metrics.value.primary_metric.name)}; design.yaml names ${JSON.stringify(name)}`,
        where: placeIn(metrics, 'primary_metric', 'name'),
        next: `let the parser write ${JSON.stringify(name)}, then extract again`,
      },
    ];
  },
};
