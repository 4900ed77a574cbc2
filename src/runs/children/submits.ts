import type { Requested, Worst } from '../../sites/schedulers/scheduler.ts';
import type { PlanStep } from '../launch/plan.ts';
import type { LaunchSubmits } from './submits-schema.ts';

/** What the script of a step may submit by itself: at most so many jobs, each an array of at most so many tasks, each task at most this. */
export type Submits = {
  jobs: number;
  tasks: number;
  each: Requested;
  /** What the site may give each at worst, where that is more than was declared or differs by site. */
  worst?: Worst;
};

/** A step without what its site would give for it, and so without its price. */
export function asAsked({ worst: _, price: __, submits, ...step }: PlanStep): PlanStep {
  if (!submits) return step;
  const { worst: ___, ...declared } = submits;
  return { ...step, submits: declared };
}

/** Partition, account and qos are those of the job that submits: a declared bound opens no other door. */
export function plannedSubmits({ jobs, each }: LaunchSubmits, of: Requested, counted: (one: Requested) => Requested): Submits {
  return {
    jobs,
    tasks: each.arrayTasks,
    each: counted({
      cpus: each.cpus,
      gpus: each.gpus,
      gpuType: of.gpuType,
      nodes: 1,
      memoryMb: each.memoryMb,
      walltimeSeconds: each.walltimeSeconds,
      indices: null,
      parallel: null,
      partition: of.partition,
      account: of.account,
      qos: of.qos,
      requeues: 0,
    }),
  };
}
