import * as z from 'zod';
import { digest } from '../base/digest.ts';
import { Failure } from '../base/errors.ts';
import { known } from '../base/fact.ts';
import { pauseWords } from '../policies/pause.ts';
import { TASK_OVER } from '../runs/evidence/lifecycle.ts';
import { current } from '../runs/record.ts';
import type { Run } from '../runs/run.ts';
import { partsOf } from '../runs/run.ts';
import { runField } from './fields.ts';
import { chooseRun } from './run-choice.ts';
import { defineTool } from './tool.ts';

const input = z.strictObject({ run_id: runField });
const output = z.object({
  run_id: z.string(),
  cleared: z.array(z.string()).describe('Job ids whose error state was cleared'),
  next: z.string(),
});

export default defineTool({
  name: 'clear_error',
  command: ['clear'],
  positional: ['run_id'],
  title: 'Let the jobs of a run go on that the scheduler has put in an error state',
  description:
    'Grid Engine keeps a job that it could not start, or whose script said 100, in an error state until somebody clears it. monitor tells which, and why; mend that first. Only jobs of this run are touched.',
  audience: 'person',
  effect: 'write',
  input,
  output,
  facts: async ({ run_id }, reads) => {
    const run = chooseRun(reads, run_id);
    const jobs = blockedJobs(run);
    const { name, clear } = reads.site(run.plan.site);
    const { pause } = reads.policy();
    if (pause)
      throw new Failure('run_state', {
        what: `the error state of job ${jobs.join(', ')} was not cleared`,
        why: `submissions are ${pauseWords(pause)}, and a job that is cleared may begin`,
        next: 'wait until a person has run `autolab-mcp resume`',
      });
    if (!clear)
      throw new Failure('unsupported', {
        what: `site ${name} knows no error states of jobs`,
        next: `call monitor: it says why a job of run ${run.id} does not begin`,
      });
    if (jobs.length === 0)
      throw new Failure('run_state', {
        what: `no job of run ${run.id} is known to be in an error state`,
        next: 'run `autolab-mcp monitor` first: it looks',
      });
    return {
      acts: ['write'],
      subject: subjectOf(run),
      summary: `clear the error state of job ${jobs.join(', ')} of run ${run.id}`,
      site: known(run.plan.site),
    };
  },
  handle: async ({ run_id }, acts, permit) => {
    const run = chooseRun(acts, run_id);
    permit.check(digest(subjectOf(run)));
    const jobs = blockedJobs(run);
    for (const id of jobs) await acts.site(run.plan.site).clear?.(permit, id);
    return { run_id: run.id, cleared: jobs, next: 'monitor_runs, to see whether they begin' };
  },
  text: (out) => `Cleared the error state of job ${out.cleared.join(', ')} of run ${out.run_id}. Next: ${out.next}.`,
});

/** Jobs of which a task waits for somebody's help. */
function blockedJobs(run: Run): string[] {
  const ids = partsOf(run).flatMap(({ record }) => {
    const isBlocked = record.tasks.some(({ state, blocked }) => blocked && !TASK_OVER.has(state));
    const id = current(record)?.jobId;
    return isBlocked && id != null ? [id] : [];
  });
  return [...new Set(ids)];
}

function subjectOf(run: Run): unknown {
  return { clear: run.id, jobs: blockedJobs(run) };
}
