import { factsOf } from './example-request.ts';
import type { WrittenRule } from './gate-rules-schema.ts';
import { ruleVerdict } from './rules.ts';
import type { Verdict } from './types.ts';

export type RuleExampleResult = { got: Verdict; matches: boolean; why: string; ok: boolean };

/** What a rule by itself says to its examples, one after the other. */
export function tryRuleExamples(rule: WrittenRule): RuleExampleResult[] {
  return rule.examples.map(({ request, expect }) => {
    const { verdict: got, matches, why } = ruleVerdict(rule, factsOf(request));
    return { got, matches, why, ok: got === expect };
  });
}

/** What is wrong with the examples of a rule, each with its place inside the rule. */
export function problemsOfExamples(rule: WrittenRule): { path: (string | number)[]; message: string }[] {
  const tried = tryRuleExamples(rule);
  const wrong = tried.flatMap(({ got, why, ok }, at) => {
    const { expect } = rule.examples[at] ?? {};
    return ok ? [] : [{ path: ['examples', at], message: `this rule by itself says ${got} here (${why}), not ${expect}` }];
  });
  if (wrong.length > 0) return wrong;
  if (!tried.some(({ matches }) => matches)) return [{ path: ['examples'], message: 'no example that the rule matches' }];
  if (tried.every(({ got }) => got !== 'allow')) return [{ path: ['examples'], message: 'no example that the rule lets pass' }];
  return [];
}
