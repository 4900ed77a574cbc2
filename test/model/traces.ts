import { stepsOf } from './explore.ts';
import type { Rules, State, Step } from './state.ts';
import { initial, keyOf, last } from './state.ts';

export type Trace = readonly { name: string; from: State; to: State }[];

/** The shortest ways that together take every kind of step in every kind of place: what is done, by a caller that stands where, in which phase of which state. */
export function coveringTraces(rules: Rules): Trace[] {
  const seen = new Set([keyOf(initial(rules))]);
  const kinds = new Set<string>();
  const traces: Trace[] = [];
  let frontier: { state: State; trace: Trace }[] = [{ state: initial(rules), trace: [] }];
  while (frontier.length > 0) {
    const next: typeof frontier = [];
    for (const { state, trace } of frontier) {
      for (const step of stepsOf(state, rules)) {
        const longer: Trace = [...trace, { name: step.name, from: state, to: step.next }];
        const kind = kindOf(state, step);
        if (!kinds.has(kind)) traces.push(longer);
        kinds.add(kind);
        const key = keyOf(step.next);
        if (seen.has(key)) continue;
        seen.add(key);
        next.push({ state: step.next, trace: longer });
      }
    }
    frontier = next;
  }
  const words = traces.map((trace) => trace.map(({ name }) => name).join(';'));
  return traces.filter((_, at) => !words.some((other, index) => index !== at && other.startsWith(`${words[at]};`)));
}

function kindOf(state: State, { name }: Step): string {
  const who = Number(/^\d+/.exec(name)?.[0] ?? -1);
  return [name.replaceAll(/\d+/g, ''), state.callers[who]?.at, last(state)?.phase, state.cancelling, state.stands].join('|');
}
