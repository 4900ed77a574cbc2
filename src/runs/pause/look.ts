import type { JobView } from '../../sites/schedulers/scheduler.ts';
import type { Site } from '../../sites/site.ts';
import { paceOf } from '../place.ts';

/** A job of ours that may wait at a scheduler. `since`: epoch seconds before its submission; `unreleased`: it was accepted held, and we have not let it go. */
export type Job = { run: string; site: string; job: string; name: string; since: number; unreleased?: true };

/** Where each task of these jobs stands, of the jobs that are ours by id and name; of arrays which of the waiting ones are held. */
export async function tasksAt(repo: string, site: Site, jobs: readonly Job[]): Promise<{ healthy: boolean; rows: JobView[] }> {
  const since = Math.min(...jobs.map((one) => one.since)) - 86_400;
  const asked = [...new Map(jobs.map(({ job, name }) => [`${job}:${name}`, { id: job, name }])).values()];
  const { meter, key } = paceOf(repo, site.kind);
  meter.note('poll', key);
  const look = await site.poll({ jobs: asked, since });
  const ours = new Set(asked.map(({ id, name }) => `${id}:${name}`));
  const rows = look.jobs.filter(({ id, name }) => ours.has(`${id}:${name}`));
  const arrays = rows.filter(({ index, state }) => index !== null && (WAITING.has(state) || state === 'held'));
  const held = await site.heldTasks([...new Set(arrays.map(({ id }) => id))]);
  if (!held) return { healthy: look.healthy, rows };
  const exactly = (row: JobView): JobView =>
    arrays.includes(row) ? { ...row, state: held.has(`${row.id}_${row.index}`) ? 'held' : heldOr(row.state) } : row;
  return { healthy: look.healthy, rows: rows.map(exactly) };
}

function heldOr(state: JobView['state']): JobView['state'] {
  return state === 'held' ? 'pending' : state;
}

/** Waiting, and held by nobody. */
export const WAITING: ReadonlySet<JobView['state']> = new Set(['pending', 'requeued']);
/** It has begun, so that a hold comes too late. */
export const BEGUN: ReadonlySet<JobView['state']> = new Set(['running', 'completing', 'suspended']);
