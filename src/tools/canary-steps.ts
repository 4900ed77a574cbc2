import { Failure } from '../base/errors.ts';
import type { PlanStep } from '../runs/launch/plan.ts';
import { indicesOf } from '../runs/launch/plan.ts';

type Planned<S> = { step: PlanStep; script: S; canary: boolean };

/** The step of the task that runs alone first. */
export function canaryName(step: string): string {
  return `${step}-canary`;
}

/**
 * Every step that asks for it with the first task of its array as a step of its own, before the others, which begin when that has ended well. Both know the
 * whole array, so that each task has the width it would have without. Whatever waits for the step waits for both.
 */
export function withCanaries<S>(planned: readonly Planned<S>[]): { step: PlanStep; script: S }[] {
  const split = new Set(planned.filter(({ canary }) => canary).map(({ step }) => step.name));
  return planned.flatMap(({ step, script, canary }) => {
    const after = step.after?.flatMap((one) => (split.has(one.step) ? [{ ...one, step: canaryName(one.step) }, one] : [one]));
    const its = after ? { ...step, after } : step;
    return canary ? halves(its).map((half) => ({ step: half, script })) : [{ step: its, script }];
  });
}

function halves(step: PlanStep): [PlanStep, PlanStep] {
  const [first, ...rest] = step.requested.indices ?? [];
  if (first === undefined || rest.length === 0)
    throw new Failure('file_invalid', {
      what: `step ${step.name} has a canary and ${indicesOf(step).length} task`,
      why: 'its first task runs alone, and the others after it',
      next: 'give it an array of several tasks in launch/launch.yaml, or take canary out',
    });
  const part = { of: step.name, indices: [first, ...rest] };
  const name = canaryName(step.name);
  return [
    { ...step, name, requested: { ...step.requested, indices: [first] }, part },
    { ...step, requested: { ...step.requested, indices: rest }, after: [{ step: name, on: 'success' }], part },
  ];
}
