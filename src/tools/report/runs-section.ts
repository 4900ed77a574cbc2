import { instant } from '../../base/ids.ts';
import { formatIndices } from '../../base/indices.ts';
import { cap } from '../../base/text.ts';
import { everyTask } from '../../runs/children/children.ts';
import { failureOf, REMEDIES } from '../../runs/evidence/failure.ts';
import { countTasks } from '../../runs/evidence/lifecycle.ts';
import { readJournal } from '../../runs/journal.ts';
import type { Run } from '../../runs/run.ts';
import type { FailureClass, TaskRecord } from '../../runs/types.ts';
import type { Block } from './document.ts';
import { names, UNKNOWN } from './document.ts';
import type { Chapter } from './gather.ts';
import { MOST_CELLS, taskGrid } from './task-grid.ts';

/** Grids are drawn for so many arrays, the newest. */
const MOST_GRIDS = 20;

/** Launches, each followed by the runs of its group. */
export function everyRun({ runs }: Pick<Chapter, 'runs'>): Run[] {
  return runs.flatMap(({ run, parts }) => [run, ...parts.map((one) => one.run)]);
}

/** What ran, where, with what code. */
export function runBlocks(chapter: Chapter, level: 2 | 3): Block[] {
  const { runs, more, foreign } = chapter;
  const heading: Block = { kind: 'heading', level, text: 'Runs' };
  const others: Block[] =
    foreign === 0 ? [] : [{ kind: 'text', text: `Not in this report: ${foreign} run folders that another program has made.` }];
  if (runs.length === 0) return [heading, { kind: 'text', text: 'There are no runs to tell of yet.' }, ...others];
  const all = everyRun(chapter);
  return [
    heading,
    {
      kind: 'table',
      caption: 'Runs, the newest first, times in UTC; one that is made of several stands before them',
      columns: [
        { title: 'Run', as: 'code' },
        ...['State', 'Site', 'Partition', 'Nodes'].map((title) => ({ title })),
        { title: 'Tasks that ended well' },
        ...['Jobs', 'Submitted', 'Started', 'Ended', 'Artifacts'].map((title) => ({ title })),
      ],
      rows: all.map(runRow),
    },
    ...(more > 0 ? [{ kind: 'text', text: `… and ${more} more, older ones.` } as const] : []),
    ...others,
    {
      kind: 'table',
      caption: 'The code of each run, as it was when the run was planned',
      columns: [
        { title: 'Run', as: 'code' },
        { title: 'Commit', as: 'code' },
        { title: 'Branch' },
        { title: 'Working tree' },
        { title: 'Snapshot', as: 'code' },
        { title: 'Plan', as: 'code' },
      ],
      rows: all.map(codeRow),
    },
    ...grids(all, level),
  ];
}

function runRow(run: Run): string[] {
  const { record, plan } = run;
  const tasks = everyTask(record);
  const counts = countTasks(tasks);
  const jobs = attemptsOf(run).flatMap(({ jobId }) => jobId ?? []);
  const times = (key: 'started' | 'ended') => tasks.flatMap((task) => task[key] ?? []);
  const ended = tasks.length > 0 && times('ended').length === tasks.length ? Math.max(...times('ended')) : null;
  const submitted = attemptsOf(run)
    .flatMap(({ submittedAt }) => submittedAt ?? [])
    .sort();
  return [
    run.id,
    record.retries > 0 ? `${record.state} (opened again ${record.retries} times)` : record.state,
    `${plan.site} (${plan.scheduler})`,
    names(plan.steps.map(({ requested }) => requested.partition ?? 'the site’s default')),
    names(tasks.flatMap(({ node }) => node ?? [])) || UNKNOWN,
    `${counts.succeeded} of ${counts.total}`,
    names(jobs) || UNKNOWN,
    submitted[0] ?? UNKNOWN,
    timeOf(times('started').reduce<number | null>((least, one) => (least === null ? one : Math.min(least, one)), null)),
    timeOf(ended),
    record.sync.status,
  ];
}

function codeRow(run: Run): string[] {
  const { capsule } = run.plan;
  const snapshots = attemptsOf(run).flatMap(({ code }) => code?.id ?? []);
  return [
    run.id,
    capsule.commit ?? UNKNOWN,
    capsule.branch ?? (capsule.commit === null ? UNKNOWN : 'none'),
    capsule.why !== null
      ? `${UNKNOWN}: ${capsule.why}`
      : capsule.clean
        ? 'clean'
        : `not clean: ${names(capsule.changed) || 'what differs was not written down'}`,
    names(snapshots) || (run.plan.code === 'snapshot' ? UNKNOWN : 'none: it ran from the repository'),
    names(attemptsOf(run).map(({ planDigest }) => planDigest.slice(0, 16))) || UNKNOWN,
  ];
}

function attemptsOf(run: Run): Run['record']['attempts'] {
  return (run.replicates ?? run.steps ?? [run]).flatMap(({ record }) => record.attempts);
}

/** Epoch seconds as a time. */
function timeOf(seconds: number | null): string {
  return seconds === null || !Number.isFinite(seconds) || Math.abs(seconds) > 1e11 ? UNKNOWN : instant(new Date(seconds * 1000));
}

/** The tasks of each array, drawn. */
function grids(all: readonly Run[], level: 2 | 3): Block[] {
  const arrays = all
    .filter((run) => !run.replicates)
    .flatMap((run) =>
      (run.steps ?? [run]).flatMap((part) =>
        part.record.tasks.length > 1
          ? [{ name: part.step === undefined ? run.id : `${run.id}, step ${part.step}`, tasks: part.record.tasks }]
          : [],
      ),
    );
  if (arrays.length === 0) return [];
  const drawn = arrays.slice(0, MOST_GRIDS).map(({ name, tasks }): Block => {
    const rest = tasks.length > MOST_CELLS ? `; the first ${MOST_CELLS} are drawn` : '';
    const caption = `Tasks of ${name} by index, ${tasks.length} in all${rest}`;
    return { kind: 'figure', caption, svg: taskGrid(caption, tasks) };
  });
  const more = arrays.length - drawn.length;
  return [
    { kind: 'heading', level: level === 2 ? 3 : 4, text: 'Tasks of arrays' },
    {
      kind: 'table',
      caption: 'Where the tasks of each array stand',
      columns: [
        { title: 'Array', as: 'code' },
        ...['all', 'ended well', 'running', 'waiting', 'failed', 'interrupted', 'unknown'].map((title) => ({
          title,
          as: 'number' as const,
        })),
      ],
      rows: arrays.map(({ name, tasks }) => {
        const counts = countTasks(tasks);
        const { total, succeeded, running, waiting, failed, interrupted, unknown } = counts;
        return [name, ...[total, succeeded, running, waiting, failed, interrupted, unknown].map(String)];
      }),
    },
    ...drawn,
    ...(more > 0 ? [{ kind: 'text', text: `… and ${more} more arrays that are not drawn.` } as const] : []),
  ];
}

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
          caption: 'What failed, and what to do about each class of failure',
          columns: [{ title: 'Run', as: 'code' }, ...['Class', 'Tasks', 'In words', 'Remedy'].map((title) => ({ title }))],
          rows,
        },
  ];
}

function failureRows(run: Run): string[][] {
  const classes = new Map<FailureClass, TaskRecord[]>();
  for (const task of everyTask(run.record)) {
    if (task.failure === null || task.state === 'continued') continue;
    classes.set(task.failure, [...(classes.get(task.failure) ?? []), task]);
  }
  const rows = [...classes].map(([kind, tasks]) => [
    run.id,
    kind,
    run.record.tasks.length > 1 ? `${tasks.length}: ${namesOf(tasks)}` : String(tasks.length),
    tasks[0]?.detail ?? run.record.because ?? UNKNOWN,
    REMEDIES[kind],
  ]);
  const whole = rows.length === 0 ? failureOf(run) : null;
  return [...earlier(run), ...rows, ...(whole ? [[run.id, whole.class, 'the run as a whole', whole.detail, whole.remedy]] : [])];
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

/** Of a run that was opened again: why, each time. */
function earlier(run: Run): string[][] {
  if (run.record.retries === 0) return [];
  return readJournal(run.folder).flatMap((line) =>
    line.event === 'reopened' ? [[run.id, 'mended', '', line.because, `opened again at ${line.at}`]] : [],
  );
}
