import type { Run } from '../run.ts';
import type { Expectation, Expected } from './expectation.ts';
import { type RunFacts, runFacts } from './run-facts.ts';

/** A command that has to accept the artifacts of a run, or of one of its tasks. Equal ids are the same command about the same task. */
export type DueCommand = { id: string; argv: readonly string[]; task: number | null; files: Readonly<Record<string, string>> };

/** The commands that launch.yaml expects to accept what a run left behind, in order; none where no task succeeded. */
export function dueCommands(run: Run): DueCommand[] {
  return (run.plan.artifacts.expect as Expectation[]).flatMap((expected, at) =>
    expected.kind === 'command' ? ofExpectation(runFacts(run, expected.step), expected, at) : [],
  );
}

/** The same about one expectation, judged. */
export function commandFaults(
  run: RunFacts,
  expected: Expected<'command'>,
  at: number,
  judged: ReadonlyMap<string, string | null>,
): { checked: number; faults: string[] } {
  const due = ofExpectation(run, expected, at);
  const faults = due.flatMap(({ id, task }) => {
    const why = judged.get(id);
    const words = why === undefined ? 'it was not run' : why;
    return words === null ? [] : [`${expected.argv.join(' ')}: not accepted: ${task === null ? '' : `task ${task}: `}${words}`];
  });
  return { checked: due.length, faults };
}

function ofExpectation(run: RunFacts, { argv, files = {} }: Expected<'command'>, at: number): DueCommand[] {
  const succeeded = run.tasks.filter((task) => task.succeeded);
  if (succeeded.length === 0) return [];
  if (!argv.some((word) => word.includes('{index}'))) return [{ id: String(at), argv, task: null, files }];
  return succeeded.map(({ index }) => ({
    id: `${at}.${index}`,
    argv: argv.map((word) => word.replaceAll('{index}', String(index))),
    task: index,
    files,
  }));
}
