import type { Fact } from '../base/fact.ts';
import { isKnown } from '../base/fact.ts';
import type { JobFacts } from './types.ts';

/** The worst case of what jobs may use, in hours of one CPU, one GPU, one GB (1024 MiB) of memory, one node. */
export type Price = { cpuHours: Fact<number>; gpuHours: Fact<number>; memoryGbHours: Fact<number>; nodeHours: Fact<number> };

/** Per resource: amount of a task × array tasks × walltime × (requeues + 1) × how many of it there may be. Unknown when a factor is: no guess is made. */
export function price(job: JobFacts): Price {
  return totalPrice([job]);
}

/** The price of all jobs together. A resource of which one job's share is unknown is unknown. No jobs cost nothing. */
export function totalPrice(jobs: readonly JobFacts[]): Price {
  return {
    cpuHours: total(jobs, (job) => job.cpus, 1),
    gpuHours: total(jobs, (job) => job.gpus, 1),
    memoryGbHours: total(jobs, wholeNodeIsUnknown, 1 / 1024),
    nodeHours: total(jobs, (job) => job.nodes, 1),
  };
}

function total(jobs: readonly JobFacts[], resource: (job: JobFacts) => Fact<number>, unit: number): Fact<number> {
  let seconds = 0;
  let at = '';
  for (const job of jobs) {
    const factors: [string, Fact<number>, number][] = [
      ['amount', resource(job), 0],
      ['walltime', job.walltimeSeconds, 1],
      ['array tasks', job.arrayTasks, 1],
      ['requeues', job.requeues, 0],
    ];
    let product = job.copies ?? 1;
    for (const [name, fact, least] of factors) {
      if (!isKnown(fact)) return { unknown: true, why: `step ${job.step}: ${fact.why}` };
      if (!Number.isFinite(fact.value) || fact.value < least)
        return { unknown: true, why: `step ${job.step}: ${fact.value} is no ${name}` };
      product *= name === 'requeues' ? fact.value + 1 : fact.value;
      if (fact.at > at) at = fact.at;
    }
    seconds += product;
  }
  const hours = (seconds * unit) / 3600;
  return Number.isFinite(hours) ? { value: hours, at } : { unknown: true, why: 'the amount is beyond all numbers' };
}

function wholeNodeIsUnknown(job: JobFacts): Fact<number> {
  if (isKnown(job.memoryMb) && job.memoryMb.value === 0)
    return { unknown: true, why: 'memory 0 is the whole node, and how much that is is not known' };
  return job.memoryMb;
}
