import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decide } from '../../src/policies/decide.ts';
import { explainDecision } from '../../src/policies/explain.ts';
import type { Policy } from '../../src/policies/load.ts';
import type { Facts, Phase } from '../../src/policies/types.ts';
import { VERDICTS } from '../../src/policies/types.ts';
import { AT, absurd, facts, noAmount, nothingKnown, phase, withoutOne } from './arbitrary-facts.ts';
import type { Bound, Gate } from './arbitrary-gate.ts';
import { gate, made, oneOf, preset } from './arbitrary-gate.ts';
import { job, known, submission } from './helpers.ts';

const rank = (policy: Policy, about: Facts, when: Phase) => VERDICTS.indexOf(decide(policy, about, when).verdict);

/** Every way to tighten one thing of a gate a little. */
function tightened(own: Gate): Gate[] {
  const acts = (own.acts ? Object.keys(own.acts) : []).map((act): Gate => ({ ...own, acts: { ...own.acts, [act]: 'deny' } }));
  const required = (['review_pass', 'stage_checks', 'preflight', 'clean_git', 'seal'] as const).map(
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

/** Policies of every kind; making one takes longer than judging a hundred calls by it. */
const policies = () => oneOf(fc.tuple(gate, preset), 120, ([own, under]) => made(own, under));
const tighter = () => oneOf(gate, 25, (own) => ({ before: made(own, ''), after: tightened(own).map((one) => made(one, '')) }));

describe('laws of deciding', () => {
  it('is total and the same every time; its verdict is its strictest reason; reading passes', () => {
    fc.assert(
      fc.property(policies(), fc.oneof(facts, absurd), phase, ({ value: policy }, about, when) => {
        const decision = decide(policy, about, when);
        expect(decision.reasons.length).toBeGreaterThan(0);
        expect(decision.verdict).toBe(VERDICTS[Math.max(...decision.reasons.map((one) => VERDICTS.indexOf(one.verdict)))]);
        expect(decide(policy, structuredClone(about), when)).toEqual(decision);
        expect(decide(policy, { ...about, acts: ['read'] }, when).verdict).toBe('allow');
        expect(explainDecision(decision).split('\n').length).toBeGreaterThan(decision.reasons.length);
      }),
      { numRuns: 4000 },
    );
  });

  it('never becomes milder when a fact is taken away', () => {
    fc.assert(
      fc.property(policies(), facts, phase, ({ value: policy }, about, when) => {
        const before = rank(policy, about, when);
        expect(withoutOne(about).find((less) => rank(policy, less, when) < before)).toBeUndefined();
      }),
      { numRuns: 2000 },
    );
  });

  it('lets nothing pass on what nobody knows: such a reason denies, and so does a submission of which nothing is known', () => {
    fc.assert(
      fc.property(policies(), fc.oneof(facts, absurd), phase, ({ value: policy }, about, when) => {
        for (const one of decide(policy, about, when).reasons) if (one.actual === 'unknown') expect(one.verdict).toBe('deny');
        const { subject, summary } = about;
        expect(decide(policy, { subject, summary, acts: ['submit'] }, when).verdict).toBe('deny');
        expect(decide(policy, nothingKnown(about), when).verdict).toBe('deny');
      }),
      { numRuns: 4000 },
    );
  });

  it('never lets an amount pass that is none: what is negative, endless or no number denies where it is limited', () => {
    fc.assert(
      fc.property(policies(), noAmount, fc.constantFrom('cpus', 'gpus', 'nodes', 'arrayTasks'), ({ value: policy }, n, key) => {
        const about = submission({
          jobs: [job({ [key]: known(n) })],
          queue: known({ active: n, pending: n }),
          submitsLastHour: known(n),
        });
        const verdicts = decide(policy, about, 'look').reasons.filter(({ rule }) => rule.startsWith('limits.jobs.'));
        expect(verdicts.length).toBeGreaterThan(0);
        expect(verdicts.every(({ verdict }) => verdict === 'deny')).toBe(true);
        expect(decide(policy, about, 'look').verdict).toBe('deny');
        const rule = `limits.per_job.${key === 'arrayTasks' ? 'array_tasks' : key}`;
        expect(decide(policy, about, 'look').reasons.find((one) => one.rule === rule)?.verdict).toBe('deny');
      }),
      { numRuns: 3000 },
    );
  });

  it('never becomes milder when the policy is tightened', () => {
    fc.assert(
      fc.property(tighter(), facts, phase, ({ value: { before, after } }, about, when) => {
        const least = rank(before, about, when);
        expect(after.filter((policy) => rank(policy, about, when) < least)).toEqual([]);
      }),
      { numRuns: 3000 },
    );
  });

  it('lists every rule that denies: with one of them met, the others stay', () => {
    fc.assert(
      fc.property(policies(), facts, ({ value: policy }, about) => {
        const denied = (of: Facts) =>
          new Set(
            decide(policy, of, 'act')
              .reasons.filter((one) => one.verdict === 'deny')
              .map((one) => one.rule),
          );
        const before = denied(about);
        const after = denied({ ...about, review: { value: { status: 'pass', findings: [] }, at: AT } });
        before.delete('require.review_pass');
        expect(after).toEqual(before);
      }),
      { numRuns: 3000 },
    );
  });
});
