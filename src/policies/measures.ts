import type { Fact } from '../base/fact.ts';
import { isKnown, unknown } from '../base/fact.ts';
import { count } from '../base/text.ts';
import type { JobFacts } from './types.ts';
import { showDuration, showMemory } from './units.ts';

export const RESOURCES = ['cpus', 'gpus', 'nodes', 'memory', 'walltime', 'array_tasks', 'requeues'] as const;
/** What a job takes of a site, by the name it has in a policy. */
export type Resource = (typeof RESOURCES)[number];

type Measure = {
  of(job: JobFacts): Fact<number> | undefined;
  /** `2 gpus`, `8:00:00 of walltime`. */
  show(n: number): string;
  /** Less than this is no amount: schedulers take walltime 0 for "no limit" and memory 0 for the whole node. */
  least: number;
};

export const MEASURES: Record<Resource, Measure> = {
  cpus: { of: (job) => job.cpus, show: (n) => count(n, 'cpu'), least: 1 },
  gpus: { of: (job) => job.gpus, show: (n) => count(n, 'gpu'), least: 0 },
  nodes: { of: (job) => job.nodes, show: (n) => count(n, 'node'), least: 1 },
  memory: { of: (job) => job.memoryMb, show: (n) => `${showMemory(n)} of memory`, least: 1 },
  walltime: { of: (job) => job.walltimeSeconds, show: (n) => `${showDuration(n)} of walltime`, least: 1 },
  array_tasks: { of: (job) => job.arrayTasks, show: (n) => count(n, 'array task'), least: 1 },
  requeues: { of: (job) => job.requeues, show: (n) => count(n, 'requeue'), least: 0 },
};

/** How much of a resource one job takes, in normal units; what is no amount is unknown, with the reason. */
export function amountOf(resource: Resource, job: JobFacts): Fact<number> {
  const { of, least } = MEASURES[resource];
  const fact = of(job);
  if (!isKnown(fact)) return fact ?? unknown('nothing is known');
  if (isAmount(fact.value, least)) return fact;
  const isWholeNode = resource === 'memory' && fact.value === 0;
  return unknown(
    isWholeNode ? 'memory 0 is the whole node, and how much that is is not known' : `${fact.value} is no amount of ${resource}`,
  );
}

export function isAmount(value: number, least: number): boolean {
  return Number.isFinite(value) && value >= least;
}
