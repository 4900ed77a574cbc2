import { quote } from '../base/text.ts';
import { checkOne, mayBeGone } from './artifacts/check.ts';
import { faultyTasks } from './artifacts/each.ts';
import type { Expectation, PathExpectation } from './artifacts/expectation.ts';
import { type RunFacts, runFacts } from './artifacts/run-facts.ts';
import { stepOf } from './plan.ts';
import type { Run } from './run.ts';

/** What of a step's artifacts is not as expected. */
export type Shortfall = {
  /** Tasks, by their index. */
  tasks: readonly number[];
  /** Something that is of no single task. */
  isWhole: boolean;
  faults: readonly string[];
};

/** What a step has left behind, beside what became of its tasks. */
export type StepEvidence = {
  step: string;
  /** How many artifacts were looked at. With none, its tasks' word is all there is. */
  checked: number;
  /** What is not as expected of that which must be there. */
  now: Shortfall;
  /** The same with what may have been dropped: whoever is made of the step again needs all of it. */
  needed: Shortfall;
};

/** Looks at the artifacts that each step is expected to have left, of its tasks that succeeded. Reads files and runs no command. */
export async function stepEvidence(run: Run): Promise<StepEvidence[]> {
  const parts = run.steps ?? [run];
  const found: StepEvidence[] = [];
  for (const part of parts) {
    const { name } = stepOf(part);
    const looks: { isDropped: boolean; look: Look }[] = [];
    for (const expected of pathsOf(run).filter((one) => ownerOf(run, one) === name))
      looks.push({
        isDropped: mayBeGone(run, expected),
        look: await lookAt(runFacts(run, run.steps ? name : undefined), expected),
      });
    const kept = looks.filter(({ isDropped }) => !isDropped);
    found.push({
      step: name,
      checked: kept.reduce((sum, { look }) => sum + look.checked, 0),
      now: together(kept.map(({ look }) => look)),
      needed: together(looks.map(({ look }) => look)),
    });
  }
  return found;
}

function pathsOf(run: Run): PathExpectation[] {
  return (run.plan.artifacts.expect as Expectation[]).filter((one) => one.kind !== 'command');
}

/** The step that an expectation is of: the one it names, of tasks that of the only array, and all are of the only step. */
function ownerOf(run: Run, expected: PathExpectation): string | undefined {
  if (!run.steps) return stepOf(run).name;
  if (expected.step !== undefined) return expected.step;
  const arrays = run.steps.filter((one) => stepOf(one).requested.indices !== null);
  return isOfTasks(expected) && arrays.length === 1 ? arrays[0]?.step : undefined;
}

type Look = Shortfall & { checked: number };

async function lookAt(facts: RunFacts, expected: PathExpectation): Promise<Look> {
  if (expected.kind === 'each') {
    const bad = faultyTasks(facts, expected);
    const checked = facts.tasks.filter(({ succeeded }) => succeeded).length;
    return { tasks: bad.map(({ index }) => index), isWhole: false, faults: bad.map(({ words }) => oneLine(words)), checked };
  }
  if (!isOfTasks(expected)) {
    const { checked, faults } = await checkOne(facts, expected);
    return { tasks: [], isWhole: faults.length > 0, faults: faults.map(oneLine), checked };
  }
  const looks: Look[] = [];
  for (const task of facts.tasks.filter(({ succeeded }) => succeeded)) {
    const { checked, faults } = await checkOne({ ...facts, tasks: [task] }, expected);
    looks.push({ tasks: faults.length > 0 ? [task.index] : [], isWhole: false, faults: faults.map(oneLine), checked });
  }
  return { ...together(looks), checked: looks.reduce((sum, { checked }) => sum + checked, 0) };
}

function isOfTasks(expected: PathExpectation): boolean {
  return expected.kind === 'each' || expected.path.includes('{index}');
}

function together(looks: readonly Shortfall[]): Shortfall {
  return {
    tasks: [...new Set(looks.flatMap(({ tasks }) => tasks))].sort((a, b) => a - b),
    isWhole: looks.some(({ isWhole }) => isWhole),
    faults: looks.flatMap(({ faults }) => faults),
  };
}

function oneLine(fault: string): string {
  return quote(fault.replaceAll('\n', ' '), 300);
}
