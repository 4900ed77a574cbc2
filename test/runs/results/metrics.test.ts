import { expect, test } from 'vitest';
import {
  isUnmeasured,
  type Metrics,
  metricsText,
  missingMetrics,
  parseMetrics,
  readMetrics,
} from '../../../src/runs/results/metrics.ts';
import { referenceFindings } from '../../reference-schemas/reference.ts';
import { failureOf } from '../failing.ts';

const EXPECTED = { iterationId: 'penguins-1', runId: '20260201T101112Z_abc123', primaryMetric: 'accuracy' };
const METRICS: Metrics = {
  schema_version: '1.0',
  iteration_id: EXPECTED.iterationId,
  run_id: EXPECTED.runId,
  status: 'completed',
  primary_metric: { name: 'accuracy', value: 0.97, delta_vs_baseline: null },
  baseline_results: [{ name: 'majority', accuracy: 0.44 }],
  variant_results: [],
  aggregation_method: 'mean',
  per_run_metrics: [{ run_id: 'r1', primary_metric: { name: 'accuracy', value: 0.97, delta_vs_baseline: 0.53 }, seed: 1 }],
};
const TEXT = metricsText(METRICS);

test('metrics are read whole, and what is written satisfies the reference', () => {
  expect(parseMetrics(TEXT, 'metrics.json', EXPECTED)).toEqual(METRICS);
  expect(referenceFindings('metrics', JSON.parse(TEXT))).toEqual([]);
  expect(isUnmeasured(METRICS)).toBe(false);
});

test.each(['failed', 'partial'] as const)('a %s run gets metrics without a number', (status) => {
  const missing = missingMetrics({ ...EXPECTED, status });
  expect(missing).toEqual({
    schema_version: '1.0',
    iteration_id: 'penguins-1',
    run_id: '20260201T101112Z_abc123',
    status,
    primary_metric: { name: 'accuracy', value: null, delta_vs_baseline: null },
  });
  expect(referenceFindings('metrics', missing)).toEqual([]);
  expect(parseMetrics(metricsText(missing), 'm', EXPECTED)).toEqual(missing);
});

test('completed without a number is told apart', () => {
  expect(isUnmeasured({ ...METRICS, primary_metric: { name: 'accuracy', value: null, delta_vs_baseline: null } })).toBe(true);
});

const CLOSED = 'metrics.json is closed; further figures go into variant_results or baseline_results';
const OTHER = 'these are the metrics of something else';
const UNDEFINED = 'JSON has no such value, and an undefined result is not a result';

test.each([
  [
    '0.97,',
    'NaN,',
    'm.json:8:14: NaN is not a number (near "value")',
    UNDEFINED,
    'let the parser write null where there is no finite number (m.json line 8)',
  ],
  [
    '0.44',
    '-Infinity',
    'm.json:14:19: -Infinity is not a number (near "accuracy")',
    UNDEFINED,
    'let the parser write null where there is no finite number (m.json line 14)',
  ],
  [
    '0.44',
    '1e999',
    'm.json:14:19: baseline_results[0].accuracy is not a finite number',
    undefined,
    'let the parser write null where there is no finite number',
  ],
  [
    '0.97,',
    '"0.97",',
    'm.json:8:14: primary_metric.value is "0.97"; expected a number',
    CLOSED,
    'change primary_metric.value (m.json:8:14)',
  ],
  [
    '"aggregation_method"',
    '"agregation_method"',
    'm.json:18:3: unknown key "agregation_method" in the file',
    CLOSED,
    'write aggregation_method instead of agregation_method (m.json:18:3)',
  ],
  [
    '"completed"',
    '"done"',
    'm.json:5:13: status is "done"; expected one of "completed", "partial", "failed"',
    CLOSED,
    'change status (m.json:5:13)',
  ],
  [
    'penguins-1',
    'penguins-2',
    'm.json:3:19: iteration_id is "penguins-2"; expected "penguins-1"',
    OTHER,
    'let the parser write "penguins-1"',
  ],
  [
    '_abc123',
    '_abc124',
    'm.json:4:13: run_id is "20260201T101112Z_abc124"; expected "20260201T101112Z_abc123"',
    OTHER,
    'let the parser write "20260201T101112Z_abc123"',
  ],
  [
    '"accuracy",\n    "value"',
    '"loss",\n    "value"',
    'm.json:7:13: primary_metric.name is "loss"; expected "accuracy"',
    'the primary metric is the one that design.yaml names',
    'let the parser write "accuracy"',
  ],
])('%j written as %j is refused', (good, bad, what, why, next) => {
  expect(TEXT).toContain(good);
  const failure = failureOf(() => parseMetrics(TEXT.replace(good, bad), 'm.json', EXPECTED));
  expect(failure).toEqual({ code: 'file_invalid', what, ...(why === undefined ? {} : { why }), next, retry: false });
});

test('the words NaN and Infinity may stand in text', () => {
  const text = metricsText({ ...METRICS, aggregation_method: 'mean without "NaN" and Infinity' });
  expect(parseMetrics(text, 'm', EXPECTED).aggregation_method).toBe('mean without "NaN" and Infinity');
});

test('an empty file and a missing file are different failures', () => {
  expect(failureOf(() => parseMetrics('', 'm.json', EXPECTED))).toEqual({
    code: 'file_invalid',
    what: 'm.json is not JSON',
    why: 'the file is empty',
    next: 'write m.json again, or restore it from git',
    retry: false,
  });
  expect(failureOf(() => readMetrics('/nowhere/metrics.json', EXPECTED)).code).toBe('file_missing');
});
