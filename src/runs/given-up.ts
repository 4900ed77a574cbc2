import { mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { syncFolder } from '../base/files.ts';
import type { JobView, Look } from '../sites/schedulers/scheduler.ts';
import { indicesOf, stepOf } from './plan.ts';
import type { Run } from './run.ts';
import { gateOf } from './run.ts';
import type { Attempt } from './types.ts';

/** Who has the task of an attempt that was given up: no job has this id. */
const NOBODY = 'nobody';

/** Attempts that were sent, and of which nothing was found: the scheduler may still take them, whatever a look has said before. */
export function givenUp({ record }: Run): Attempt[] {
  return record.attempts.filter(({ phase }) => phase === 'none' || phase === 'unknown');
}

/**
 * Takes the claim of every task of every attempt that was given up, as a job of it would: one that is accepted after all then ends itself
 * without running anything. To be called before a further attempt is sent. Gives the job that has such a task already: it has begun, and
 * nothing may be sent beside it. Safe to repeat.
 */
export function takeClaims(run: Run): string | undefined {
  const folder = join(gateOf(run), 'claim');
  const tasks = givenUp(run).flatMap(({ step, attempt, indices }) =>
    (indices ?? indicesOf(stepOf(run))).map((index) => `${step}.${index}.${attempt}`),
  );
  if (tasks.length === 0) return undefined;
  mkdirSync(folder, { recursive: true });
  for (const task of tasks) {
    const owner = take(folder, task);
    if (owner !== NOBODY) return owner;
  }
  syncFolder(folder);
  return undefined;
}

/** As al_claim of the job script: a folder with its owner inside, renamed into place. Gives who has it. */
function take(folder: string, task: string): string {
  const mine = join(folder, `.${task}.${NOBODY}.${process.pid}`);
  mkdirSync(mine, { recursive: true });
  writeFileSync(join(mine, 'job'), `${NOBODY}\n`);
  try {
    renameSync(mine, join(folder, task));
    return NOBODY;
  } catch {
    rmSync(mine, { recursive: true, force: true });
    return readFileSync(join(folder, task, 'job'), 'utf8').trim();
  }
}

/** Jobs that came of attempts that were given up, and that wait: nothing will be done with them, and nobody but we would end them. */
export function strays(run: Run, look: Look): { id: string; name: string }[] {
  const names = new Set(givenUp(run).map(({ name }) => name));
  const waiting = look.jobs.filter(
    (view: JobView) => names.has(view.name) && (view.state === 'held' || view.state === 'pending'),
  );
  return [...new Map(waiting.map(({ id, name }) => [id, { id, name }])).values()];
}
