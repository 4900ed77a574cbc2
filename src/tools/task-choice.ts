import { Failure } from '../base/errors.ts';
import { formatIndices } from '../base/indices.ts';
import { rootCause } from '../runs/evidence/lifecycle.ts';
import { saidAs, stepOf } from '../runs/launch/plan.ts';
import type { Run } from '../runs/run.ts';
import type { TaskRecord } from '../runs/types.ts';

/**
 * The task that is meant, with the part of the run that has it: of several steps the one named, of a group the run with this number. Where
 * nothing is named, the one whose failure the others follow from, else the first. Fails with `usage` where there is none such.
 */
export function taskToRead(run: Run, number: number | undefined, step: string | undefined): { run: Run; task: TaskRecord } {
  if (run.replicates) return only(replicate(run, run.replicates, number));
  const named = run.steps ? ofStep(run, run.steps, step) : run;
  if (number === undefined) return only(named);
  const halves = (run.steps ?? [run]).filter((one) => saidAs(stepOf(one)) === saidAs(stepOf(named)));
  for (const part of [named, ...halves]) {
    const task = part.record.tasks.find(({ index }) => index === number);
    if (task) return { run: part, task };
  }
  const there = halves.flatMap(({ record }) => record.tasks.map(({ index }) => index)).sort((a, b) => a - b);
  throw new Failure('usage', {
    what: `${run.steps ? `step ${saidAs(stepOf(named))} of ` : ''}run ${run.id} has no task ${number}`,
    why: `its tasks are ${formatIndices(there)}`,
    next: 'name one of them',
  });
}

function only(run: Run): { run: Run; task: TaskRecord } {
  const task = rootCause(run.record.tasks) ?? run.record.tasks[0];
  if (!task) throw new Error(`run ${run.id} has no tasks`);
  return { run, task };
}

function ofStep(run: Run, steps: readonly Run[], name: string | undefined): Run {
  const first = rootCause(run.record.tasks)?.step ?? steps[0]?.step;
  const found = steps.find(({ step }) => step === (name ?? first));
  if (found) return found;
  throw new Failure('usage', {
    what: `run ${run.id} has no step ${JSON.stringify(name)}`,
    next: `name one of ${steps.map(({ step }) => step).join(', ')}`,
  });
}

function replicate(run: Run, replicates: readonly Run[], number = 0): Run {
  const bad = replicates.find(({ record }) => record.tasks.some((task) => task.failure !== null));
  const found = number === 0 ? (bad ?? replicates[0]) : replicates.find(({ plan }) => plan.replicate?.number === number);
  if (found) return found;
  throw new Failure('usage', {
    what: `group ${run.id} has no replicate ${number}`,
    why: `it has ${replicates.length}`,
    next: 'name one of them in task, from 1 on',
  });
}
