import type { Amount, Requested } from '../../sites/schedulers/scheduler.ts';
import type { Plan, PlanStep } from '../launch/plan.ts';

/** The most that any step asks for, resource by resource. */
export function largest({ steps }: Pick<Plan, 'steps'>): Requested {
  const all = steps.map(submitted);
  const [first] = all;
  if (!first) throw new Error('a plan without steps');
  if (all.length === 1) return first;
  const most = (key: 'cpus' | 'gpus' | 'nodes' | 'requeues') => Math.max(...all.map((one) => one[key]));
  const mostKnown = (key: 'memoryMb' | 'walltimeSeconds') => {
    const known = all.map((one) => one[key]);
    return known.includes(null) ? null : Math.max(...known.map(Number));
  };
  return {
    ...first,
    cpus: most('cpus'),
    gpus: most('gpus'),
    nodes: most('nodes'),
    requeues: most('requeues'),
    memoryMb: mostKnown('memoryMb'),
    walltimeSeconds: mostKnown('walltimeSeconds'),
  };
}

/** What the scheduler is asked for: a walltime too where none is named, so that no default of the site decides. */
export function submitted({ requested, worst }: Pick<PlanStep, 'requested' | 'worst'>): Requested {
  const usual = typeof worst?.walltimeSeconds === 'number' ? worst.walltimeSeconds : null;
  return { ...requested, walltimeSeconds: requested.walltimeSeconds ?? usual };
}

/** The most that a step's job may get without being more than was decided on: what was asked, or the site's worst where that is higher. */
export function allowance({ requested, worst }: Pick<PlanStep, 'requested' | 'worst'>): Requested {
  if (!worst) return requested;
  const higher = (asked: number, amount: Amount) => (typeof amount === 'number' ? Math.max(asked, amount) : asked);
  return {
    ...submitted({ requested, worst }),
    cpus: higher(requested.cpus, worst.cpus),
    gpus: higher(requested.gpus, worst.gpus),
    // 0: no memory of its nodes is more than theirs.
    memoryMb: worst.wholeNodes ? 0 : requested.memoryMb,
    ...(worst.wholeNodes ? { wholeNodes: true as const } : {}),
  };
}

/** What the held job will get beyond what was planned, in words; empty when it gets no more. */
export function excess(planned: Requested, actual: Requested): string[] {
  const over: string[] = [];
  const more = (what: string, is: number | null, was: number | null) => {
    if (was !== null && (is === null || is > was)) over.push(`${what} ${is ?? 'unlimited'} instead of ${was}`);
  };
  more('cpus', actual.cpus, planned.cpus);
  more('gpus', actual.gpus, planned.gpus);
  more('nodes', actual.nodes, planned.nodes);
  more('requeues', actual.requeues, planned.requeues);
  more('walltime seconds', actual.walltimeSeconds, planned.walltimeSeconds);
  if (planned.memoryMb !== null && planned.memoryMb > 0)
    more('memory MiB', actual.memoryMb === 0 ? null : actual.memoryMb, planned.memoryMb);
  more('tasks at once', actual.parallel, planned.parallel);
  if (actual.wholeNodes && !planned.wholeNodes) over.push('whole nodes instead of a share of them');
  const tasks = (r: Requested) => (r.indices ?? [-1]).join(',');
  if (tasks(actual) !== tasks(planned)) over.push(`array indices ${tasks(actual)} instead of ${tasks(planned)}`);
  // Of several partitions the scheduler chooses one.
  const chosen = (names: string | null) => (names ?? '').split(',');
  if (planned.partition !== null && !chosen(actual.partition).every((one) => chosen(planned.partition).includes(one)))
    over.push(`partition ${actual.partition ?? 'none'} instead of ${planned.partition}`);
  for (const extra of actual.extras ?? []) over.push(`${extra}, which nobody asked for`);
  for (const [what, key] of NAMED) {
    if (planned[key] !== null && actual[key] !== planned[key])
      over.push(`${what} ${actual[key] ?? 'none'} instead of ${planned[key]}`);
  }
  return over;
}

const NAMED = [
  ['GPU type', 'gpuType'],
  ['account', 'account'],
  ['qos', 'qos'],
] as const;
