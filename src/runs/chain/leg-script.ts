import type { JobScriptSpec } from '../../sites/job-script.ts';
import { indicesOf, stepOf } from '../launch/plan.ts';
import { attemptOf, current } from '../record.ts';
import type { Run } from '../run.ts';
import { reread } from '../run.ts';
import { goesOnFrom, legOf } from './legs.ts';

/** What the job script of a step is told where that is a leg; of the run's journal as it is now, in which the legs before it are intended already. */
export function legSpec(run: Run): Pick<JobScriptSpec, 'leg'> {
  const step = stepOf(run);
  const leg = legOf(run.plan.steps, step.name);
  if (!leg) return {};
  const before = goesOnFrom(step);
  return { leg: before === undefined ? leg : { ...leg, parent: parentOf(run, before) } };
}

function parentOf(run: Run, step: string): NonNullable<NonNullable<JobScriptSpec['leg']>['parent']> {
  const { record } = reread({ ...run, step });
  const attempt = current(record)?.attempt ?? 1;
  const others = indicesOf(stepOf(run)).flatMap((index): [number, number][] => {
    const own = attemptOf(record, index)?.attempt ?? attempt;
    return own === attempt ? [] : [[index, own]];
  });
  return { step, attempt, others: Object.fromEntries(others) };
}
