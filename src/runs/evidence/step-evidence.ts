import { quote } from '../../base/text.ts';
import { checkOne, mayBeGone } from '../artifacts/check.ts';
import { faultyTasks } from '../artifacts/each.ts';
import type { Expectation, PathExpectation } from '../artifacts/expectation.ts';
import { type RunFacts, runFacts } from '../artifacts/run-facts.ts';
import { legsOf } from '../chain/legs.ts';
import { indicesOf, saidAs, stepOf } from '../launch/plan.ts';
import type { Run } from '../run.ts';

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

/**
 * Looks at the artifacts that each step is expected to have left, of its tasks that succeeded. What is of work in legs is the leg's that made
 * it, and what is of an array whose first task ran alone is the half's that the task is in. Reads files and runs no command.
 */
export async function stepEvidence(run: Run): Promise<StepEvidence[]> {
  const found: StepEvidence[] = [];
  for (const part of run.steps ?? [run]) {
    const { name } = stepOf(part);
    const share = shareOf(run, part);
    const looks: { isDropped: boolean; look: Look }[] = [];
    for (const expected of pathsOf(run).filter((one) => ownerOf(run, one) === wholeOf(run, name)))
      looks.push({
        isDropped: mayBeGone(run, expected),
        look: await lookAt(runFacts(run, run.steps ? (expected.step ?? wholeOf(run, name)) : undefined), expected, share),
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

/** The step as launch.yaml knows it: an array whose first task runs alone, and work in legs, are one. */
function wholeOf({ plan }: Run, name: string): string {
  const [first] = legsOf(plan.steps, name);
  return first ? saidAs(first) : name;
}

/** The step that an expectation is of: the one it names, of tasks that of the only array, and all are of the only step. */
function ownerOf(run: Run, expected: PathExpectation): string | undefined {
  if (!run.steps) return stepOf(run).name;
  if (expected.step !== undefined) return wholeOf(run, expected.step);
  const arrays = run.steps.filter((one) => stepOf(one).requested.indices !== null);
  const [only, ...others] = new Set(arrays.map((one) => wholeOf(run, stepOf(one).name)));
  return isOfTasks(expected) && others.length === 0 ? only : undefined;
}

/** The tasks whose artifacts are told of a part, and whether what is of no single task is told of it, too. */
type Share = { indices: ReadonlySet<number>; isWhole: boolean };

function shareOf(run: Run, part: Run): Share {
  const its = stepOf(part);
  if (legsOf(run.plan.steps, its.name).length < 2) return { indices: new Set(indicesOf(its)), isWhole: saidAs(its) === its.name };
  const made = run.record.tasks.filter((task) => task.step === its.name && task.state === 'succeeded' && !task.unneeded);
  return { indices: new Set(made.map(({ index }) => index)), isWhole: made.length > 0 };
}

type Look = Shortfall & { checked: number };

async function lookAt(facts: RunFacts, expected: PathExpectation, { indices, isWhole }: Share): Promise<Look> {
  const tasks = facts.tasks.filter(({ index, succeeded }) => succeeded && indices.has(index));
  if (expected.kind === 'each') {
    const bad = faultyTasks(facts, expected).filter(({ index }) => indices.has(index));
    const words = bad.map((one) => oneLine(one.words));
    return { tasks: bad.map(({ index }) => index), isWhole: false, faults: words, checked: tasks.length };
  }
  if (!isOfTasks(expected)) {
    const { checked, faults } = isWhole ? await checkOne(facts, expected) : { checked: 0, faults: [] };
    return { tasks: [], isWhole: faults.length > 0, faults: faults.map(oneLine), checked };
  }
  const looks: Look[] = [];
  for (const task of tasks) {
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
