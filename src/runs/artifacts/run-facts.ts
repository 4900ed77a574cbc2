import { readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { sha256 } from '../../base/digest.ts';
import { inside } from '../../base/files.ts';
import { blob } from '../capsule.ts';
import { indicesOf, onlyStep } from '../plan.ts';
import { current } from '../record.ts';
import { codeOf, type Run } from '../run.ts';
import { CLOCK_SKEW } from '../timings.ts';
import type { TaskRecord } from '../types.ts';

/** What a marker of a task is compared with. Times are epoch seconds. */
export type TaskFacts = {
  index: number;
  succeeded: boolean;
  /** Why it did not, in a word or two. */
  words: string;
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

export function runFacts(run: Run): RunFacts {
  const records = new Map(run.record.tasks.map((task) => [task.index, task]));
  const attempt = current(run.record);
  const tasks = indicesOf(onlyStep(run.plan)).map((index): TaskFacts => {
    const task = records.get(index);
    return {
      index,
      succeeded: task?.state === 'succeeded',
      words: task ? wordsOf(task) : 'unknown',
      attempt: attempt?.attempt ?? 0,
      submitted: attempt ? Date.parse(attempt.intentAt) / 1000 : null,
      started: task?.started ?? null,
    };
  });
  const { replicate, seeds } = run.plan;
  return {
    id: run.id,
    folder: run.folder,
    tasks,
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
