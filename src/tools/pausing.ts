import { join } from 'node:path';
import * as z from 'zod';
import { asFailure } from '../base/errors.ts';
import { withLock } from '../base/lock.ts';
import { cap, clean, count } from '../base/text.ts';
import type { Reads } from '../context.ts';
import { pauseWords } from '../policies/pause.ts';
import { pauseFolder } from '../runs/home.ts';
import type { Told } from '../runs/pause/hold.ts';
import { readHolds } from '../runs/pause/holds.ts';

/** A pause and its end ask every site twice, and may each have to wait for another one's. */
const PATIENCE_MS = 240_000;

export const jobsOut = z.array(
  z.object({
    run_id: z.string(),
    site: z.string(),
    job_id: z.string(),
    tasks: z.number().int(),
    what: z.enum(['held', 'held before', 'not let go', 'runs', 'not held', 'released', 'still held']),
    scheduler_said: z.string().optional(),
  }),
);

/** Only one holds or lets go at a time. */
export function sweeping<T>(folder: string, purpose: string, work: () => Promise<T>): Promise<T> {
  return withLock(join(folder, 'pause.lock'), purpose, work, PATIENCE_MS);
}

export function jobsView(jobs: readonly Told[]): z.output<typeof jobsOut> {
  return jobs.map(({ run, site, job, tasks, what, why }) => ({
    ...{ run_id: run, site, job_id: job, tasks, what },
    ...(why === undefined ? {} : { scheduler_said: cap(clean(why), 300) }),
  }));
}

const WORDS = {
  held: 'held',
  'held before': 'was held already and not by a pause; resume leaves it so',
  'not let go': 'is held since its submission; resume lets it go',
  runs: 'runs already and goes on',
  'not held': 'COULD NOT BE HELD and may begin',
  released: 'released',
  'still held': 'could not be released and is still held',
} as const satisfies Record<Told['what'], string>;

/** One line a job. */
export function jobLines(jobs: z.output<typeof jobsOut>): string[] {
  return jobs.map(
    ({ run_id, site, job_id, tasks, what, scheduler_said }) =>
      `  job ${job_id} of run ${run_id} on ${site}${tasks > 1 ? `, ${count(tasks, 'task')}` : ''}: ${WORDS[what]}${scheduler_said ? ` (${JSON.stringify(scheduler_said)})` : ''}`,
  );
}

/** That the repository is paused, or what a pause that has ended still holds; undefined where there is neither. */
export function pausedLine(reads: Reads): string | undefined {
  const { pause } = reads.policy();
  if (pause) return `${pauseWords(pause)}: nothing is submitted or let go until a person runs \`autolab-mcp resume\``;
  try {
    const holds = readHolds(pauseFolder(reads.repo));
    if (holds.length === 0) return undefined;
    return `job ${holds.map(({ job, site }) => `${job} on ${site}`).join(', ')} may still be held by a pause that has ended: a person runs \`autolab-mcp resume\` again`;
  } catch (error) {
    return asFailure(error).message;
  }
}

/** The same for an answer that has room for it. */
export function pausedView(reads: Reads): { paused?: string } {
  const paused = pausedLine(reads);
  return paused === undefined ? {} : { paused };
}
