import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decide } from '../../src/policies/decide.ts';
import type { Comparisons, Rule, When } from '../../src/policies/gate-rules-schema.ts';
import type { Policy } from '../../src/policies/load.ts';
import type { Decision, Facts } from '../../src/policies/types.ts';
import { ACTS, VERDICTS } from '../../src/policies/types.ts';
import { facts, phase, withoutOne } from './arbitrary-facts.ts';
import { policy } from './helpers.ts';

const amount = fc.oneof(fc.integer({ min: 0, max: 100 }), fc.constantFrom(0, 1, 600, 1024));
const comparisons: fc.Arbitrary<Comparisons> = fc.oneof(
  amount.map((exactly) => ({ exactly })),
  fc
    .record({ over: amount, under: amount, at_least: amount, at_most: amount }, { requiredKeys: [] })
    .filter((made) => Object.keys(made).length > 0),
);
const names = fc.uniqueArray(fc.constantFrom('gpu', 'debug', 'long', 'local', 'cluster', ''), { minLength: 1, maxLength: 2 });
const acts = fc.uniqueArray(fc.constantFrom(...ACTS.filter((one) => one !== 'read')), { minLength: 1, maxLength: 2 });
const when: fc.Arbitrary<When> = fc
  .record(
    {
      act: acts,
      site: names,
      partition: names,
      account: names,
      qos: names,
      ...{ cpus: comparisons, gpus: comparisons, nodes: comparisons, memory: comparisons, walltime: comparisons },
      ...{ array_tasks: comparisons, requeues: comparisons },
      ...{ jobs_active: comparisons, jobs_pending: comparisons, submits_last_hour: comparisons },
    },
    { requiredKeys: [] },
  )
  // Few conditions each: a rule of fifteen matches nothing.
  .chain((all) => fc.subarray(Object.keys(all), { maxLength: 3 }).map((kept) => pick(all, kept)))
  .filter((made) => Object.keys(made).length > 0);
const rule: fc.Arbitrary<Rule> = fc.record({
  when,
  verdict: fc.constantFrom('ask' as const, 'deny' as const),
  because: fc.constant('so it is'),
});
const rules = fc.array(rule, { minLength: 1, maxLength: 4 });

const GENTLE = policy(`gate:
  acts: { submit: allow, cancel: allow, push: allow }
  limits: { jobs: { active: 1000, pending: 1000 }, per_job: { requeues: 5 } }
  require: { review_pass: false, stage_checks: false, preflight: false }
`);
const base = fc.constantFrom(GENTLE, policy(''), policy('policy_resolution: { default_preset: local_dev }\n'));

function pick(when: When, kept: readonly string[]): When {
  return Object.fromEntries(Object.entries(when).filter(([key]) => kept.includes(key)));
}

/** Rules in force, as after loading: their examples have been checked and are gone. */
function withRules(under: Policy, own: readonly Rule[]): Policy {
  return { ...under, gate: { ...under.gate, rules: [...own] } };
}

const rank = ({ verdict }: Pick<Decision, 'verdict'>) => VERDICTS.indexOf(verdict);
const isRule = ({ rule: id }: { rule: string }) => id.startsWith('rules.');

describe('laws of rules', () => {
  it('a rule never loosens: with it the verdict is the stricter of its own and that without it', () => {
    const reached = new Set<string>();
    fc.assert(
      fc.property(base, rules, rule, facts, phase, (under, others, added, about, when) => {
        const without = decide(withRules(under, others), about, when);
        const together = decide(withRules(under, [...others, added]), about, when);
        const own = together.reasons.filter((one) => one.rule === `rules.${others.length + 1}`);
        expect(rank(together)).toBe(Math.max(rank(without), ...own.map(rank)));
        expect(together.reasons.filter((one) => one.rule !== `rules.${others.length + 1}`)).toEqual(without.reasons);
        reached.add(`${without.verdict} ${together.verdict}`);
      }),
      { numRuns: 3000 },
    );
    // The property is about something only if rules of all kinds were met.
    expect([...reached].sort()).toEqual(['allow allow', 'allow ask', 'allow deny', 'ask ask', 'ask deny', 'deny deny'].sort());
  });

  it('a rule never becomes milder when a fact is taken away, whichever', () => {
    fc.assert(
      fc.property(rules, facts, phase, (own, about, when) => {
        const made = withRules(GENTLE, own);
        const ofRules = (of: Facts) => Math.max(0, ...decide(made, of, when).reasons.filter(isRule).map(rank));
        const before = ofRules(about);
        expect(withoutOne(about).find((less) => ofRules(less) < before)).toBeUndefined();
      }),
      { numRuns: 1500 },
    );
  });

  it('is total and the same every time; reading passes every rule', () => {
    fc.assert(
      fc.property(rules, facts, phase, (own, about, when) => {
        const made = withRules(GENTLE, own);
        const decision = decide(made, about, when);
        expect(decide(made, structuredClone(about), when)).toEqual(decision);
        expect(decide(made, { ...about, acts: ['read'] }, when).verdict).toBe('allow');
        expect(decision.reasons.filter((one) => isRule(one) && one.verdict !== 'allow' && one.remedy === '')).toEqual([]);
      }),
      { numRuns: 3000 },
    );
  });

  it('the order of the rules does not count', () => {
    fc.assert(
      fc.property(rules, facts, phase, (own, about, when) => {
        const [one, other] = [own, own.toReversed()].map((list) => decide(withRules(GENTLE, list), about, when).verdict);
        expect(one).toBe(other);
      }),
      { numRuns: 3000 },
    );
  });
});
