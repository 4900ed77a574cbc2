import { basename } from 'node:path';
import { cap } from '../../base/text.ts';
import { TASK_OVER } from '../evidence/lifecycle.ts';
import type { RunRecord } from '../record.ts';
import type { TaskRecord } from '../types.ts';

/** A job that a script of the run submitted by itself, or a call for one that came to nothing, as the journal tells it. */
export type ChildRecord = {
  /** Its place among those that were declared; `no.1`, … for a call that was refused. */
  slot: string;
  /** Null where there is none, or none is known yet. */
  job: string | null;
  name: string;
  script: string;
  /** The dependency it was given, in the scheduler's words. */
  after: string;
  /** The slot of the job whose script submitted it; empty for the step's own. */
  by: string;
  tasks: TaskRecord[];
};

type WithChildren = Pick<RunRecord, 'tasks' | 'children'>;

/** All that is waited for: the tasks of the plan, and those of the jobs that its scripts submitted. */
export function everyTask({ tasks, children = [] }: WithChildren): TaskRecord[] {
  return [...tasks, ...children.flatMap(tasksOf)];
}

/** The tasks of a child, each with the name of its job. */
export function tasksOf(child: ChildRecord): TaskRecord[] {
  return child.tasks.map((task) => ({ ...task, child: childName(child) }));
}

/** `job 17 hist-1`: its role is the name its script gave it, or that script's own. */
export function childName({ job, name, script, slot }: Omit<ChildRecord, 'tasks' | 'after' | 'by'>): string {
  const role = name === '' || name.startsWith('al_') ? basename(script) : name;
  return `${job === null ? `call ${slot}` : `job ${job}`}${role === '' ? '' : ` ${role}`}`;
}

export function isOpenChild({ tasks }: ChildRecord): boolean {
  return tasks.some(({ state }) => !TASK_OVER.has(state));
}

/** Jobs of scripts that may still be at the scheduler, by id and name. */
export function openChildren({ children = [] }: Pick<RunRecord, 'children'>): { id: string; name: string; open: number }[] {
  return children.flatMap(({ job, name, tasks }) => {
    const open = tasks.filter(({ state }) => !TASK_OVER.has(state)).length;
    return job === null || open === 0 ? [] : [{ id: job, name, open }];
  });
}

/** Those that will never start, since what they wait for did not end as it should: only an end from outside ends them. */
export function danglingChildren({ children = [] }: Pick<RunRecord, 'children'>): ChildRecord[] {
  return children.filter(({ tasks }) => tasks.some(({ state, blocked }) => blocked && !TASK_OVER.has(state)));
}

/** `children: 12 done, 3 running, 1 failed: job 17 hist-1`; empty where there are none. */
export function childrenLine({ children = [] }: Pick<RunRecord, 'children'>): string {
  if (children.length === 0) return '';
  const of = (kind: string) => children.filter((child) => stateOf(child) === kind);
  const words = ['done', 'running', 'waiting', 'unknown'].flatMap((kind) => {
    const many = of(kind).length;
    return many > 0 ? [`${many} ${kind}`] : [];
  });
  const failed = of('failed').toSorted((a, b) => Number(isFollowing(a)) - Number(isFollowing(b)));
  if (failed.length > 0) words.push(`${failed.length} failed: ${cap(failed.map(childName).join(', '), 120)}`);
  return `children: ${words.join(', ')}`;
}

/** One word for the whole of a job. */
export function stateOf({ tasks }: ChildRecord): 'done' | 'running' | 'waiting' | 'failed' | 'unknown' {
  const states = tasks.map(({ state }) => state);
  if (states.some((state) => state === 'failed' || state === 'interrupted')) return 'failed';
  if (states.every((state) => state === 'succeeded')) return 'done';
  if (states.includes('unknown')) return 'unknown';
  return states.some((state) => state === 'running' || state === 'succeeded') ? 'running' : 'waiting';
}

function isFollowing({ tasks }: ChildRecord): boolean {
  return tasks.every(({ failure }) => failure === null || failure === 'dependency');
}
