import type { Rule } from './gate-rules-schema.ts';
import type { Policy } from './load.ts';
import { distinct, reason } from './reasons.ts';
import type { Finding } from './rule-conditions.ts';
import { isAbout, isAboutJobs, isOnCrowd, ofCall, ofJob } from './rule-conditions.ts';
import type { Facts, Reason, Verdict } from './types.ts';

/** What one rule finds of one job, or of the call. `holds` undefined: it hangs on a fact that nobody knows. */
type Sight = { step: string | null; holds: boolean | undefined; findings: readonly Finding[] };

/**
 * The rules of the policy that are about a call with these acts. A rule can only tighten. Where one of its conditions is known not to
 * hold it allows, whatever else is unknown; where all hold it has its verdict; else it denies. A rule on jobs is judged for each job.
 */
export function judgeRules(policy: Policy, facts: Facts): Reason[] {
  return (policy.gate.rules ?? []).flatMap((rule, at) => {
    const seen = sights(rule, facts);
    const stopping = seen.filter((one) => one.holds !== false);
    const several = (facts.jobs?.length ?? 0) > 1;
    const reasons = (stopping.length > 0 ? stopping : seen.slice(0, 1)).map((one) => told(policy, rule, at, one, several));
    return reasons.length > 1 ? distinct(reasons) : reasons;
  });
}

/** What one rule by itself says: its verdict, deny where a fact that decides is unknown, allow else; and why. */
export function ruleVerdict(rule: Rule, facts: Facts): { verdict: Verdict; matches: boolean; why: string } {
  const seen = sights(rule, facts);
  const unknown = seen.find((one) => one.holds === undefined);
  if (unknown) return { verdict: 'deny', matches: false, why: unknownWords(unknown) };
  const match = seen.find((one) => one.holds);
  if (match) return { verdict: rule.verdict, matches: true, why: actuals(match.findings) };
  const [first] = seen;
  return { verdict: 'allow', matches: false, why: first ? missing(first) : 'the rule is not about such calls' };
}

/** `rules.<name>`, or `rules.<number>`, counted from 1. */
export function ruleId({ name }: { name?: string | undefined }, at: number): string {
  return `rules.${name ?? at + 1}`;
}

/** Whether waiting alone can make a rule or limit pass: it is on how much is in the queue, or was submitted lately. */
export function passesByWaiting(policy: Policy, id: string): boolean {
  if (id.startsWith('limits.jobs.') || /^limits\.spend\.\w+\.day$/.test(id)) return true;
  return (policy.gate.rules ?? []).some((rule, at) => ruleId(rule, at) === id && isOnCrowd(rule.when));
}

function sights(rule: Rule, facts: Facts): Sight[] {
  const acts = facts.acts.filter((one) => one !== 'read');
  if (acts.length === 0 || !isAbout(rule.when, acts)) return [];
  const general = ofCall(rule.when, facts);
  if (!isAboutJobs(rule.when)) return [sight(null, general)];
  if (!facts.jobs || facts.jobs.length === 0) return [sight(null, [...general, NO_JOBS])];
  return facts.jobs.map((job) => sight(job.step, [...general, ...ofJob(rule.when, job)]));
}

const NO_JOBS: Finding = {
  holds: undefined,
  words: 'the jobs of the call',
  actual: 'it is not known which jobs would be submitted',
};

function sight(step: string | null, findings: readonly Finding[]): Sight {
  const isOut = findings.some(({ holds }) => holds === false);
  return { step, findings, holds: isOut ? false : findings.some(({ holds }) => holds === undefined) ? undefined : true };
}

function told(policy: Policy, rule: Rule, at: number, seen: Sight, several: boolean): Reason {
  const { holds, findings, step } = seen;
  const say = (parts: Omit<Parameters<typeof reason>[2], 'limit' | 'place'>) =>
    reason(policy, ruleId(rule, at), { ...parts, limit: findings.map(({ words }) => words).join(', '), place: `rules.${at}` });
  if (holds === false) {
    const out = findings.filter((one) => one.holds === false);
    return say({ verdict: 'allow', because: missing(seen), actual: actuals(out) });
  }
  const [before, after] = several && step !== null ? [`step ${step}: `, ` (step ${step})`] : ['', ''];
  const because = `${before}${rule.because} (${holds ? actuals(findings) : unknownWords(seen)})`;
  const ways = findings.flatMap(({ way }) => way ?? []);
  const change = 'change or take out the rule';
  if (holds === undefined) {
    const remedy = [...ways, 'mend what keeps it from being known'].join(', or ') + after;
    return say({ verdict: 'deny', because, actual: 'unknown', remedy, change });
  }
  const { verdict } = rule;
  if (verdict === 'ask' && ways.length === 0) ways.push('have a person approve exactly this call');
  const remedy = ways.length > 0 ? { remedy: ways.join(', or ') + after } : {};
  return say({ verdict, because, actual: actuals(findings), change, ...remedy });
}

function actuals(findings: readonly Finding[]): string {
  return findings.map(({ actual }) => actual).join(', ');
}

function missing({ findings }: Sight): string {
  return `does not apply: ${actuals(findings.filter(({ holds }) => holds === false))}`;
}

function unknownWords({ findings }: Sight): string {
  return `whether this applies is not known: ${actuals(findings.filter(({ holds }) => holds === undefined))}`;
}
