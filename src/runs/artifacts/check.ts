import { asFailure } from '../../base/errors.ts';
import { inside, statSize } from '../../base/files.ts';
import { quote } from '../../base/text.ts';
import type { Run } from '../run.ts';
import { commandFaults } from './commands.ts';
import { eachFaults, withIndex } from './each.ts';
import type { Expectation, Expected, PathExpectation } from './expectation.ts';
import type { Checked } from './file-kinds.ts';
import { disproof } from './markers.ts';
import { type RunFacts, runFacts, type TaskFacts } from './run-facts.ts';

/** So many findings are told of one expectation, and so many in all; the rest are counted. */
const MAX_EACH = 10;
const MAX_ALL = 50;

/**
 * Looks at every artifact that launch.yaml expects. `{index}` in a path is the index of a task: of those that succeeded, and with `each` of
 * all that the plan has. `missing` says in words what is not as expected, and is empty only where everything is. `judged` is what came of
 * the commands by their ids (`dueCommands`): null where one accepts, else why not; one that is not in it has not run, and accepts nothing.
 */
export async function checkExpectations(
  run: Run,
  judged: ReadonlyMap<string, string | null> = new Map(),
): Promise<{ checked: number; missing: string[] }> {
  let checked = 0;
  const missing: string[] = [];
  for (const [at, expected] of (run.plan.artifacts.expect as Expectation[]).entries()) {
    if (mayBeGone(run, expected)) continue;
    const facts = runFacts(run, expected.step);
    const found = expected.kind === 'command' ? commandFaults(facts, expected, at, judged) : await checkOne(facts, expected);
    checked += found.checked;
    const name = expected.kind === 'command' ? expected.argv.join(' ') : expected.path;
    missing.push(...capped(found.faults.map(oneLine), MAX_EACH, ` about ${name}`));
  }
  return { checked, missing: capped(missing, MAX_ALL, '') };
}

/** Names of files and what stands in them are others' words. */
function oneLine(fault: string): string {
  return quote(fault.replaceAll('\n', ' '), 800);
}

function capped(list: readonly string[], limit: number, what: string): string[] {
  return list.length <= limit ? [...list] : [...list.slice(0, limit - 1), `and ${list.length - limit + 1} more findings${what}`];
}

/** Whether the step that it was kept for has begun, so that it may have been dropped. */
export function mayBeGone({ steps = [] }: Run, { until }: Expectation): boolean {
  const record = steps.find(({ step }) => step === until)?.record;
  if (until === undefined || !record) return false;
  return record.attempts.length > 1 || record.tasks.some(({ started, state }) => started !== null || state === 'succeeded');
}

/** Looks at one of them; nothing is looked at where no task has succeeded. */
export async function checkOne(run: RunFacts, expected: PathExpectation): Promise<Checked> {
  const succeeded = run.tasks.filter((task) => task.succeeded);
  if (succeeded.length === 0) return { checked: 0, faults: [] };
  if (expected.kind === 'each') return eachFaults(run, expected);
  const tasks = expected.path.includes('{index}') ? succeeded : [together(succeeded)];
  if (expected.kind === 'marker')
    return {
      checked: tasks.length,
      faults: tasks.flatMap((task) => markerFault(run, withIndex(expected.path, task.index), task, expected) ?? []),
    };
  // With the reader of archives, which nothing else needs.
  const { checkFiles } = await import('./file-kinds.ts');
  return checkFiles(
    run.folder,
    tasks.map(({ index }) => withIndex(expected.path, index)),
    expected,
  );
}

/** What a marker of the whole run is compared with: it may be written once the first of its tasks began. */
function together(tasks: readonly TaskFacts[]): TaskFacts {
  const [first] = tasks;
  const started = tasks.map((task) => task.started).filter((time) => time !== null);
  return {
    index: 0,
    succeeded: true,
    words: '',
    attempt: 0,
    submitted: null,
    ...first,
    started: started.length > 0 ? Math.min(...started) : null,
  };
}

function markerFault(run: RunFacts, path: string, task: TaskFacts, expected: Expected<'marker'>): string | undefined {
  if (expected.newer_than === undefined && expected.contains === undefined && expected.same === undefined)
    return absence(run, path);
  const found = disproof(run, path, task, expected);
  return found && (found.kind === 'missing' ? `${path} is not there` : `${path}: ${found.kind}: ${found.words}`);
}

/** A marker of which nothing more is asked may be a folder. */
function absence(run: RunFacts, path: string): string | undefined {
  try {
    return statSize(inside(run.folder, path, 'artifact')) === undefined ? `${path} is not there` : undefined;
  } catch (error) {
    return `${path}: ${asFailure(error).message}`;
  }
}
