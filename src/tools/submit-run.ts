import * as z from 'zod';
import { isOver } from '../runs/evidence/lifecycle.ts';
import { isSameWork } from '../runs/launch/capsule.ts';
import { codeOf, isGivenUp, isUnsubmitted, phaseOf } from '../runs/run.ts';
import { dryRun, iterationField, runField } from './fields.ts';
import { planRun } from './planning.ts';
import { launches, ownRuns, uncertain } from './run-choice.ts';
import { afterNote, alreadyNote, answerSubmit, describePlan, submitOutput, submitText } from './submit-answer.ts';
import { lookAtPlan, recount } from './submit-facts.ts';
import { runProbes } from './submit-probes.ts';
import { reserveLaunch, retried, submitAll } from './submit-steps.ts';
import { defineTool } from './tool.ts';
import { decisionView } from './views.ts';

const input = z.strictObject({
  iteration: iterationField,
  run_id: runField
    .optional()
    .describe('A run to go on with, when its submission was cut off. Default: the open run of the iteration, else a new one'),
  site: z
    .string()
    .regex(/^[A-Za-z0-9_][A-Za-z0-9_.-]{0,63}$/, 'expected the name of a site')
    .optional()
    .describe('Site to run on. Default: launch.yaml, else by compute.location'),
  again: z.boolean().default(false).describe('Run once more although the same plan has already run'),
  dry_run: dryRun,
});

export default defineTool({
  name: 'submit_run',
  command: ['submit'],
  title: 'Plan, price and submit the run of an iteration, exactly once',
  description:
    'Submits the run of an iteration to its site after the gate has said yes. Call it with dry_run first: it answers with plan, worst-case price and decision, and changes nothing. ' +
    'Replicates without an array are a group of runs, decided and submitted by one call. ' +
    'Repeating the call is safe: the same iteration with the same plan is the same run and is answered with its state. If the answer is pending, a person has to approve; then make the same call again. ' +
    'Next: monitor_runs.',
  audience: 'agent',
  effect: 'spend',
  input,
  output: submitOutput,

  settled: async ({ iteration, run_id, again, dry_run, site }, reads) => {
    if (dry_run || again) return undefined;
    const planned = await planRun(reads, iteration, site);
    const runs = launches(planned.iteration.path);
    const same =
      run_id === undefined
        ? runs.findLast((run) => !isOver(run.record.state))
        : ownRuns(planned.iteration.path).find((run) => run.id === run_id);
    const found = same ?? runs.findLast((run) => isSameWork({ plan: run.plan, files: codeOf(run) }, planned));
    if (!found || isGivenUp(found)) return undefined;
    const phase = phaseOf(found);
    if (found.record.retries > 0 && !found.replicates && isUnsubmitted(found)) throw retried(found);
    if (phase === undefined || isUnsubmitted(found)) return undefined;
    if (phase === 'unknown') throw uncertain(found);
    const changed = isSameWork({ plan: found.plan, files: codeOf(found) }, planned)
      ? null
      : 'Files have changed since: this run is of the plan as it was. Let it end or cancel_run it before the new plan, or say again: true (--again).';
    return answerSubmit(found, [alreadyNote(found), changed].filter(Boolean).join(' ') || null, true);
  },

  facts: ({ iteration, site, again }, reads) => lookAtPlan(reads, iteration, site, again),

  recount,

  preview: async ({ dry_run }, _reads, facts, decision) => {
    if (!dry_run) return undefined;
    const { plan } = facts.planned;
    return {
      ...describePlan(facts),
      dry_run: true,
      already: false,
      run_id: null,
      state: null,
      job_id: null,
      decision: decisionView(decision),
      would_run: plan.preflight,
      note:
        [afterNote(plan), plan.rest ? `What is still missing of a group: ${plan.rest.join(', ')}.` : '', facts.warning]
          .filter(Boolean)
          .join(' ') || null,
      next: decision.verdict === 'deny' ? 'change the plan as the reasons say' : 'submit_run without dry_run',
    };
  },

  probe: (_input, acts, facts, permit) => runProbes(acts, facts, permit),

  reserve: ({ run_id, again }, acts, permit, facts, granted) => reserveLaunch(acts, permit, facts, granted, { run_id, again }),

  handle: async (_input, acts, permit, launch) => {
    const { fault, after } = await submitAll(acts, permit, launch);
    const note = fault === null ? null : `the submission is not finished (${fault}); the next call goes on with it`;
    return answerSubmit(after, note, false);
  },

  exit: (out) => (out.decision?.verdict === 'deny' ? 1 : 0),

  text: submitText,
});
