import type { LaunchStep } from './launch-file.ts';

/** More would be a sign that the time limit is far too short for the work. */
export const MAX_LEGS = 20;

type Parent = string | { step: string; on?: 'success' | 'any' | 'interrupted' | undefined };
type Asked = {
  name: string;
  legs?: number | undefined;
  array?: { indices: string } | undefined;
  after?: readonly Parent[] | undefined;
};

/** The names of the steps that a step of so many legs is: `train`, `train-leg2`, `train-leg3`. */
export function legNames(name: string, legs = 1): [string, ...string[]] {
  return [name, ...Array.from({ length: legs - 1 }, (_, at) => `${name}-leg${at + 2}`)];
}

/**
 * Every step in its legs: the same script with the same tasks and resources again, each after the one before it was interrupted. What waits for a step
 * waits for its last leg.
 */
export function inLegs(steps: readonly (LaunchStep & { legs: number })[]): LaunchStep[] {
  const last = new Map(steps.map(({ name, legs }) => [name, legNames(name, legs).at(-1) ?? name]));
  return steps.flatMap(({ legs, ...step }) => {
    const after = step.after.map(({ step: parent, on }) => ({ step: last.get(parent) ?? parent, on }));
    const names = legNames(step.name, legs);
    return names.map((name, at): LaunchStep => {
      const before = names[at - 1];
      return { ...step, name, after: before === undefined ? after : [{ step: before, on: 'interrupted' }] };
    });
  });
}

/** What is wrong with the legs of steps, each with where it is said. Pure. */
export function legFaults(steps: readonly Asked[]): { path: (string | number)[]; message: string }[] {
  const faults: { path: (string | number)[]; message: string }[] = [];
  const names = new Set(steps.map(({ name }) => name));
  const goneOnWith = new Map<string, string>();
  for (const [at, step] of steps.entries()) {
    const taken = legNames(step.name, step.legs).find((name) => name !== step.name && names.has(name));
    if (taken !== undefined)
      faults.push({ path: [at, 'legs'], message: `a leg of it would be called ${taken}, as another step is` });
    const parents = (step.after ?? []).map((one) => (typeof one === 'string' ? { step: one } : one));
    const before = parents.find(({ on }) => on === 'interrupted')?.step;
    if (before === undefined) continue;
    const parent = steps.find(({ name }) => name === before);
    const message =
      parents.length > 1
        ? `it goes on from ${before}, and a leg waits for nothing else`
        : goneOnWith.has(before)
          ? `step ${goneOnWith.get(before)} goes on from ${before} already`
          : parent && parent.array?.indices !== step.array?.indices
            ? `it goes on from ${before}, so its array must have the same indices`
            : undefined;
    if (message !== undefined) faults.push({ path: [at, 'after'], message });
    goneOnWith.set(before, step.name);
  }
  return [...faults, ...passedOver(steps, goneOnWith)];
}

/** A step that waits for one which goes on in another would begin while the work goes on, or never. */
function passedOver(steps: readonly Asked[], goneOnWith: ReadonlyMap<string, string>): ReturnType<typeof legFaults> {
  return steps.flatMap(({ after = [] }, at) =>
    after.flatMap((one, which) => {
      const parent = typeof one === 'string' ? { step: one, on: undefined } : one;
      const next = goneOnWith.get(parent.step);
      if (next === undefined || parent.on === 'interrupted') return [];
      return [
        { path: [at, 'after', which], message: `${parent.step} goes on in ${next} where it is interrupted; wait for that` },
      ];
    }),
  );
}
