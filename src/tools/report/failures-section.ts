import { formatIndices } from '../../base/indices.ts';
import { cap } from '../../base/text.ts';
import { linesOf } from '../../runs/chain/chain.ts';
import { everyTask } from '../../runs/children/children.ts';
import { failureOf, REMEDIES } from '../../runs/evidence/failure.ts';
import type { JournalLine } from '../../runs/journal.ts';
import { readJournal } from '../../runs/journal.ts';
import { indicesOf } from '../../runs/launch/plan.ts';
import { replay } from '../../runs/record.ts';
import type { Run } from '../../runs/run.ts';
import type { FailureClass, TaskRecord } from '../../runs/types.ts';
import type { Block } from './document.ts';
import { UNKNOWN } from './document.ts';
import type { Chapter } from './gather.ts';
import { everyRun } from './runs-section.ts';

/** What failed, of what class, and what is done about it. */
export function failureBlocks(chapter: Chapter, level: 2 | 3): Block[] {
  const rows = everyRun(chapter)
    .filter((run) => !run.replicates)
    .flatMap(failureRows);
  return [
    { kind: 'heading', level, text: 'Failures' },
    rows.length === 0
      ? { kind: 'text', text: chapter.runs.length === 0 ? 'Nothing has run.' : 'None of these runs has a failure on record.' }
      : {
          kind: 'table',
          caption: 'What failed, and what to do about each class of failure; of what was run again, what had failed before',
          columns: [{ title: 'Run', as: 'code' }, ...['Class', 'Tasks', 'In words', 'Remedy'].map((title) => ({ title }))],
          rows,
        },
  ];
}

function failureRows(run: Run): string[][] {
  const rows = byClass(run, everyTask(run.record)).map((row) => [...row, REMEDIES[row[1]]]);
  const whole = rows.length === 0 ? failureOf(run) : null;
  return [...earlier(run), ...rows, ...(whole ? [[run.id, whole.class, 'the run as a whole', whole.detail, whole.remedy]] : [])];
}

/** Failed tasks: run, class, which of them, and the words of the first. */
function byClass(run: Run, tasks: readonly TaskRecord[]): [string, FailureClass, string, string][] {
  const classes = new Map<FailureClass, TaskRecord[]>();
  for (const task of tasks) {
    if (task.failure === null || task.state === 'continued') continue;
    classes.set(task.failure, [...(classes.get(task.failure) ?? []), task]);
  }
  return [...classes].map(([kind, failed]) => [
    run.id,
    kind,
    tasks.length > 1 ? `${failed.length}: ${namesOf(failed)}` : String(failed.length),
    failed[0]?.detail ?? run.record.because ?? UNKNOWN,
  ]);
}

/** Indices, by step where there are several. */
function namesOf(tasks: readonly TaskRecord[]): string {
  const steps = new Map<string, number[]>();
  for (const { step, child, index } of tasks) {
    const name = child ?? step ?? '';
    steps.set(name, [...(steps.get(name) ?? []), index]);
  }
  const each = [...steps].map(
    ([name, indices]) => `${name === '' ? '' : `${name} `}${formatIndices(indices.sort((a, b) => a - b))}`,
  );
  return cap(each.join('; '), 300);
}

/** Of a run that was opened again: each time what had failed of it, when it was opened, and what was to run. */
function earlier(run: Run): string[][] {
  if (run.record.retries === 0) return [];
  const lines = readJournal(run.folder);
  return lines.flatMap((line, at) => {
    if (line.event !== 'reopened') return [];
    const answer = `opened again at ${line.at}: ${line.because}`;
    const failed = byClass(run, tasksAfter(run, lines.slice(0, at)));
    return failed.length > 0 ? failed.map((row) => [...row, answer]) : [[run.id, 'none', '', 'no task had failed', answer]];
  });
}

/** The tasks of a run as so much of its journal tells of them. */
function tasksAfter({ plan, steps }: Run, lines: readonly JournalLine[]): TaskRecord[] {
  return plan.steps.flatMap((step) => {
    const record = replay(steps ? linesOf(lines, step.name) : lines, indicesOf(step));
    return everyTask(record).map((task) => (steps && task.child === undefined ? { ...task, step: step.name } : task));
  });
}
