import type { Fact } from '../base/fact.ts';
import { isKnown } from '../base/fact.ts';
import { count } from '../base/text.ts';
import type { Bound } from './gate-schema.ts';
import type { Policy } from './load.ts';
import type { Resource } from './measures.ts';
import { amountOf, isAmount, MEASURES } from './measures.ts';
import { distinct, reason } from './reasons.ts';
import type { Facts, JobFacts, Reason, Verdict } from './types.ts';

/** How large each job may be. Every job that passes no rule is named; for those that pass, the largest stands. */
export function judgePerJob(policy: Policy, facts: Facts): Reason[] {
  const { jobs } = facts;
  const limits = Object.entries(policy.gate.limits.per_job) as [Resource, Bound | undefined][];
  return limits.flatMap(([resource, bound]) => {
    if (!bound) return [];
    const rule = `limits.per_job.${resource}`;
    if (!jobs || jobs.length === 0)
      return [unknownAmount(policy, rule, bound, MEASURES[resource].show, 'it is not known which jobs would be submitted')];
    const judged = jobs.map((job) => judgeJob(policy, resource, bound, job, jobs.length > 1));
    const failing = judged.filter((one) => one.reason.verdict !== 'allow');
    if (failing.length > 0) return distinct(failing.map((one) => one.reason));
    const largest = judged.reduce((most, one) => (one.amount > most.amount ? one : most));
    return [largest.reason];
  });
}

/** How many jobs: what is there already together with what the call adds. */
export function judgeJobs(policy: Policy, facts: Facts): Reason[] {
  const { active, pending, submits_per_hour: submits } = policy.gate.limits.jobs;
  const queue = facts.queue;
  const many = (jobs: readonly JobFacts[]) => jobs.reduce((sum, { copies = 1 }) => sum + copies, 0);
  const added = facts.jobs && many(facts.jobs);
  const starting = facts.jobs && many(facts.jobs.filter((job) => job.waits !== true));
  return [
    ...judgeCount(
      policy,
      'active',
      active,
      part(queue, (known) => known.active),
      starting,
      'in the queue',
    ),
    ...judgeCount(
      policy,
      'pending',
      pending,
      part(queue, (known) => known.pending),
      added,
      'waiting',
    ),
    ...judgeCount(policy, 'submits_per_hour', submits, facts.submitsLastHour, added, 'submitted in the last hour'),
  ];
}

function judgeJob(
  policy: Policy,
  resource: Resource,
  bound: Bound,
  job: JobFacts,
  several: boolean,
): { amount: number; reason: Reason } {
  const rule = `limits.per_job.${resource}`;
  const { show } = MEASURES[resource];
  const fact = amountOf(resource, job);
  const of = several ? `step ${job.step}: ` : '';
  if (!isKnown(fact)) return { amount: 0, reason: unknownAmount(policy, rule, bound, show, of + fact.why) };
  const { value } = fact;
  const { verdict, limit, free } = judge(bound, value);
  const because = {
    allow: `${of}${show(value)}, within the limit`,
    ask: `${of}${show(value)}; more than ${show(limit)} needs a person’s approval`,
    deny: `${of}${show(value)}; one job may have at most ${show(limit)}`,
  }[verdict];
  const remedy = `ask for at most ${show(limit)}${several ? ` in step ${job.step}` : ''}${free < limit ? ` (at most ${show(free)} needs no approval)` : ''}`;
  return {
    amount: value,
    reason: reason(policy, rule, {
      verdict,
      because,
      limit: show(limit),
      actual: show(value),
      remedy,
      change: `raise gate.${rule}`,
    }),
  };
}

type Count = 'active' | 'pending' | 'submits_per_hour';

function judgeCount(
  policy: Policy,
  name: Count,
  bound: Bound | undefined,
  there: Fact<number> | undefined,
  added: number | undefined,
  word: string,
): Reason[] {
  if (!bound) return [];
  const rule = `limits.jobs.${name}`;
  const show = (n: number) => count(n, 'job');
  if (!isKnown(there)) return [unknownAmount(policy, rule, bound, show, there?.why ?? `how many jobs are ${word} is not known`)];
  if (added === undefined || added === 0)
    return [unknownAmount(policy, rule, bound, show, 'it is not known which jobs would be submitted')];
  if (!isAmount(there.value, 0)) return [unknownAmount(policy, rule, bound, show, `${there.value} is no number of jobs`)];
  const total = there.value + added;
  const { verdict, limit } = judge(bound, total);
  const sum = `${there.value} ${word} and ${added} of this call`;
  const because = {
    allow: `${sum}, within the limit`,
    ask: `${sum}; more than ${limit} needs a person’s approval`,
    deny: `${sum}; the policy allows at most ${limit}`,
  }[verdict];
  // A burst of replicates is the commonest way over the limit of a queue that others wait in too.
  const asOne =
    added > 1 && name !== 'submits_per_hour' ? ', or as one array, which counts as one job, or one after the other' : '';
  const remedy =
    limit < 1
      ? { ask: 'have a person approve exactly this call', deny: 'no change of the request passes this rule', allow: '' }[verdict]
      : added > limit
        ? `submit at most ${show(limit)} at once${asOne}`
        : `call again when at most ${limit - added} ${limit - added === 1 ? 'is' : 'are'} ${word}`;
  return [
    reason(policy, rule, { verdict, because, limit: show(limit), actual: show(total), remedy, change: `raise gate.${rule}` }),
  ];
}

/** The verdict on an amount, the limit that decided it (the nearest one where it passes), and up to where nobody is asked. */
export function judge(bound: Bound, amount: number): { verdict: Verdict; limit: number; free: number } {
  const ask = bound.ask ?? Number.POSITIVE_INFINITY;
  const deny = bound.deny ?? Number.POSITIVE_INFINITY;
  const free = Math.min(ask, deny);
  if (amount > deny) return { verdict: 'deny', limit: deny, free };
  return { verdict: amount > ask ? 'ask' : 'allow', limit: free, free };
}

/** What a limit says of an amount that nobody knows. */
export function unknownAmount(
  policy: Policy,
  rule: string,
  { ask, deny }: Bound,
  show: (n: number) => string,
  why: string,
): Reason {
  const limit = deny ?? ask ?? 0;
  return reason(policy, rule, {
    verdict: 'deny',
    because: `the limit needs a known amount, and ${why}`,
    limit: show(limit),
    actual: 'unknown',
    remedy: `make the amount known: state at most ${show(limit)}, or mend what keeps it from being looked up`,
  });
}

function part<T>(fact: Fact<T> | undefined, pick: (value: T) => number): Fact<number> | undefined {
  return isKnown(fact) ? { value: pick(fact.value), at: fact.at } : fact;
}
