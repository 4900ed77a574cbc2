import { isKnown } from '../base/fact.ts';
import type { Bound } from './gate-schema.ts';
import type { Policy } from './load.ts';
import { price } from './price.ts';
import { reason } from './reasons.ts';
import type { Facts, JobFacts, Reason, Verdict } from './types.ts';

/** Hours of one CPU and of one GPU that jobs of ours have cost or may still cost, at worst. */
export type Hours = { cpuHours: number; gpuHours: number };
/** `day`: everything that is not over, and what has ended in the last 24 hours, of this user, site and account. */
export type Spent = { day: Hours; iteration: Hours };

type Resource = 'cpu_hours' | 'gpu_hours';
type Period = 'run' | 'day' | 'iteration';

const OF: Record<Resource, { key: keyof Hours; unit: string }> = {
  cpu_hours: { key: 'cpuHours', unit: 'cpu-hours' },
  gpu_hours: { key: 'gpuHours', unit: 'gpu-hours' },
};

/** What the submission may cost at worst, alone and together with what was spent before. An unknown price or book denies. */
export function judgeSpend(policy: Policy, facts: Facts): Reason[] {
  const limits = policy.gate.limits.spend;
  if (!limits) return [];
  return (Object.keys(OF) as Resource[]).flatMap((resource) =>
    (['run', 'day', 'iteration'] as const).flatMap((period) => {
      const bound = limits[resource]?.[period];
      return bound ? [judge(policy, facts, resource, period, bound)] : [];
    }),
  );
}

function judge(policy: Policy, facts: Facts, resource: Resource, period: Period, bound: Bound): Reason {
  const rule = `limits.spend.${resource}.${period}`;
  const { key, unit } = OF[resource];
  const show = (n: number) => `${round(n)} ${unit}`;
  const limit = (n: number) => ({ limit: show(n), change: `raise gate.${rule}` });
  const top = bound.deny ?? bound.ask ?? 0;
  const denied = (why: string) =>
    reason(policy, rule, {
      verdict: 'deny',
      because: `the limit needs a known price, and ${why}`,
      actual: 'unknown',
      remedy: 'make it known: state walltime and resources, or mend what keeps it from being looked up',
      ...limit(top),
    });
  const jobs = facts.jobs ?? [];
  if (jobs.length === 0) return denied('it is not known which jobs would be submitted');
  const prices = jobs.map((job) => price(job)[key]);
  const open = prices.find((one) => !isKnown(one));
  if (open && !isKnown(open)) return denied(open.why);
  const costs = prices.flatMap((one) => (isKnown(one) ? [one.value] : []));
  const own = period === 'run' ? costOfRun(jobs, costs) : sumOf(costs);
  let before = 0;
  if (period !== 'run') {
    if (!isKnown(facts.spent)) return denied(facts.spent?.why ?? 'what was spent before is not known');
    before = facts.spent.value[period][key];
    if (!(before >= 0)) return denied(`${before} is no number of hours`);
  }
  const total = before + own;
  const { verdict, at } = verdictOf(bound, total);
  const sum = {
    run: `one run may cost ${show(own)}`,
    day: `${show(before)} reserved or spent in 24 hours, and ${show(own)} of this call`,
    iteration: `${show(before)} reserved or spent on this iteration, and ${show(own)} of this call`,
  }[period];
  const because = {
    allow: `${sum}, within the limit`,
    ask: `${sum}; more than ${show(at)} needs a person’s approval`,
    deny: `${sum}; the policy allows at most ${show(at)}`,
  }[verdict];
  return reason(policy, rule, { verdict, because, actual: show(total), remedy: remedy(period, at - before, show), ...limit(at) });
}

/** One run is every step once; the runs of a group are alike. */
function costOfRun(jobs: readonly JobFacts[], costs: readonly number[]): number {
  const most = new Map<string, number>();
  for (const [at, { step }] of jobs.entries()) most.set(step, Math.max(most.get(step) ?? 0, costs[at] ?? 0));
  return sumOf([...most.values()]);
}

function sumOf(costs: readonly number[]): number {
  return costs.reduce((sum, one) => sum + one, 0);
}

function remedy(period: Period, left: number, show: (n: number) => string): string {
  if (left <= 0)
    return period === 'day'
      ? 'call again when jobs have ended, or what was spent is a day ago'
      : 'nothing is left for this iteration';
  const less = `make it cost at most ${show(left)}: less walltime, fewer tasks or smaller ones`;
  return period === 'day' ? `${less}; or call again when less is reserved or spent` : less;
}

function verdictOf(bound: Bound, amount: number): { verdict: Verdict; at: number } {
  const ask = bound.ask ?? Number.POSITIVE_INFINITY;
  const deny = bound.deny ?? Number.POSITIVE_INFINITY;
  // Sums of thirds of hours are not exact; nobody is refused for a millionth of a second.
  const over = (n: number) => amount > n + 1e-9;
  if (over(deny)) return { verdict: 'deny', at: deny };
  return { verdict: over(ask) ? 'ask' : 'allow', at: Math.min(ask, deny) };
}

function round(n: number): number {
  return Math.round(n * 1000) / 1000;
}
