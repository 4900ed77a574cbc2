import { instant } from '../../base/ids.ts';
import { countTasks } from '../../runs/evidence/lifecycle.ts';
import { stepOf } from '../../runs/launch/plan.ts';
import type { Run } from '../../runs/run.ts';
import type { TaskRecord } from '../../runs/types.ts';
import type { Block } from './document.ts';
import { names, UNKNOWN } from './document.ts';
import { MOST_CELLS, taskGrid } from './task-grid.ts';

/** Grids are drawn for so many arrays, the newest. */
const MOST_GRIDS = 20;

/** What has jobs of its own and is worth a line beside its run: the steps of a chain, arrays, and what waited for another run. */
export function stepBlocks(all: readonly Run[], level: 2 | 3): Block[] {
  const parts = all
    .filter((run) => !run.replicates)
    .flatMap((run) => run.steps ?? [run])
    .filter((part) => part.step !== undefined || part.record.tasks.length > 1 || (part.plan.after ?? []).length > 0);
  if (parts.length === 0) return [];
  const arrays = parts.filter(({ record }) => record.tasks.length > 1);
  const drawn = arrays.slice(0, MOST_GRIDS).map(({ id, step, record: { tasks } }): Block => {
    const rest = tasks.length > MOST_CELLS ? `; the first ${MOST_CELLS} are drawn` : '';
    const caption = `Tasks of ${step === undefined ? id : `${id}, step ${step}`} by index, ${tasks.length} in all${rest}`;
    return { kind: 'figure', caption, svg: taskGrid(caption, tasks) };
  });
  const more = arrays.length - drawn.length;
  return [
    { kind: 'heading', level: level === 2 ? 3 : 4, text: 'Steps and arrays' },
    {
      kind: 'table',
      caption: 'Each step of a run, and each array: what it waits for, and where its tasks stand',
      columns: [
        { title: 'Run', as: 'code' },
        { title: 'Step', as: 'code' },
        { title: 'Waits for' },
        ...['Tasks', 'ended well', 'running', 'waiting', 'failed', 'interrupted', 'unknown'].map((title) => ({
          title,
          as: 'number' as const,
        })),
        ...['Jobs', 'Started', 'Ended'].map((title) => ({ title })),
      ],
      rows: parts.map(stepRow),
    },
    ...drawn,
    ...(more > 0 ? [{ kind: 'text', text: `… and ${more} more arrays that are not drawn.` } as const] : []),
  ];
}

function stepRow(part: Run): string[] {
  const { id, plan, record } = part;
  const { total, succeeded, running, waiting, failed, interrupted, unknown } = countTasks(record.tasks);
  const steps = stepOf(part).after ?? [];
  // What the run waits for, its first steps do.
  const runs = steps.length > 0 ? [] : (plan.after ?? []);
  const { started, ended } = timesOf(record.tasks);
  return [
    id,
    part.step ?? '',
    names([...steps.map(({ step, on }) => `${step} (${on})`), ...runs.map(({ run, on }) => `${run} (${on})`)]) || 'nothing',
    ...[total, succeeded, running, waiting, failed, interrupted, unknown].map(String),
    jobsOf(part),
    started,
    ended,
  ];
}

/** The attempts of all that a run is made of. */
export function attemptsOf(run: Run): Run['record']['attempts'] {
  return (run.replicates ?? run.steps ?? [run]).flatMap(({ record }) => record.attempts);
}

/** The jobs of a run, of every attempt, in the order in which they were submitted. */
export function jobsOf(run: Run): string {
  const sent = attemptsOf(run).toSorted((a, b) => a.attempt - b.attempt);
  return names(sent.flatMap(({ jobId }) => jobId ?? [])) || UNKNOWN;
}

/** When the first of them began and the last one ended; that is unknown until all have. */
export function timesOf(tasks: readonly TaskRecord[]): { started: string; ended: string } {
  const started = tasks.flatMap((task) => task.started ?? []);
  const ended = tasks.flatMap((task) => task.ended ?? []);
  return {
    started: timeOf(started.reduce<number | null>((least, one) => (least === null ? one : Math.min(least, one)), null)),
    ended: timeOf(
      ended.length < tasks.length
        ? null
        : ended.reduce<number | null>((most, one) => (most === null ? one : Math.max(most, one)), null),
    ),
  };
}

/** Epoch seconds as a time. */
function timeOf(seconds: number | null): string {
  return seconds === null || !Number.isFinite(seconds) || Math.abs(seconds) > 1e11 ? UNKNOWN : instant(new Date(seconds * 1000));
}
