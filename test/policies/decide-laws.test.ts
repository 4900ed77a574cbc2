import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decide } from '../../src/policies/decide.ts';
import type { Policy } from '../../src/policies/load.ts';
import { policyOf } from '../../src/policies/load.ts';
import type { Facts, Phase } from '../../src/policies/types.ts';
import { VERDICTS } from '../../src/policies/types.ts';
import { AT, facts, phase, withoutOne } from './arbitrary-facts.ts';
import { PRESETS } from './helpers.ts';

const verdict = fc.constantFrom(...VERDICTS);
const plain = fc.integer({ min: 0, max: 100 });
const bound: fc.Arbitrary<Bound> = fc.oneof<fc.Arbitrary<Bound>[]>(
  plain,
  fc.record({ ask: plain, deny: plain }, { requiredKeys: [] }).filter((made) => Object.keys(made).length > 0),
);
const limits = <T extends string>(...names: T[]) =>
  fc.record(Object.fromEntries(names.map((one) => [one, bound])) as Record<T, typeof bound>, { requiredKeys: [] });
type Bound = number | { ask?: number; deny?: number };
const list = fc.uniqueArray(fc.constantFrom('gpu', 'debug', 'local', 'cluster'));
const strict = fc.record(
  {
    acts: fc.record(
      { submit: verdict, cancel: verdict, push: verdict, pull: verdict, run_command: verdict, write: verdict },
      { requiredKeys: [] },
    ),
    limits: fc.record(
      {
        jobs: limits('active', 'pending', 'submits_per_hour'),
        per_job: limits('cpus', 'gpus', 'nodes', 'array_tasks', 'requeues'),
        spend: fc.record({ cpu_hours: limits('run', 'day', 'iteration'), gpu_hours: limits('run', 'day', 'iteration') }),
      },
      { requiredKeys: [] },
    ),
    allow: fc.record(
      {
        partitions: list,
        accounts: list,
        qos: list,
        sites: list,
        commands: fc.array(fc.array(fc.constantFrom('uv', 'run', 'npm'), { minLength: 1, maxLength: 2 })),
      },
      { requiredKeys: [] },
    ),
    require: fc.record(
      { review_pass: fc.boolean(), stage_checks: fc.boolean(), preflight: fc.boolean(), clean_git: fc.boolean() },
      { requiredKeys: [] },
    ),
  },
  { requiredKeys: [] },
);
type Gate = typeof strict extends fc.Arbitrary<infer G> ? G : never;
const gentle: fc.Arbitrary<Gate> = strict.chain(({ require, limits: some }) =>
  fc.constantFrom<Gate[]>(
    { acts: { submit: 'allow' }, ...(require ? { require } : {}) },
    { acts: { submit: 'ask' } },
    { acts: { submit: 'allow' }, ...(some ? { limits: some } : {}) },
  ),
);
const gate = fc.oneof(strict, gentle);
const preset = fc.constantFrom('', 'slurm', 'local_dev', 'gridengine', 'experiment_search');

function made(own: Gate, under: string): Policy {
  const policy = policyOf(JSON.stringify({ policy_resolution: { default_preset: under }, gate: own }), PRESETS);
  expect(policy.problems).toEqual([]);
  return policy;
}

const rank = (policy: Policy, about: Facts, when: Phase) => VERDICTS.indexOf(decide(policy, about, when).verdict);

/** Every way to tighten one thing of a gate a little. */
function tightened(own: Gate): Gate[] {
  const acts = (own.acts ? Object.keys(own.acts) : []).map((act): Gate => ({ ...own, acts: { ...own.acts, [act]: 'deny' } }));
  const required = (['review_pass', 'stage_checks', 'preflight', 'clean_git'] as const).map(
    (key): Gate => ({ ...own, require: { ...own.require, [key]: true } }),
  );
  const lists = (['partitions', 'accounts', 'qos', 'sites'] as const).map(
    (key): Gate => ({ ...own, allow: { ...own.allow, [key]: (own.allow?.[key] ?? ['gpu', 'local']).slice(1) } }),
  );
  const commands: Gate = { ...own, allow: { ...own.allow, commands: own.allow?.commands?.slice(1) ?? [] } };
  const limits = Object.entries<Bound | undefined>(own.limits?.per_job ?? {}).map(([key, value]): Gate => {
    const lower = (n: number | undefined) => Math.max(0, (n ?? 100) - 7);
    const less = typeof value === 'number' ? lower(value) : { ask: lower(value?.ask), deny: lower(value?.deny) };
    return { ...own, limits: { ...own.limits, per_job: { ...own.limits?.per_job, [key]: less } } };
  });
  const spend = (['run', 'day', 'iteration'] as const).map(
    (key): Gate => ({
      ...own,
      limits: {
        ...own.limits,
        spend: { gpu_hours: own.limits?.spend?.gpu_hours ?? {}, cpu_hours: { ...own.limits?.spend?.cpu_hours, [key]: 0 } },
      },
    }),
  );
  return [...acts, ...required, ...lists, commands, ...limits, ...spend];
}

describe('laws of deciding', () => {
  it('is total; its verdict is its strictest reason; reading passes', () => {
    fc.assert(
      fc.property(gate, preset, facts, phase, (own, under, about, when) => {
        const policy = made(own, under);
        const decision = decide(policy, about, when);
        expect(decision.reasons.length).toBeGreaterThan(0);
        expect(decision.verdict).toBe(VERDICTS[Math.max(...decision.reasons.map((one) => VERDICTS.indexOf(one.verdict)))]);
        expect(decide(policy, { ...about, acts: ['read'] }, when).verdict).toBe('allow');
      }),
      { numRuns: 300 },
    );
  });

  it('never becomes milder when a fact is taken away', () => {
    fc.assert(
      fc.property(gate, preset, facts, phase, (own, under, about, when) => {
        const policy = made(own, under);
        const before = rank(policy, about, when);
        for (const less of withoutOne(about)) expect(rank(policy, less, when)).toBeGreaterThanOrEqual(before);
      }),
      { numRuns: 300 },
    );
  });

  it('never becomes milder when the policy is tightened', () => {
    fc.assert(
      fc.property(gate, facts, phase, (own, about, when) => {
        const before = rank(made(own, ''), about, when);
        for (const tighter of tightened(own)) expect(rank(made(tighter, ''), about, when)).toBeGreaterThanOrEqual(before);
      }),
      { numRuns: 60 },
    );
  });

  it('lists every rule that denies: with one of them met, the others stay', () => {
    fc.assert(
      fc.property(gate, facts, (own, about) => {
        const denied = (of: Facts) =>
          new Set(
            decide(made(own, ''), of, 'act')
              .reasons.filter((one) => one.verdict === 'deny')
              .map((one) => one.rule),
          );
        const before = denied(about);
        const after = denied({ ...about, review: { value: { status: 'pass', findings: [] }, at: AT } });
        before.delete('require.review_pass');
        expect(after).toEqual(before);
      }),
      { numRuns: 100 },
    );
  });
});
