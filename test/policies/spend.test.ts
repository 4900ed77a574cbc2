import { describe, expect, it } from 'vitest';
import { decide } from '../../src/policies/decide.ts';
import { policyOf } from '../../src/policies/load.ts';
import type { Facts } from '../../src/policies/types.ts';
import { job, known, PRESETS, policy, submission } from './helpers.ts';

const spent = (day: number, iteration = day) =>
  known({ day: { cpuHours: 0, gpuHours: day }, iteration: { cpuHours: 0, gpuHours: iteration } });
/** Two GPUs for three hours: six gpu-hours. */
const SIX = job({ gpus: known(2), walltimeSeconds: known(10_800) });

function judged(limits: string, more: Partial<Facts>) {
  const made = policy(`gate:\n  acts: { submit: allow }\n  limits: { per_job: { gpus: 64 }, spend: ${limits} }\n`);
  const { reasons } = decide(made, submission({ jobs: [SIX], spent: spent(0), ...more }), 'act');
  return reasons.filter(({ rule }) => rule.startsWith('limits.spend.'));
}

describe('limits of spending', () => {
  it.each([
    ['{ gpu_hours: { run: 6 } }', {}, 'allow', 'one run may cost 6 gpu-hours, within the limit'],
    ['{ gpu_hours: { run: 5.5 } }', {}, 'deny', 'one run may cost 6 gpu-hours; the policy allows at most 5.5 gpu-hours'],
    [
      '{ gpu_hours: { day: 10 } }',
      { spent: spent(4) },
      'allow',
      '4 gpu-hours reserved or spent in 24 hours, and 6 gpu-hours of this call, within the limit',
    ],
    [
      '{ gpu_hours: { day: 10 } }',
      { spent: spent(4.5) },
      'deny',
      '4.5 gpu-hours reserved or spent in 24 hours, and 6 gpu-hours of this call; the policy allows at most 10 gpu-hours',
    ],
    [
      '{ gpu_hours: { iteration: { ask: 10, deny: 20 } } }',
      { spent: spent(0, 5) },
      'ask',
      '5 gpu-hours reserved or spent on this iteration, and 6 gpu-hours of this call; more than 10 gpu-hours needs a person’s approval',
    ],
    [
      '{ gpu_hours: { day: 11 } }',
      { jobs: [SIX, SIX] },
      'deny',
      '0 gpu-hours reserved or spent in 24 hours, and 12 gpu-hours of this call; the policy allows at most 11 gpu-hours',
    ],
    ['{ gpu_hours: { run: 11 } }', { jobs: [SIX, SIX] }, 'allow', 'one run may cost 6 gpu-hours, within the limit'],
    [
      '{ cpu_hours: { day: 2 } }',
      {},
      'deny',
      '0 cpu-hours reserved or spent in 24 hours, and 3 cpu-hours of this call; the policy allows at most 2 cpu-hours',
    ],
  ] as const)('%s %j: %s', (limits, more, verdict, because) => {
    expect(judged(limits, more as Partial<Facts>)).toMatchObject([{ verdict, because }]);
  });

  it('says the smallest change, and where the limit stands', () => {
    expect(judged('{ gpu_hours: { day: 10 } }', { spent: spent(7) })).toMatchObject([
      {
        rule: 'limits.spend.gpu_hours.day',
        limit: '10 gpu-hours',
        actual: '13 gpu-hours',
        remedy:
          'make it cost at most 3 gpu-hours: less walltime, fewer tasks or smaller ones; or call again when less is reserved or spent',
        policy_change: 'a person may raise gate.limits.spend.gpu_hours.day (.autolab/verifier_policy.yaml:3)',
      },
    ]);
    expect(judged('{ gpu_hours: { day: 10 } }', { spent: spent(11) })).toMatchObject([
      { remedy: 'call again when jobs have ended, or what was spent is a day ago' },
    ]);
  });

  it.each([
    ['the book cannot be read', { spent: { unknown: true, why: 'line 3 is foreign' } }, 'line 3 is foreign'],
    ['nobody looked', { spent: undefined }, 'what was spent before is not known'],
    [
      'the walltime is not known',
      { jobs: [job({ walltimeSeconds: { unknown: true, why: 'none asked for' } })] },
      'step main: none asked for',
    ],
    ['the book makes no sense', { spent: spent(Number.NaN) }, 'NaN is no number of hours'],
    ['no job', { jobs: [] }, 'it is not known which jobs would be submitted'],
  ])('denies where %s', (_what, more, why) => {
    expect(judged('{ gpu_hours: { day: 1000 } }', more as Partial<Facts>)).toMatchObject([
      { verdict: 'deny', because: `the limit needs a known price, and ${why}` },
    ]);
  });

  it('refines the plain limit of a lower layer, and refuses what is no amount', () => {
    const text = (own: string) =>
      `policy_resolution: { default_preset: experiment_search }\ngate: { limits: { spend: { gpu_hours: { day: ${own} } } } }\n`;
    expect(policyOf(text('{ ask: 3 }'), PRESETS).gate.limits.spend?.gpu_hours?.day).toEqual({ ask: 3, deny: null });
    expect(policyOf(text('"3h"'), PRESETS).problems).toMatchObject([
      { line: 2, message: expect.stringContaining('limits.spend.gpu_hours.day') },
    ]);
    expect(policyOf('gate: { limits: { spend: { tpu_hours: { day: 3 } } } }\n', PRESETS).problems[0]?.message).toContain(
      'tpu_hours',
    );
  });
});
