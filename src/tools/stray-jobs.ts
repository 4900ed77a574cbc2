import { asFailure } from '../base/errors.ts';
import type { ActingPermit } from '../base/permit.ts';
import { givenUp, strays } from '../runs/given-up.ts';
import { openJobs } from '../runs/monitor.ts';
import { current } from '../runs/record.ts';
import type { Run } from '../runs/run.ts';
import { record, reread, withRun } from '../runs/run.ts';
import { STRAY_LIMIT } from '../runs/timings.ts';
import type { PollQuery } from '../sites/schedulers/scheduler.ts';
import type { Site } from '../sites/site.ts';

/**
 * What a poll is asked for a run or step that was submitted again after an attempt was given up: its job, though that may be over, and the
 * names under which another one may still come. Undefined where there is no such attempt, or the last one is too long ago.
 */
export function forStrays(part: Run): { jobs: PollQuery['jobs']; names: string[] } | undefined {
  const attempt = current(part.record);
  const late = givenUp(part).filter(({ intentAt }) => Date.now() - Date.parse(intentAt) < STRAY_LIMIT * 1000);
  if (attempt?.jobId == null || late.length === 0) return undefined;
  const open = openJobs(part);
  return {
    jobs: open.length > 0 ? open : [{ id: attempt.jobId, name: attempt.name, open: 0 }],
    names: late.map(({ name }) => name),
  };
}

/** Cancels and records what was accepted under the name of an attempt that had been given up. It would wait for ever: nobody else knows of it. */
export async function endStrays(
  run: Run,
  look: Parameters<typeof strays>[1],
  site: Site,
  permit: ActingPermit,
  problems: string[],
): Promise<void> {
  const found = (run.steps ?? [run]).flatMap((part) => strays(part, look));
  if (found.length === 0) return;
  try {
    await withRun(run, 'cancelling what came late', async () => {
      await site.cancel(permit, found);
      record(reread(run), ...found.map(({ id, name }) => ({ event: 'surplus' as const, job_id: id, name })));
    });
    const jobs = found.map(({ id }) => id).join(', ');
    problems.push(
      `${run.id}: job ${jobs} was accepted after it had been given up and submitted again; it ran nothing, and is cancelled`,
    );
  } catch (error) {
    problems.push(`${run.id}: a job that was accepted late could not be cancelled: ${asFailure(error).message}`);
  }
}
