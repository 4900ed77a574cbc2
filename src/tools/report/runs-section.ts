import { count } from '../../base/text.ts';
import { everyTask } from '../../runs/children/children.ts';
import { countTasks } from '../../runs/evidence/lifecycle.ts';
import type { Run } from '../../runs/run.ts';
import type { Block } from './document.ts';
import { names, UNKNOWN } from './document.ts';
import type { Chapter, Told } from './gather.ts';
import { attemptsOf, jobsOf, stepBlocks, timesOf } from './steps-section.ts';

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
      caption: 'The code of each run, as it was when the run was planned; the runs of a group are named where theirs is another',
      columns: [
        { title: 'Run', as: 'code' },
        { title: 'Commit', as: 'code' },
        { title: 'Branch' },
        { title: 'Working tree' },
        { title: 'Snapshot', as: 'code' },
        { title: 'Plan', as: 'code' },
      ],
      rows: runs.flatMap(codeRows),
    },
    ...stepBlocks(all, level),
  ];
}

function runRow(run: Run): string[] {
  const { record, plan } = run;
  const tasks = everyTask(record);
  const counts = countTasks(tasks);
  const times = timesOf(tasks);
  const submitted = attemptsOf(run)
    .flatMap(({ submittedAt }) => submittedAt ?? [])
    .sort();
  return [
    run.id,
    record.retries > 0 ? `${record.state} (opened again ${count(record.retries, 'time')})` : record.state,
    `${plan.site} (${plan.scheduler})`,
    names(plan.steps.map(({ requested }) => requested.partition ?? 'the site’s default')),
    names(tasks.flatMap(({ node }) => node ?? [])) || UNKNOWN,
    `${counts.succeeded} of ${counts.total}`,
    jobsOf(run),
    submitted[0] ?? UNKNOWN,
    times.started,
    times.ended,
    record.sync.status,
  ];
}

/** Of a group whose runs have all run the same code, it is told once. */
function codeRows({ run, parts }: Told): string[][] {
  const own = JSON.stringify(run.plan.capsule);
  const isSame = parts.every((part) => JSON.stringify(part.run.plan.capsule) === own);
  return (isSame ? [run] : [run, ...parts.map((part) => part.run)]).map(codeRow);
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
