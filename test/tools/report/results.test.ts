import { describe, expect, test } from 'vitest';
import type { AuditLine } from '../../../src/runs/audit/audit.ts';
import type { Metrics } from '../../../src/runs/results/metrics.ts';
import { total } from '../../../src/tools/report/costs.ts';
import { decisionsAbout } from '../../../src/tools/report/decisions.ts';
import { seriesIn, seriesOf } from '../../../src/tools/report/results.ts';

const metrics = (more: Partial<Metrics> = {}): Metrics => ({
  schema_version: '1.0',
  iteration_id: 'i',
  run_id: 'r',
  status: 'completed',
  primary_metric: { name: 'acc', value: 0.5, delta_vs_baseline: 0.1 },
  ...more,
});
const told = (given: Metrics, runs?: { of: string; value: number }[]) =>
  seriesIn('r', given, runs).map(({ name, role, mean, sd, values }) => [name, role, mean, sd, values.length]);

describe('series', () => {
  test('mean and deviation of the sample', () => {
    const [two, four] = [2, 4].map((value) => ({ of: '', value }));
    expect(
      seriesOf(
        'x',
        'result',
        [two, four].flatMap((one) => one ?? []),
      ),
    ).toMatchObject({ mean: 3, sd: Math.SQRT2 });
    expect(seriesOf('x', 'result', [{ of: '', value: 2 }])).toMatchObject({ mean: 2, sd: null });
    expect(seriesOf('x', 'result', [])).toMatchObject({ mean: null, sd: null });
    const huge = [1e308, 1e308].map((value) => ({ of: '', value }));
    expect(seriesOf('x', 'result', huge)).toMatchObject({ mean: null, sd: null });
  });
  test('the one value there is', () => expect(told(metrics())).toEqual([['r', 'result', 0.5, null, 1]]));
  test('no value is no series', () =>
    expect(told(metrics({ primary_metric: { name: 'acc', value: null, delta_vs_baseline: null } }))).toEqual([]));
  test('entries of the result lists, by name; what has no number there is about something else', () =>
    expect(
      told(
        metrics({
          variant_results: [{ name: 'new', acc: 1 }, { name: 'new', acc: 3, seed: 7 }, { name: 'new', loss: 9 }, { acc: '4' }],
          baseline_results: [{ name: 'old', acc: 1 }],
        }),
      ),
    ).toEqual([
      ['new', 'result', 2, Math.SQRT2, 2],
      ['old', 'baseline', 1, null, 1],
    ]));
  test('a metric named as what every object has is looked up in the entry alone', () =>
    expect(
      told(
        metrics({ primary_metric: { name: 'constructor', value: 1, delta_vs_baseline: null }, variant_results: [{ name: 'x' }] }),
      ),
    ).toEqual([['r', 'result', 1, null, 1]]));
  test('the runs of a group, before anything else', () =>
    expect(
      told(metrics({ variant_results: [{ name: 'new', acc: 9 }] }), [
        { of: 'r_r1', value: 1 },
        { of: 'r_r2', value: 2 },
      ]),
    ).toEqual([['r', 'result', 1.5, Math.SQRT1_2, 2]]));
});

test('a sum is unknown as soon as a part of it is', () => {
  expect(
    total([
      { cpu: 1, gpu: 0 },
      { cpu: 2, gpu: null },
    ]),
  ).toEqual({ cpu: 3, gpu: null });
  expect(total([])).toEqual({ cpu: null, gpu: null });
});

describe('decisions about an iteration', () => {
  const line = (n: number, more: Partial<AuditLine>): AuditLine => ({
    ...{ v: 1, n, at: `t${n}`, prev: '', hash: `h${n}`, kind: 'decision', tool: 'submit_run', rules: [], detail: '' },
    ...more,
  });
  const LOG = [
    line(1, { verdict: 'deny', detail: 'submit it to cluster: x', reasons: [reason('deny')] }),
    line(2, { verdict: 'deny', detail: 'submit item to cluster: x' }),
    line(3, { verdict: 'ask', digest: 'plan', approval: 'ap_1' }),
    line(4, { kind: 'approval', tool: 'approve', approval: 'ap_1', detail: 'granted via terminal' }),
    line(5, { verdict: 'ask', digest: 'plan', approval: 'ap_1' }),
    line(6, { kind: 'effect', run: 'run-1', decision: 5 }),
    line(7, { verdict: 'allow', tool: 'cancel_run', detail: 'cancel run run-1.' }),
    line(8, { verdict: 'allow', tool: 'cancel_run', detail: 'cancel run run-12.' }),
    line(9, { kind: 'approval', approval: 'ap_2' }),
  ];
  function reason(verdict: string) {
    return {
      rule: 'limits.per_job.cpus',
      verdict,
      layer: 'preset',
      at: 'p.yaml:3',
      because: 'too many',
      limit: '4',
      actual: '64',
    };
  }
  test('are those of its runs, of its plans and in its name, with what people said; and of nobody else', () =>
    expect(
      decisionsAbout(LOG, { iteration: 'it', runs: [{ id: 'run-1', digests: ['plan'] }] }).map(({ n, verdict, run }) => [
        n,
        verdict,
        run,
      ]),
    ).toEqual([
      [1, 'deny', null],
      [3, 'ask', null],
      [4, 'approval', null],
      [5, 'ask', 'run-1'],
      [7, 'allow', null],
    ]));
  test('say the rule, its file and line, and who', () =>
    expect(decisionsAbout(LOG, { iteration: 'it', runs: [] })[0]).toMatchObject({
      reasons: ['deny: limits.per_job.cpus (p.yaml:3): too many; limit 4, here 64'],
      by: 'unknown',
    }));
});
