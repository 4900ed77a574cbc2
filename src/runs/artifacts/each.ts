import { readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { inside } from '../../base/files.ts';
import { formatIndices } from '../../base/indices.ts';
import { quote } from '../../base/text.ts';
import { amountText, isAmount } from './amount.ts';
import type { Expected } from './expectation.ts';
import { findPaths } from './glob.ts';
import { type Disproof, disproof, kindOf } from './markers.ts';
import type { RunFacts, TaskFacts } from './run-facts.ts';
import { flawText } from './unreadable.ts';

/** What is wrong with the folder of one task. */
type Kind = Disproof['kind'] | 'task not succeeded' | 'alongside';
type Fault = { kind: Kind; words: string };

const ORDER: readonly Kind[] = [
  'missing',
  'wrong kind',
  'stale',
  'foreign',
  'not as expected',
  'alongside',
  'task not succeeded',
];

/**
 * One folder and marker for each task of the plan, whatever folders there are: told by kind of fault, with the indices. A folder that no
 * task of the plan has is told too, since programs that count folders would count it.
 */
export function eachFaults(run: RunFacts, expected: Expected<'each'>): { checked: number; faults: string[] } {
  const tasks = run.tasks.filter((task) => expected.of !== 'succeeded' || task.succeeded);
  const found = tasks.map((task) => ({ task, fault: taskFault(run, expected, task) }));
  const good = found.filter(({ fault }) => !fault).length;
  const where = `${expected.path}/${expected.marker}`;
  const faults = ORDER.flatMap((kind) => {
    const these = found.filter(({ fault }) => fault?.kind === kind);
    const [first] = these;
    if (!first) return [];
    const indices = formatIndices(these.map(({ task }) => task.index));
    const detail = kind === 'missing' ? '' : ` (${these.length > 1 ? `${first.task.index}: ` : ''}${first.fault?.words})`;
    return [`${where}: ${kind}: ${indices}${detail}; ${good} of ${tasks.length} are as expected`];
  });
  return { checked: tasks.length, faults: [...faults, ...extraFaults(run, expected, where)] };
}

/** The tasks whose folder is not as expected, each with what is wrong. */
export function faultyTasks(run: RunFacts, expected: Expected<'each'>): { index: number; words: string }[] {
  return run.tasks.flatMap((task) => {
    const fault = task.succeeded ? taskFault(run, expected, task) : undefined;
    return fault ? [{ index: task.index, words: `${withIndex(expected.path, task.index)}: ${fault.kind}: ${fault.words}` }] : [];
  });
}

function taskFault(run: RunFacts, expected: Expected<'each'>, task: TaskFacts): Fault | undefined {
  const path = withIndex(expected.path, task.index);
  try {
    const folder = statSync(inside(run.folder, path, 'folder'), { throwIfNoEntry: false });
    if (!folder) return { kind: 'missing', words: 'the folder is not there' };
    if (!folder.isDirectory()) return { kind: 'wrong kind', words: `${path} is ${kindOf(folder)}; expected a folder` };
    const wrong = disproof(run, join(path, withIndex(expected.marker, task.index)), task, expected);
    if (wrong) return wrong;
    const words = alongsideFault(run, path, expected, task);
    if (words) return { kind: 'alongside', words };
    return task.succeeded ? undefined : { kind: 'task not succeeded', words: task.words };
  } catch (error) {
    return { kind: 'not as expected', words: flawText(error) };
  }
}

function alongsideFault(
  run: RunFacts,
  path: string,
  { alongside = [], size }: Expected<'each'>,
  task: TaskFacts,
): string | undefined {
  for (const pattern of alongside) {
    const files = findPaths(run.folder, join(path, withIndex(pattern, task.index)));
    if (files.length === 0) return `no ${withIndex(pattern, task.index)} in ${path}`;
    for (const file of files) {
      const seen = statSync(inside(run.folder, file, 'artifact'));
      if (!seen.isFile()) return `${file} is ${kindOf(seen)}; expected a file`;
      if (seen.size === 0) return `${file} is empty`;
      if (size !== undefined && !isAmount(seen.size, size)) return `${file} has ${seen.size} bytes; expected ${amountText(size)}`;
    }
  }
  return undefined;
}

/** Folders beside those of the tasks that are named as theirs are, with something else in place of the index. */
function extraFaults(run: RunFacts, { path }: Expected<'each'>, where: string): string[] {
  const parts = path.split('/');
  const at = parts.findIndex((part) => part.includes('{index}'));
  const [before = '', after = ''] = (parts[at] ?? '').split('{index}');
  const due = new Set(run.tasks.map(({ index }) => withIndex(parts[at] ?? '', index)));
  const own = (name: string) => name.startsWith(before) && name.endsWith(after) && name.length >= before.length + after.length;
  try {
    const folder = inside(run.folder, join('.', ...parts.slice(0, at)), 'folder');
    if (!statSync(folder, { throwIfNoEntry: false })?.isDirectory()) return [];
    const extra = readdirSync(folder, { withFileTypes: true })
      .filter((entry) => own(entry.name) && !due.has(entry.name))
      .filter(({ name }) => before + after !== '' || /^\d+$/.test(name))
      .filter((entry) => entry.isDirectory() || /^\d+$/.test(entry.name.slice(before.length, entry.name.length - after.length)))
      .map(({ name }) => quote(name, 60))
      .sort();
    if (extra.length === 0) return [];
    const more = extra.length > 10 ? ` and ${extra.length - 10} more` : '';
    return [
      `${where}: extra: ${extra.slice(0, 10).join(', ')}${more}; no task of the plan has ${extra.length > 1 ? 'them' : 'it'}`,
    ];
  } catch (error) {
    return [`${where}: ${flawText(error)}`];
  }
}

export function withIndex(path: string, index: number): string {
  return path.replaceAll('{index}', String(index));
}
