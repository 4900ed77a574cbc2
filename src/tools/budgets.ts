import * as z from 'zod';
import { isKnown } from '../base/fact.ts';
import type { Reads } from '../context.ts';
import type { Bound, GatePolicy } from '../policies/gate-schema.ts';
import type { Policy } from '../policies/load.ts';
import { stateFolders } from '../runs/home.ts';
import type { Plan } from '../runs/launch/plan.ts';
import { paceOf, payerOf } from '../runs/place.ts';
import type { Asker } from '../runs/spending/spending.ts';
import { reservedBy, spentBy } from '../runs/spending/spending.ts';

export const budgetOut = z.object({
  rule: z.string().describe('Which limit of the policy'),
  of: z.string().describe('Whose budget: scheduler and account, or iteration'),
  used: z.number().nullable().describe('Reserved at worst case, or spent; null: not known'),
  reserved: z
    .number()
    .nullable()
    .optional()
    .describe('The part of used that is reserved by what has not ended, at its worst case'),
  ask: z.number().nullable().describe('Above it a person is asked'),
  deny: z.number().nullable().describe('Above it nothing is submitted'),
  left: z.number().nullable().describe('Up to the higher of the two'),
  why: z.string().optional().describe('Why it is not known'),
});
export type Budget = z.output<typeof budgetOut>;
type Used = { used: number } | { why: string };

/**
 * What is left of each limit on an amount that is used up over time, for the payers of these plans. It asks no scheduler, so that the
 * limits on jobs in the queue are not among them.
 */
export function budgetsOf(reads: Reads, all: readonly Plan[]): Budget[] {
  const payerKey = (plan: Plan) => JSON.stringify([plan.scheduler, askerOf(reads, plan)]);
  const plans = [...new Map(all.map((plan) => [payerKey(plan), plan])).values()];
  const policy = reads.policy();
  const hours = (['gpu_hours', 'cpu_hours'] as const).flatMap((resource) =>
    (['day', 'iteration'] as const).flatMap((period) => {
      const bound = spendBound(policy, resource, period);
      if (!bound) return [];
      const key = resource === 'gpu_hours' ? 'gpuHours' : 'cpuHours';
      const rule = `limits.spend.${resource}.${period}`;
      return plans.map((plan) => {
        const asker = askerOf(reads, plan);
        const spent = spentBy(asker, stateFolders());
        const used: Used = isKnown(spent) ? { used: spent.value[period][key] } : { why: spent.why };
        const open = reservedBy(asker, stateFolders());
        const reserved = isKnown(open) ? round(open.value[period][key]) : null;
        return { ...budget(rule, period === 'iteration' ? plan.iteration.id : payerWords(asker), bound, used), reserved };
      });
    }),
  );
  const perHour = plans.flatMap((plan) => {
    const { meter, key } = paceOf(reads.repo, plan.scheduler);
    const submits = strictest(limitsOf(policy).map(({ jobs }) => jobs.submits_per_hour));
    const calls = { ask: null, deny: policy.gate.limits.scheduler.calls_per_hour };
    return [
      ...(submits ? [budget('limits.jobs.submits_per_hour', key, submits, { used: meter.count('submit', key, 3600) })] : []),
      // A look is up to three calls.
      budget('limits.scheduler.calls_per_hour', key, calls, { used: 3 * meter.count('poll', key, 3600) }),
    ];
  });
  return [...new Map([...hours, ...perHour].map((one) => [`${one.rule} ${one.of}`, one])).values()];
}

/** Where the policy does not say which accounts may be named, the day is the site's as a whole. */
export function askerOf(reads: Reads, plan: Plan): Asker {
  const { gate, ceilings } = reads.policy();
  const isListed = [gate, ...ceilings.map((one) => one.gate)].some(({ allow }) => allow.accounts !== undefined);
  const payer = payerOf(reads.repo, plan);
  return isListed ? payer : { ...payer, account: null };
}

function payerWords({ place, account }: Asker): string {
  return account ? `${place}, account ${account}` : place;
}

/** What hours of a period may come to under the policy and all ceilings, in hours; undefined where none of them says. */
export function spendBound(policy: Policy, resource: 'cpu_hours' | 'gpu_hours', period: 'day' | 'iteration'): Bound | undefined {
  return strictest(limitsOf(policy).map(({ spend }) => spend?.[resource]?.[period]));
}

function limitsOf({ gate, ceilings }: Policy): GatePolicy['limits'][] {
  return [gate, ...ceilings.map((one) => one.gate)].map(({ limits }) => limits);
}

/** Nobody is asked above what is denied. */
function strictest(bounds: readonly (Bound | undefined)[]): Bound | undefined {
  const said = bounds.flatMap((one) => one ?? []);
  const least = (key: keyof Bound) => {
    const all = said.flatMap((one) => one[key] ?? []);
    return all.length === 0 ? null : Math.min(...all);
  };
  if (said.length === 0) return undefined;
  const [ask, deny] = [least('ask'), least('deny')];
  return { ask: ask !== null && deny !== null && ask >= deny ? null : ask, deny };
}

function budget(rule: string, of: string, { ask, deny }: Bound, used: Used): Budget {
  if ('why' in used) return { rule, of, used: null, ask, deny, left: null, why: used.why };
  const most = deny ?? ask ?? 0;
  return { rule, of, used: round(used.used), ask, deny, left: round(Math.max(0, most - used.used)) };
}

function round(n: number): number {
  return Math.round(n * 1000) / 1000;
}
