import { realpathSync } from 'node:fs';
import { resolve, sep } from 'node:path';
import { Failure } from '../../base/errors.ts';
import type { EventsAsked } from '../../sites/events-look.ts';
import { rootOf } from '../code/place.ts';
import { CLOCK_SKEW } from '../evidence/timings.ts';
import type { Plan } from '../launch/plan.ts';
import { runsOf } from '../launch/plan.ts';
import { workspacePath } from '../resume/workspace.ts';
import type { Run } from '../run.ts';
import { partsOf, repoOf } from '../run.ts';
import type { TaskRecord } from '../types.ts';
import type { Span } from './follow.ts';
import type { EventRecord } from './record.ts';

/** Refuses one log for several runs that run side by side: whose an event is could not be told. */
export function refuseSharedEvents(plan: Plan): void {
  if (plan.events === undefined || plan.events.includes('{run_id}') || runsOf(plan) === 1) return;
  throw new Failure('file_invalid', {
    what: `design.yaml asks for ${runsOf(plan)} replicates, and launch.yaml names one event log for all of them (events)`,
    why: 'runs of a group run side by side, and whose an event is could not be told',
    next: 'write {run_id} into the path of events, or take replicates out of design.yaml',
  });
}

/** Where the log is in a working tree, from its top on: a snapshot has no copy of it, which could not be written to. Empty where it is elsewhere. */
export function logApart(top: string, iterationFolder: string, { events }: Plan): string[] {
  const path = resolve(realpathSync(iterationFolder), events ?? '');
  return events !== undefined && !events.includes('{run_id}') && path.startsWith(`${top}${sep}`)
    ? [path.slice(top.length + 1)]
    : [];
}

/** Where the event log of a run is, from where its job stands and from here on; undefined where it has none. */
export function eventsAsked(run: Run, { offset, head }: EventRecord): EventsAsked | undefined {
  const { events, resume, iteration } = run.plan;
  if (events === undefined) return undefined;
  const repo = repoOf(run);
  const name = events.replaceAll('{run_id}', run.id);
  const workspace = resume && workspacePath(run.iterationFolder, resume.workspace);
  const here = resolve(run.iterationFolder, name);
  const code = partsOf(run)
    .flatMap(({ record }) => record.attempts)
    .findLast((one) => one.code !== undefined)?.code;
  const paths = code ? ([resolve(rootOf(repo, code.id), iteration.folder, name), here] as const) : ([here] as const);
  return { within: workspace === undefined ? [repo] : [repo, workspace], paths, offset, head };
}

/**
 * Between which times events are of this run; undefined while it has not begun, since what is written then is another's. One that comes after
 * others was submitted while they wrote, so that it begins with its first task; any other with its first intent, which a retry does not change.
 */
export function spanOf({ plan, record }: Run): Span | undefined {
  const skew = CLOCK_SKEW[plan.scheduler] ?? Math.max(...Object.values(CLOCK_SKEW));
  const begun = record.tasks.filter(({ state }) => !WAITING.has(state));
  const starts = begun.flatMap(({ started }) => started ?? []);
  const intent = Date.parse(record.attempts[0]?.intentAt ?? '') / 1000;
  const since = plan.after && starts.length > 0 ? Math.min(...starts) : intent;
  if (begun.length === 0 || !Number.isFinite(since)) return undefined;
  const ends = record.tasks.map(({ ended }) => ended ?? Number.POSITIVE_INFINITY);
  // Our times are cut to whole seconds.
  return { since: since - skew, until: Math.max(...ends) + 1 + skew };
}

const WAITING: ReadonlySet<TaskRecord['state']> = new Set(['pending', 'held']);
