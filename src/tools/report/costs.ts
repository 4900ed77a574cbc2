import { isKnown } from '../../base/fact.ts';
import type { Reads } from '../../context.ts';
import type { Bound } from '../../policies/gate-schema.ts';
import { repositoryId, stateFolders } from '../../runs/home.ts';
import type { Run } from '../../runs/run.ts';
import type { Cost, JobCost } from '../../runs/spending/spending.ts';
import { costsOfJobs, spentBy } from '../../runs/spending/spending.ts';
import { spendBound } from '../budgets.ts';
import { priceOfPlan, priceView } from '../pricing.ts';

/** Hours; null where they are not known, or not known yet. */
export type Hours = { cpu: number | null; gpu: number | null };
export type RunCost = { reserved: Hours; used: Hours };
/** A limit of the policy on what an iteration may cost, and what is left of it. */
export type Left = { resource: string; limit: number; verdict: string; spent: number | null; left: number | null };

const NOT_KNOWN: Hours = { cpu: null, gpu: null };
/** The books of all clones of this user, by job. Undefined where one of them cannot be read: then nothing is known of any. */
export type Books = ReadonlyMap<string, JobCost> | undefined;

export function openBooks(): { books: Books; why: string | null } {
  try {
    return { books: costsOfJobs(stateFolders()), why: null };
  } catch (error) {
    return { books: undefined, why: error instanceof Error ? error.message : String(error) };
  }
}

/** What a run was reserved at and has come to, over all of its submissions, those that were tried again too. */
export function costOf(run: Run, books: Books): RunCost {
  if (run.replicates) {
    const each = run.replicates.map((one) => costOf(one, books));
    return { reserved: total(each.map(({ reserved }) => reserved)), used: total(each.map(({ used }) => used)) };
  }
  const attempts = (run.steps ?? [run]).flatMap(({ record }) => record.attempts);
  const price = priceView(priceOfPlan(run.plan));
  // A price that is not known stands in the book as nothing.
  const asPriced = ({ cpu, gpu }: Hours): Hours => ({
    cpu: price.cpu_hours === null ? null : cpu,
    gpu: price.gpu_hours === null ? null : gpu,
  });
  const entries = attempts.map(({ name }) => books?.get(name));
  return {
    reserved: asPriced(total(entries.map((entry) => hoursOf(entry?.reserved)))),
    used: asPriced(total(entries.map((entry) => hoursOf(entry?.settled)))),
  };
}

/** Sums; unknown as soon as a part of it is, or where there is no part. */
export function total(all: readonly Hours[]): Hours {
  const of = (key: keyof Hours) =>
    all.length === 0
      ? null
      : all.reduce<number | null>((sum, one) => (sum === null || one[key] === null ? null : sum + one[key]), 0);
  return { cpu: of('cpu'), gpu: of('gpu') };
}

/** The limits of the policy and its ceilings on the iteration, the strictest of each, with what all its runs in all clones have reserved or spent. */
export function leftOf(reads: Reads, iteration: string): Left[] {
  const policy = reads.policy();
  const payer = { place: '', account: null, iteration: `${repositoryId(reads.repo) ?? ''} ${iteration}` };
  const spent = spentBy(payer, stateFolders());
  return (
    [
      ['cpu-hours', 'cpu_hours', 'cpuHours'],
      ['gpu-hours', 'gpu_hours', 'gpuHours'],
    ] as const
  ).flatMap(([resource, limited, key]) => {
    const so = isKnown(spent) ? spent.value.iteration[key] : null;
    return boundsOf(spendBound(policy, limited, 'iteration')).map(({ limit, verdict }) => ({
      resource,
      limit,
      verdict,
      spent: so,
      left: so === null ? null : Math.max(0, limit - so),
    }));
  });
}

function boundsOf(bound: Bound | undefined): { limit: number; verdict: string }[] {
  return [
    ...(bound?.ask == null ? [] : [{ limit: bound.ask, verdict: 'asks a person above it' }]),
    ...(bound?.deny == null ? [] : [{ limit: bound.deny, verdict: 'denies above it' }]),
  ];
}

function hoursOf(cost: Cost | null | undefined): Hours {
  return cost ? { cpu: cost.cpu_hours, gpu: cost.gpu_hours } : NOT_KNOWN;
}
