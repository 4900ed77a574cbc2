import type * as z from 'zod';
import type { Fact } from '../base/fact.ts';
import { known, unknown } from '../base/fact.ts';
import type { Price } from '../policies/price.ts';
import { totalPrice } from '../policies/price.ts';
import type { JobFacts } from '../policies/types.ts';
import type { Plan, PlanStep } from '../runs/launch/plan.ts';
import { indicesOf, runsOf } from '../runs/launch/plan.ts';
import type { Amount, Requested, Worst } from '../sites/schedulers/scheduler.ts';
import type { priceOut } from './fields.ts';

/** A step as the gate judges it. What the plan leaves to the site is unknown: the gate prices no guesses. */
export function jobFacts(step: PlanStep): JobFacts {
  const { requested: r } = step;
  const most = step.worst ?? asAsked(r);
  return {
    step: step.name,
    cpus: fact(most.cpus),
    gpus: fact(most.gpus),
    nodes: known(r.nodes),
    memoryMb: fact(most.memoryMb),
    walltimeSeconds: fact(most.walltimeSeconds),
    arrayTasks: known(indicesOf(step).length),
    requeues: known(r.requeues),
    partition: known(r.partition),
    account: known(r.account),
    qos: known(r.qos),
    ...(step.after ? { waits: true } : {}),
  };
}

/** A step's job, and those that its script may submit, as one that counts so many times. */
export function jobsOfStep(step: PlanStep): JobFacts[] {
  const { submits } = step;
  if (!submits) return [jobFacts(step)];
  const { each: requested, worst, jobs, tasks } = submits;
  const { script, args, jobName } = step;
  const each = jobFacts({
    script,
    args,
    jobName,
    name: `${step.name} (jobs it submits)`,
    requested,
    ...(worst ? { worst } : {}),
  });
  return [jobFacts(step), { ...each, arrayTasks: known(tasks), copies: jobs }];
}

/** Every job that a plan is: those of its steps, once for each run of a group. */
export function jobsOfPlan(plan: Plan): JobFacts[] {
  const runs = plan.replicate ? 1 : (plan.rest?.length ?? runsOf(plan));
  return Array.from({ length: runs }, () => plan.steps.flatMap(jobsOfStep)).flat();
}

export function priceOfPlan(plan: Plan): Price {
  return totalPrice(jobsOfPlan(plan));
}

export function priceView(price: Price): z.output<typeof priceOut> {
  return {
    cpu_hours: value(price.cpuHours),
    gpu_hours: value(price.gpuHours),
    memory_gb_hours: value(price.memoryGbHours),
    node_hours: value(price.nodeHours),
  };
}

/** `2.5 cpu-hours, 0 gpu-hours`. */
export function hours(price: z.output<typeof priceOut>): string {
  const part = (n: number | null, unit: string) => `${n === null ? 'an unknown number of' : Math.round(n * 1000) / 1000} ${unit}`;
  return `${part(price.cpu_hours, 'cpu-hours')}, ${part(price.gpu_hours, 'gpu-hours')}`;
}

function value(fact: Fact<number>): number | null {
  return 'unknown' in fact ? null : fact.value;
}

/** For a site that gives what is asked, or of which nothing is known. */
function asAsked({ cpus, gpus, memoryMb, walltimeSeconds, ...more }: Requested): Worst {
  const wholeNodes = more.wholeNodes === true;
  const why = 'whole nodes are asked for, and how large they are at this site is not known';
  return {
    cpus: wholeNodes ? { why } : cpus,
    gpus: wholeNodes ? { why } : gpus,
    memoryMb: wholeNodes
      ? { why }
      : (memoryMb ?? {
          why: 'no memory is asked for, and what the site would give is not known; write memory_estimate into design.yaml',
        }),
    walltimeSeconds: walltimeSeconds ?? { why: 'no walltime is asked for; write walltime_estimate into design.yaml' },
    wholeNodes,
  };
}

function fact(amount: Amount): Fact<number> {
  return typeof amount === 'number' ? known(amount) : unknown(amount.why);
}
