import { asFailure } from '../../base/errors.ts';
import type { ActingPermit } from '../../base/permit.ts';
import type { JobView, Tasks } from '../../sites/schedulers/scheduler.ts';
import type { Site } from '../../sites/site.ts';
import { openChildren } from '../children/children.ts';
import { TASK_OVER } from '../evidence/lifecycle.ts';
import { openRuns } from '../open.ts';
import { current } from '../record.ts';
import type { Run } from '../run.ts';
import { reread, withRun } from '../run.ts';
import type { Hold } from './holds.ts';
import { readHolds, without, withTasks, writeHolds } from './holds.ts';
import type { Job } from './look.ts';
import { BEGUN, tasksAt, WAITING } from './look.ts';

/** What a pause, or its end, found of one job: how many of its tasks, and in which way. */
export type Told = {
  run: string;
  site: string;
  job: string;
  tasks: number;
  what: 'held' | 'held before' | 'not let go' | 'runs' | 'not held' | 'released' | 'still held';
  why?: string;
};
export type Sweep = { jobs: Told[]; problems: string[] };

/** How long a submission that is just being made may keep us waiting. */
const PATIENCE_MS = 60_000;

/**
 * Holds what waits of the open runs, at each of their sites with one command, and what of it began meanwhile is left alone. What is about
 * to be held is written down before. The pause is on disk already, so that what is submitted meanwhile stays held by itself. Safe to repeat.
 */
export async function holdWaiting(
  repo: string,
  folder: string,
  siteOf: (name: string) => Site,
  permit: ActingPermit,
): Promise<Sweep> {
  const { runs, unreadable } = openRuns(repo);
  const problems = unreadable.map(({ id, why }) => `run ${id} cannot be read, so its jobs were not held: ${why}`);
  const settled: Run[] = [];
  for (const run of runs) settled.push(await afterRelease(run, problems));
  const jobs = settled.flatMap(jobsOf);
  const told: Told[] = [];
  for (const name of [...new Set(jobs.map(({ site }) => site))].sort()) {
    const here = jobs.filter(({ site }) => site === name);
    try {
      told.push(...(await holdAt(repo, siteOf(name), folder, here, permit, problems)));
    } catch (error) {
      const { code, message, next } = asFailure(error);
      if (code === 'internal') throw error;
      problems.push(`site ${name}: ${unheld(here)}: ${message}; ${next}, then ${AGAIN}`);
    }
  }
  return { jobs: told, problems };
}

const AGAIN = 'call `autolab-mcp pause` again';

function unheld(jobs: readonly Job[]): string {
  return `whether what waits of job ${[...new Set(jobs.map(({ job }) => job))].join(', ')} is held is not known`;
}

/** Who was about to let a job go when the pause was written has done so, and whoever comes later sees the pause. */
async function afterRelease(run: Run, problems: string[]): Promise<Run> {
  const isOnItsWay = (run.steps ?? [run]).some(({ record }) => ON_ITS_WAY.has(current(record)?.phase ?? ''));
  if (!isOnItsWay) return run;
  try {
    return await withRun(run, 'pausing', () => reread(run), PATIENCE_MS);
  } catch (error) {
    const failure = asFailure(error);
    if (failure.code === 'internal') throw error;
    problems.push(`run ${run.id}: ${failure.message}; a job that was just being let go may run: ${AGAIN}`);
    return reread(run);
  }
}

const ON_ITS_WAY: ReadonlySet<string> = new Set(['intent', 'ambiguous', 'submitted', 'releasing']);

function jobsOf(run: Run): Job[] {
  return (run.steps ?? [run]).flatMap(({ record }) => {
    const attempt = current(record);
    if (!attempt) return [];
    const of = { run: run.id, site: run.plan.site, since: Date.parse(attempt.intentAt) / 1000 };
    const isOver = record.tasks.every(({ state }) => TASK_OVER.has(state));
    const its = { ...of, name: attempt.name, ...(ON_ITS_WAY.has(attempt.phase) ? { unreleased: true as const } : {}) };
    const own = attempt.jobId === null || isOver ? [] : [{ ...its, job: attempt.jobId }];
    return [...own, ...openChildren(record).map(({ id, name }) => ({ ...of, job: id, name }))];
  });
}

async function holdAt(
  repo: string,
  site: Site,
  folder: string,
  jobs: readonly Job[],
  permit: ActingPermit,
  problems: string[],
): Promise<Told[]> {
  const before = await tasksAt(repo, site, jobs);
  if (!before.healthy)
    problems.push(`site ${site.name}: ${unheld(jobs)}: the scheduler is not healthy and may not show all there is; ${AGAIN}`);
  const mine = readHolds(folder);
  const wanted = jobs.flatMap((one) => holdOf(one, before.rows, ({ state: now }) => WAITING.has(now)));
  writeHolds(folder, withTasks(mine, wanted));
  const said = await site.hold(permit, wanted.map(tasksOf));
  const after = wanted.length > 0 ? await tasksAt(repo, site, jobs) : before;
  const ours = withTasks(mine, wanted);
  // Also what a pause before this one wrote down and was cut off at.
  const begun = ours.flatMap((one) => holdOf(one, after.rows, (row) => isOf(one, row) && BEGUN.has(row.state)));
  if (begun.length > 0 && site.scheduler.holdsRunning) await site.unhold(permit, begun.map(tasksOf));
  const isThere = (one: Hold, row: JobView) => isOf(one, row) && (row.state === 'held' || WAITING.has(row.state));
  const gone = wanted.flatMap((one) => rest(one, holdOf(one, after.rows, (row) => isThere(one, row))[0]));
  writeHolds(folder, without(readHolds(folder), after.healthy ? [...begun, ...gone] : begun));
  return jobs.flatMap((one) => toldOf(one, after.rows, ours, said));
}

function toldOf(
  { run, site, job, name, unreleased }: Job,
  rows: readonly JobView[],
  ours: readonly Hold[],
  said: string,
): Told[] {
  const its = rows.filter((row) => row.id === job && row.name === name);
  const hold = ours.find((one) => one.site === site && one.job === job && one.name === name);
  const isOurs = (row: JobView) => hold !== undefined && isOf(hold, row);
  const of = { run, site, job };
  const many = (what: Told['what'], is: (row: JobView) => boolean, why?: string): Told[] => {
    const tasks = its.filter(is).length;
    return tasks === 0 ? [] : [{ ...of, tasks, what, ...(why ? { why } : {}) }];
  };
  return [
    ...many('held', (row) => row.state === 'held' && isOurs(row)),
    ...many(unreleased ? 'not let go' : 'held before', (row) => row.state === 'held' && !isOurs(row)),
    ...many('runs', (row) => BEGUN.has(row.state)),
    ...many('not held', (row) => WAITING.has(row.state), said || 'the scheduler said nothing'),
  ];
}

/** Those tasks of a job of which this is so. */
export function holdOf(of: Job, rows: readonly JobView[], is: (row: JobView) => boolean): Hold[] {
  const its = rows.filter((row) => row.id === of.job && row.name === of.name && is(row));
  if (its.length === 0) return [];
  const indices = its.flatMap(({ index }) => index ?? []).sort((a, b) => a - b);
  const { run, site, job, name, since } = of;
  return [{ run, site, job, name, since, indices: indices.length === 0 ? null : indices }];
}

/** Whether a row is one of these tasks. */
export function isOf({ job, name, indices }: Hold, row: JobView): boolean {
  return row.id === job && row.name === name && (indices === null || (row.index !== null && indices.includes(row.index)));
}

/** What of it is not among these. */
function rest(all: Hold, some: Hold | undefined): Hold[] {
  return some ? without([all], [some]) : [all];
}

export function tasksOf({ job, indices }: Hold): Tasks {
  return { id: job, indices };
}
