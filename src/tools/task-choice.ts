import { Failure } from '../base/errors.ts';
import { rootCause } from '../runs/lifecycle.ts';
import { saidAs, stepOf } from '../runs/plan.ts';
import type { Run } from '../runs/run.ts';

/**
 * The task that is meant, in the part of the run that has it: of several steps the one named, of a group the run with this number. Where
 * nothing is named, the one whose failure the others follow from, else the first.
 */
export function taskToRead(run: Run, number: number | undefined, step: string | undefined): { run: Run; index: number } {
  if (run.replicates) return { run: replicate(run, run.replicates, number), index: 0 };
  const named = run.steps ? ofStep(run, run.steps, step) : run;
  const part = run.steps?.find((one) => isOtherHalf(one, named, number)) ?? named;
  const cause = rootCause(part.record.tasks) ?? part.record.tasks[0];
  return { run: part, index: number ?? cause?.index ?? 0 };
}

/** The half of a step's array that has the task, where the one that is named has not. */
function isOtherHalf(part: Run, named: Run, number: number | undefined): boolean {
  const has = (one: Run) => one.record.tasks.some(({ index }) => index === number);
  return number !== undefined && !has(named) && has(part) && saidAs(stepOf(part)) === saidAs(stepOf(named));
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
