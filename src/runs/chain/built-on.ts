import type { Plan, PlanStep } from '../launch/plan.ts';

/**
 * Whether other jobs begin only if this one has done its work: those of steps that wait for its success, the rest of its array, and what its
 * script submits, which may wait for the job it is in. Pure.
 */
export function isBuiltOn({ steps }: Pick<Plan, 'steps'>, { name, part, submits }: PlanStep): boolean {
  const isAwaited = steps.some(({ after = [] }) => after.some((one) => one.step === name && one.on === 'success'));
  return isAwaited || part !== undefined || submits !== undefined;
}
