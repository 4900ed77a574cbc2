import { callerSteps } from './protocol.ts';
import type { Rules, State, Step } from './state.ts';
import { initial, keyOf } from './state.ts';
import { isSettled, worldSteps } from './world.ts';

export type Explored = {
  states: number;
  steps: number;
  /** The shortest way to a state that must not be, and why it must not. */
  counterexample: { why: string; trace: string[] } | undefined;
};

export function stepsOf(state: State, rules: Rules): Step[] {
  const steps = worldSteps(state, rules);
  for (const who of state.callers.keys()) steps.push(...callerSteps(state, who, rules));
  return steps;
}

/**
 * Every state that can be reached within the rules, breadth first, so that the first fault found is the shortest way to one. Then, from
 * each of them with nothing more going wrong, whether rest can be reached: where the same steps are taken again and again with luck that
 * changes, it then is.
 */
export function explore(rules: Rules, most = 2_000_000): Explored {
  const start = initial(rules);
  const ids = new Map([[keyOf(start), 0]]);
  const parents = [-1];
  const names = [''];
  const calmFrom: number[] = [];
  const calmTo: number[] = [];
  const settled: number[] = [];
  let [steps, at] = [0, 0];
  let frontier: State[] = [start];
  const way = (id: number): string[] => (id <= 0 ? [] : [...way(parents[id] ?? 0), names[id] ?? '']);
  while (frontier.length > 0) {
    const next: State[] = [];
    for (const state of frontier) {
      const from = at++;
      if (state.broken !== '') return { states: ids.size, steps, counterexample: { why: state.broken, trace: way(from) } };
      if (isSettled(state)) settled.push(from);
      for (const step of stepsOf(state, rules)) {
        steps++;
        const key = keyOf(step.next);
        let to = ids.get(key);
        if (to === undefined) {
          to = ids.size;
          if (to > most) throw new Error(`more than ${most} states`);
          ids.set(key, to);
          parents.push(from);
          names.push(step.name);
          next.push(step.next);
        }
        if (!step.isFault && to !== from) {
          calmFrom.push(from);
          calmTo.push(to);
        }
      }
    }
    frontier = next;
  }
  const stuck = firstStuck(ids.size, calmFrom, calmTo, settled);
  const counterexample = stuck === undefined ? undefined : { why: 'from here nothing comes to rest any more', trace: way(stuck) };
  return { states: ids.size, steps, counterexample };
}

/** The first state, in the order they were found, from which no settled one can be reached. */
function firstStuck(
  states: number,
  from: readonly number[],
  to: readonly number[],
  settled: readonly number[],
): number | undefined {
  const first = new Int32Array(states).fill(-1);
  const next = new Int32Array(from.length);
  for (const [edge, target] of to.entries()) {
    next[edge] = first[target] ?? -1;
    first[target] = edge;
  }
  const rests = new Uint8Array(states);
  const open = [...settled];
  for (const state of open) rests[state] = 1;
  for (let state = open.pop(); state !== undefined; state = open.pop()) {
    for (let edge = first[state] ?? -1; edge >= 0; edge = next[edge] ?? -1) {
      const before = from[edge] ?? 0;
      if (rests[before]) continue;
      rests[before] = 1;
      open.push(before);
    }
  }
  const stuck = rests.indexOf(0);
  return stuck < 0 ? undefined : stuck;
}
