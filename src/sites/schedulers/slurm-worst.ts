import type { Amount, Requested, Worst } from './scheduler.ts';
import type { Shape } from './slurm-shapes.ts';

/**
 * What a request may come to over every partition it names: all cpus and gpus of the largest node, times its nodes, where it may have
 * nodes to itself; memory of whole nodes there and for `--mem=0`; whole cores; where no walltime is named, the one that is then passed on.
 * What a site that hides its nodes gives is not known, except for an ordinary request to one partition: a job that then gets whole nodes
 * after all shows it while it is held.
 */
export function worstOnSlurm(requested: Requested, shapes: readonly Shape[] | { why: string }): Worst {
  const names = requested.partition?.split(',') ?? [];
  const here = placesOf(names, shapes);
  if ('why' in here) return hidden(requested, names.length > 1 || requested.wholeNodes === true, here.why);
  const { nodes, cpus, gpus, memoryMb } = requested;
  const whole = requested.wholeNodes ? here : here.filter((shape) => shape.exclusive);
  const wholeNodes = whole.length > 0;
  return {
    cpus: Math.max(inCores(cpus, nodes, here), nodes * most(whole, (shape) => shape.cpus)),
    gpus: Math.max(gpus, nodes * most(whole, (shape) => shape.gpus)),
    memoryMb:
      memoryMb === 0 || wholeNodes ? Math.max(memoryMb ?? 0, nodes * most(here, (shape) => shape.memoryMb)) : asked(memoryMb),
    walltimeSeconds: requested.walltimeSeconds ?? longest(here),
    wholeNodes,
  };
}

function placesOf(names: readonly string[], shapes: readonly Shape[] | { why: string }): Shape[] | { why: string } {
  if ('why' in shapes) return shapes as { why: string };
  const unseen = names.filter((name) => !shapes.some((shape) => shape.partition === name));
  if (unseen.length > 0) return { why: `sinfo shows no nodes of partition ${unseen.join(', ')}` };
  const here = shapes.filter((shape) => (names.length > 0 ? names.includes(shape.partition) : shape.isDefault));
  return here.length > 0 ? here : { why: 'no partition is named, and sinfo shows no nodes of a default one' };
}

function hidden({ cpus, gpus, memoryMb, walltimeSeconds, ...more }: Requested, isOpen: boolean, reason: string): Worst {
  const why = `how large the nodes are is not known: ${reason}`;
  return {
    cpus: isOpen ? { why } : cpus,
    gpus: isOpen ? { why } : gpus,
    memoryMb: isOpen || memoryMb === 0 ? { why } : asked(memoryMb),
    walltimeSeconds: walltimeSeconds ?? { why: `no walltime is asked for, and what the site would give is not known: ${reason}` },
    wholeNodes: more.wholeNodes === true,
  };
}

function asked(memoryMb: number | null): Amount {
  return (
    memoryMb ?? {
      why: 'no memory is asked for, and what the site would give is not known; write memory_estimate into design.yaml',
    }
  );
}

/** On each node up to the last thread of a core (slurm.conf(5), CR_Core; 22.05: a job of one cpu is given two of a core with two). */
function inCores(cpus: number, nodes: number, here: readonly Shape[]): number {
  return Math.max(...here.map(({ threads }) => Math.floor((cpus + nodes * (threads - 1)) / threads) * threads));
}

/** The longest that one of them gives by itself, as long as each of them allows it. */
function longest(here: readonly Shape[]): Amount {
  const usual = Math.max(...here.map((shape) => shape.usualSeconds ?? Number.POSITIVE_INFINITY));
  const allowed = Math.min(...here.map((shape) => shape.mostSeconds ?? Number.POSITIVE_INFINITY));
  const seconds = Math.min(usual, allowed);
  if (Number.isFinite(seconds)) return Math.ceil(seconds / 60) * 60;
  const names = [...new Set(here.map((shape) => shape.partition))].join(', ');
  return { why: `no walltime is asked for, and partition ${names} has no limit; write walltime_estimate into design.yaml` };
}

function most(shapes: readonly Shape[], of: (shape: Shape) => number): number {
  return Math.max(0, ...shapes.map(of));
}
