import * as z from 'zod';
import { digest } from '../base/digest.ts';
import { Failure } from '../base/errors.ts';
import { known } from '../base/fact.ts';
import type { Permit } from '../base/permit.ts';
import { openChildren } from '../runs/children/children.ts';
import { closeNotes } from '../runs/children/recorder.ts';
import { endedWell, isOver, TASK_OVER } from '../runs/evidence/lifecycle.ts';
import { maySubmit } from '../runs/launch/plan.ts';
import type { Run } from '../runs/run.ts';
import { gateOf, giveUp, isUnsubmitted, partsOf, phaseOf, record, reread } from '../runs/run.ts';
import { withWhole } from '../runs/run-locks.ts';
import { abandonUnknown, isUnknown } from '../runs/submission/abandon.ts';
import type { Site } from '../sites/site.ts';
import { childJobs } from './children-notes.ts';
import { decisionOut, dryRun, runField, stateOut } from './fields.ts';
import { chooseRun } from './run-choice.ts';
import { tell } from './telling.ts';
import { defineTool } from './tool.ts';
import { decisionView, nextStep } from './views.ts';

const input = z.strictObject({ run_id: runField, dry_run: dryRun });
const output = z.object({
  dry_run: z.boolean(),
  run_id: z.string(),
  state: stateOut,
  cancelled: z.array(z.string()).describe('Job ids the scheduler was asked to end'),
  decision: decisionOut.nullable(),
  next: z.string(),
});

export default defineTool({
  name: 'cancel_run',
  command: ['cancel'],
  positional: ['run_id'],
  title: 'Cancel the jobs of one run of ours',
  description:
    'Ends the jobs of one run that this program submitted, or of every run of a group by its base id, matched on job id and name together; other people’s and other runs’ jobs cannot be named. ' +
    'The run is not failed by this call: monitor_runs sees what became of it. A run that is over is answered with its state.',
  audience: 'agent',
  effect: 'destroy',
  input,
  output,

  settled: async ({ run_id, dry_run }, reads) => {
    const run = chooseRun(reads, run_id);
    return !dry_run && isPast(run) ? answer(run, []) : undefined;
  },

  facts: async ({ run_id }, reads) => {
    const run = chooseRun(reads, run_id);
    return {
      acts: ['cancel'],
      subject: subjectOf(run),
      summary: `cancel run ${run.id} (${run.record.state}): ${maySubmit(run.plan) ? 'what its scripts submitted, and ' : ''}job ${
        jobsOf(run)
          .map((job) => job.id)
          .join(', ') || 'none'
      } on ${run.plan.site}`,
      site: known(run.plan.site),
      run,
    };
  },

  preview: async ({ dry_run }, _reads, facts, decision) =>
    dry_run
      ? {
          ...answer(
            facts.run,
            isPast(facts.run) ? [] : [...jobsOf(facts.run), ...openChildren(facts.run.record)].map((job) => job.id),
          ),
          dry_run: true,
          decision: decisionView(decision),
          next: isPast(facts.run) ? nextStep(facts.run).words : 'cancel_run without dry_run',
        }
      : undefined,

  handle: async ({ run_id }, acts, permit) => {
    const chosen = chooseRun(acts, run_id);
    return withWhole(chosen, 'cancelling', async () => {
      const before = reread(chosen);
      if (isPast(before)) return answer(before, []);
      permit.check(digest(subjectOf(before)));
      const site = acts.site(before.plan.site);
      const late = isUnknown(before) ? await abandonUnknown(before, site, permit) : [];
      const run = reread(before);
      const children = await childrenOf(run, site, permit);
      const jobs = [...jobsOf(run), ...children, ...late];
      if (jobs.length === 0 && !isUnsubmitted(run)) throw nothing(run);
      // The steps of a run share its journal, and with it what is said of the whole.
      for (const part of run.steps ? [run] : partsOf(run)) {
        const ids = [...jobsOf(part), ...children.filter(({ of }) => of === part.id)].map((job) => job.id);
        if (ids.length > 0) record(part, { event: 'cancelling', job_ids: ids, by: acts.caller.client });
      }
      giveUp(run, isUnknown(before) ? 'cancelled: nothing of it was there' : 'cancelled: nothing of it had been submitted');
      // What waits goes first, so that nothing of it begins when what it waits for ends.
      await site.cancel(
        permit,
        jobs.toReversed().map(({ id, name }) => ({ id, name })),
      );
      const after = reread(run);
      await tell(acts, after);
      return answer(
        after,
        jobs.map((job) => job.id),
      );
    });
  },

  text: (out) => `${wordsOf(out)}; run ${out.run_id} is ${out.state}. Next: ${out.next}.`,
});

function wordsOf({ dry_run, cancelled }: z.output<typeof output>): string {
  if (cancelled.length === 0) return dry_run ? 'Would cancel nothing' : 'Nothing is left to cancel';
  return `${dry_run ? 'Would cancel' : 'Cancelled'} ${cancelled.map((id) => `job ${id}`).join(', ')}`;
}

/**
 * Whether nothing is left that could be cancelled: it is over, or each of its tasks is known to have ended well and only its artifacts
 * wait. Not where its scripts may have submitted more than is recorded yet.
 */
function isPast(run: Run): boolean {
  if (isOver(run.record.state)) return true;
  return partsOf(run).every(
    ({ plan, record }) =>
      isOver(record.state) || (!record.opened && !maySubmit(plan) && record.tasks.length > 0 && record.tasks.every(endedWell)),
  );
}

/** The jobs that may still be there: none of before a retry. A group's are one list, so that they are one call of the scheduler. */
function jobsOf(run: Run): { id: string; name: string }[] {
  return partsOf(run).flatMap(({ record: { state, opened, retries, tasks, attempts } }) => {
    const { jobId = null, name = '' } = attempts.at(-1) ?? {};
    const isOfBefore = opened || (retries > 0 && tasks.every((task) => TASK_OVER.has(task.state)));
    return isOver(state) || isOfBefore || jobId === null ? [] : [{ id: jobId, name }];
  });
}

/** Jobs that its scripts submitted, the newest too; from now on they submit nothing more. */
async function childrenOf(run: Run, site: Site, permit: Permit<'destroy'>): Promise<{ id: string; name: string; of: string }[]> {
  const masters = partsOf(run).filter(({ plan }) => maySubmit(plan));
  if (masters.length === 0) return [];
  for (const part of run.replicates ?? [run]) {
    const closed = closeNotes(part);
    await site.far?.bring(permit, gateOf(part), closed);
  }
  const noted = await site.markers([...new Set(masters.map(gateOf))]);
  return masters.flatMap((part) => childJobs(part, site, noted).map(({ id, name }) => ({ id, name, of: part.id })));
}

/**
 * The whole run is meant: what of it is submitted while it is being decided on, by us or by its scripts, and not only what is left of it
 * then. A retry in between is a decision of its own, and is not meant.
 */
function subjectOf(run: Run): unknown {
  return { cancel: run.id, retries: partsOf(run).map(({ record }) => record.retries) };
}

function answer(run: Run, cancelled: string[]): z.output<typeof output> {
  const next = isPast(run) ? nextStep(run).words : 'monitor_runs, to see what became of it';
  return { dry_run: false, run_id: run.id, state: run.record.state, cancelled, decision: null, next };
}

function nothing(run: Run): Failure {
  return new Failure('run_state', {
    what: `run ${run.id} has no job to cancel`,
    why: `its submission is ${phaseOf(run) ?? 'not begun'}`,
    next: 'monitor_runs finishes or clears up what was begun; then call again',
  });
}
