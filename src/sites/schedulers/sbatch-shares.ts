import type { Requested } from './scheduler.ts';

/** Amounts that sbatch lets one say by node, task, cpu or gpu. */
export type Shares = {
  tasks?: number;
  tasksPerNode?: number;
  cpusPerTask?: number;
  cpusPerGpu?: number;
  memory?: { per: 'node' | 'cpu' | 'gpu'; mb: number };
  gpus?: { per: 'job' | 'node' | 'task'; count: number };
};

type Totals = Pick<Partial<Requested>, 'tasks' | 'cpus' | 'gpus' | 'memoryMb'>;

/**
 * What shares come to over so many nodes; only what was said, or follows from it. There are never fewer tasks than nodes (sbatch(1),
 * --ntasks: one a node by default), and --ntasks beside --ntasks-per-node makes that the most of a node, so that the total stands.
 */
export function totals(shares: Shares, nodes: number): Totals {
  const { tasksPerNode, cpusPerTask, cpusPerGpu, memory } = shares;
  const said = shares.tasks ?? (tasksPerNode === undefined ? undefined : tasksPerNode * nodes);
  const tasks = Math.max(nodes, said ?? nodes);
  const gpus = gpusOf(shares.gpus, tasks, nodes);
  const cpus =
    cpusPerTask !== undefined
      ? cpusPerTask * tasks
      : cpusPerGpu !== undefined && gpus !== undefined
        ? Math.max(tasks, cpusPerGpu * gpus)
        : tasks > nodes || cpusPerGpu !== undefined
          ? tasks * (cpusPerGpu ?? 1)
          : undefined;
  const memoryMb = memory && { node: nodes, cpu: cpus ?? tasks, gpu: gpus ?? 1 }[memory.per] * memory.mb;
  return {
    ...(tasks > nodes ? { tasks } : {}),
    ...(cpus === undefined ? {} : { cpus }),
    ...(gpus === undefined ? {} : { gpus }),
    ...(memoryMb === undefined ? {} : { memoryMb }),
  };
}

function gpusOf(gpus: Shares['gpus'], tasks: number, nodes: number): number | undefined {
  return gpus && gpus.count * { job: 1, node: nodes, task: tasks }[gpus.per];
}
