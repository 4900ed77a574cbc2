import type { JobScriptSpec } from '../../sites/job-script.ts';
import { indicesOf, stepOf } from '../launch/plan.ts';
import { attemptOf, current } from '../record.ts';
import type { Run } from '../run.ts';
import { gateOf, reread } from '../run.ts';
import { waitSpec } from './after-runs.ts';

/**
 * What the job script of a step looks for before it runs anything: the ends of the runs that it waits for, and, where the scheduler begins it whatever became
 * of its parents, the ends of the steps of its own run whose success it waits for. Of the run's journal as it is now, in which those are intended already.
 */
export function endsSpec(run: Run, failsForward: boolean): Pick<JobScriptSpec, 'ends'> {
  const { ends = [] } = waitSpec(run);
  const own = failsForward ? parentTasks(run) : [];
  const all = own.length === 0 ? ends : [...ends, { run: run.id, gate: gateOf(run), tasks: own }];
  return all.length === 0 ? {} : { ends: all };
}

function parentTasks(run: Run): string[] {
  const { after = [] } = stepOf(run);
  return after
    .filter(({ on }) => on === 'success')
    .flatMap(({ step }) => {
      const parent = reread({ ...run, step });
      const usual = current(parent.record)?.attempt ?? 1;
      return indicesOf(stepOf(parent)).map((index) => `${step}.${index}.${attemptOf(parent.record, index)?.attempt ?? usual}`);
    });
}
