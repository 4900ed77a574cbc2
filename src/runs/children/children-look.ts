import { parseIndices } from '../../base/indices.ts';
import type { ChildNote } from '../../sites/child-notes.ts';
import type { Look } from '../../sites/schedulers/scheduler.ts';
import { judgeTask, unseen } from '../evidence/evidence.ts';
import { rootCause } from '../evidence/lifecycle.ts';
import type { Timings } from '../evidence/timings.ts';
import type { RunRecord } from '../record.ts';
import type { TaskRecord } from '../types.ts';
import type { ChildRecord } from './children.ts';

/** What a noted call came to: a job, nothing for the reason named, or, with neither, not known yet. */
export type SettledNote = { note: ChildNote; job: { id: string; name: string } | null; nothing: string | null };
/** `asked`: the jobs that the poll was asked for; of others its silence says nothing. */
export type ChildSight = { notes: readonly SettledNote[]; asked: ReadonlySet<string> };

/** The children of one attempt of a step after one look: those that were known, and what was noted since. Pure. */
export function observeChildren(record: RunRecord, look: Look, sight: ChildSight, timings: Timings): ChildRecord[] {
  const known = new Map((record.children ?? []).map((child) => [child.slot, child]));
  for (const { note, job, nothing } of sight.notes) {
    const before = known.get(note.slot) ?? fresh(note);
    known.set(note.slot, settled(before, job, nothing));
  }
  const all = [...known.values()];
  // Those before it in the list were judged already, and nothing waits for what was submitted later.
  const judged: ChildRecord[] = [];
  for (const child of all) judged.push(judgeChild(child, judged, record, look, sight, timings));
  return judged;
}

function judgeChild(
  child: ChildRecord,
  before: readonly ChildRecord[],
  { cancelling }: RunRecord,
  look: Look,
  { asked }: ChildSight,
  timings: Timings,
): ChildRecord {
  if (child.job === null || !asked.has(child.job)) return child;
  const parents = parentsOf(child);
  const parentFailed = before.some(({ job, tasks }) => job !== null && parents.includes(job) && rootCause(tasks) !== undefined);
  const views = new Map(
    look.jobs.filter(({ id, name }) => id === child.job && name === child.name).map((view) => [view.index ?? 0, view]),
  );
  const tasks = child.tasks.map((task) => {
    const sight = { view: views.get(task.index), marker: undefined, healthy: look.healthy, at: look.at };
    // It has no marker of ours that could come late.
    const next = judgeTask(task, { ...sight, cancelled: cancelling, parentFailed }, { ...timings, grace: 0 });
    return next.state === 'succeeded' ? { ...next, detail: null } : next;
  });
  return { ...child, tasks };
}

/** Every job that it waits for. */
export function jobsNamed({ after }: Pick<ChildRecord, 'after'>): string[] {
  return after.split(/[,?]/).flatMap((part) =>
    part
      .split(':')
      .slice(1)
      .filter((id) => /^\d/.test(id)),
  );
}

/** The jobs that must end well before it begins. */
export function parentsOf({ after }: Pick<ChildRecord, 'after'>): string[] {
  return after.split(/[,?]/).flatMap((part) => {
    const [kind, ...ids] = part.split(':');
    return kind === 'afterok' || kind === 'aftercorr' ? ids.map((id) => id.replace(/[_+].*$/, '')) : [];
  });
}

function fresh({ slot, name, script, array, after, by }: ChildNote): ChildRecord {
  const indices = (array === '' ? undefined : parseIndices(array))?.indices ?? [0];
  return { slot, job: null, name, script, after, by, tasks: indices.map(unseen) };
}

function settled(before: ChildRecord, job: SettledNote['job'], nothing: string | null): ChildRecord {
  if (before.job !== null) return before;
  if (job) return { ...before, job: job.id, name: job.name, tasks: before.tasks.map(({ index }) => unseen(index)) };
  if (nothing !== null) return { ...before, tasks: [vain(nothing)] };
  const detail = 'whether the scheduler took it is not known yet';
  return { ...before, tasks: before.tasks.map((task): TaskRecord => ({ ...task, state: 'unknown', detail })) };
}

function vain(why: string): TaskRecord {
  return { ...unseen(0), state: 'failed', failure: 'launch', detail: `nothing was submitted: ${why}` };
}
