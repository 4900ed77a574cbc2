import { statSync } from 'node:fs';
import { asFailure } from '../base/errors.ts';
import { inside, readText } from '../base/files.ts';
import { clean } from '../base/text.ts';
import type { Expectation } from './launch-file.ts';
import type { Run } from './run.ts';

/** Looks at every artifact that launch.yaml expects of the tasks that succeeded. `{index}` in a path is a task's index. */
export function checkExpectations(run: Run): { checked: number; missing: string[] } {
  const indices = run.record.tasks.filter((task) => task.state === 'succeeded').map((task) => task.index);
  const wanted = (run.plan.artifacts.expect as Expectation[]).flatMap((one) =>
    one.path.includes('{index}')
      ? indices.map((index) => ({ ...one, path: one.path.replaceAll('{index}', String(index)) }))
      : indices.length > 0
        ? [one]
        : [],
  );
  const missing = wanted.flatMap((one) => fault(run.folder, one) ?? []);
  return { checked: wanted.length, missing };
}

/** What is wrong with one artifact, in words; undefined when it is as expected. */
function fault(folder: string, expected: Expectation): string | undefined {
  try {
    const path = inside(folder, expected.path, 'artifact');
    const seen = statSync(path, { throwIfNoEntry: false });
    if (!seen) return `${expected.path} is not there`;
    if (expected.kind === 'marker') return undefined;
    if (!seen.isFile()) return `${expected.path} is no file`;
    if (seen.size === 0) return `${expected.path} is empty`;
    return expected.kind === 'json' ? jsonFault(path, expected) : undefined;
  } catch (error) {
    return `${expected.path}: ${asFailure(error).message}`;
  }
}

function jsonFault(path: string, expected: Extract<Expectation, { kind: 'json' }>): string | undefined {
  let value: unknown;
  try {
    value = JSON.parse(readText(path) ?? '');
  } catch (error) {
    return `${expected.path} is not JSON (${clean(error instanceof Error ? error.message : String(error)).slice(0, 120)})`;
  }
  const keys = typeof value === 'object' && value !== null && !Array.isArray(value) ? Object.keys(value) : [];
  const absent = expected.required.filter((key) => !keys.includes(key));
  return absent.length > 0 ? `${expected.path} has no ${absent.join(', ')}` : undefined;
}
