import { readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { sha256 } from '../../base/digest.ts';
import { inside } from '../../base/files.ts';
import { goesOnFrom, legsOf } from '../chain/legs.ts';
import { CLOCK_SKEW } from '../evidence/timings.ts';
import { blob } from '../launch/capsule.ts';
import { indicesOf, saidAs, stepOf } from '../launch/plan.ts';
import { attemptOf } from '../record.ts';
import { codeOf, type Run } from '../run.ts';
import type { TaskRecord } from '../types.ts';

/** What a marker of a task is compared with. Times are epoch seconds. */
export type TaskFacts = {
  index: number;
  succeeded: boolean;
  /** Why it did not, in a word or two. */
  words: string;
  /** The one it ran in last, which need not be the run's last. */
  attempt: number;
  submitted: number | null;
  started: number | null;
};

/** A file whose hash a marker names: as it is, and whether it is still what it was when the run was planned. */
export type ConfigFacts = { sha256: string; changed: boolean } | { missing: true };

export type RunFacts = {
  id: string;
  folder: string;
  /** Every task of the plan. */
  tasks: readonly TaskFacts[];
  seed: number | null;
  /** What clocks may differ by, in seconds. */
  skew: number;
  config(path: string): ConfigFacts;
};

/** Of a run of several steps the tasks of the one that is named, else of its only array, else of all of them. */
export function runFacts(run: Run, step?: string): RunFacts {
  const heads = (run.steps ?? []).filter((one) => goesOnFrom(stepOf(one)) === undefined);
  const arrays = new Set(heads.filter((one) => stepOf(one).requested.indices !== null).map((one) => saidAs(stepOf(one))));
  const [only] = arrays;
  const name = step ?? (arrays.size === 1 ? only : undefined);
  const parts = (run.steps ?? []).filter((one) => saidAs(stepOf(one)) === name || one.step === name);
  const tasks = (parts.length > 0 ? parts : heads).flatMap((one) => tasksInLegs(run, one));
  return {
    ...factsOf(run),
    tasks: run.steps ? (parts.length > 1 ? tasks.sort((a, b) => a.index - b.index) : tasks) : tasksOf(run),
  };
}

/** Of several legs one task each: as the last leg that was needed has it, and submitted when the first was. */
function tasksInLegs(run: Run, part: Run): TaskFacts[] {
  const legs = legsOf(run.plan.steps, part.step ?? '').flatMap(({ name }) => run.steps?.find(({ step }) => step === name) ?? []);
  return tasksOf(part).map((task) => {
    const needed = legs.find((leg) => !isGoneOnWith(run, leg.step, task.index)) ?? part;
    const own = tasksOf(needed).find(({ index }) => index === task.index);
    return own ? { ...own, submitted: task.submitted } : task;
  });
}

function isGoneOnWith(run: Run, step: string | undefined, index: number): boolean {
  return run.record.tasks.some((task) => task.step === step && task.index === index && task.state === 'continued');
}

function tasksOf(run: Run): TaskFacts[] {
  const records = new Map(run.record.tasks.map((task) => [task.index, task]));
  return indicesOf(stepOf(run)).map((index): TaskFacts => {
    const task = records.get(index);
    const attempt = attemptOf(run.record, index);
    return {
      index,
      succeeded: task?.state === 'succeeded',
      words: task ? wordsOf(task) : 'unknown',
      attempt: attempt?.attempt ?? 0,
      submitted: attempt ? Date.parse(attempt.intentAt) / 1000 : null,
      started: task?.started ?? null,
    };
  });
}

function factsOf(run: Run): Omit<RunFacts, 'tasks'> {
  const { replicate, seeds } = run.plan;
  return {
    id: run.id,
    folder: run.folder,
    seed: replicate?.seed ?? seeds?.base ?? null,
    skew: CLOCK_SKEW[run.plan.scheduler] ?? Math.max(...Object.values(CLOCK_SKEW)),
    config: (path) => configFacts(run, path),
  };
}

function wordsOf({ state, failure }: TaskRecord): string {
  return failure ? `${state}: ${failure.replaceAll('_', ' ')}` : state;
}

function configFacts(run: Run, path: string): ConfigFacts {
  const file = inside(run.iterationFolder, path, 'config');
  if (!statSync(file, { throwIfNoEntry: false })?.isFile()) return { missing: true };
  const content = readFileSync(file);
  const planned = codeOf(run)?.[join(run.plan.iteration.folder, path)];
  return { sha256: sha256(content), changed: planned !== undefined && planned.split(' ')[1] !== blob(content) };
}
