import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import * as z from 'zod';
import { asFailure } from '../base/errors.ts';
import { writeAtomic } from '../base/files.ts';
import { isSameWork } from '../runs/capsule.ts';
import { isOver } from '../runs/lifecycle.ts';
import { planDigest } from '../runs/plan.ts';
import { project } from '../runs/project.ts';
import { current } from '../runs/record.ts';
import type { Reserved } from '../runs/reservation.ts';
import { reserve } from '../runs/reservation.ts';
import type { Run } from '../runs/run.ts';
import { codeOf, reread, withRun } from '../runs/run.ts';
import { submit } from '../runs/submission.ts';
import { jobScript } from '../sites/job-script.ts';
import { decisionOut, dryRun, iterationField, priceOut, runField, stateOut } from './fields.ts';
import { planRun } from './planning.ts';
import { hours, priceOfPlan, priceView } from './pricing.ts';
import { newRunId, ownRuns, passed, raced, uncertain } from './run-choice.ts';
import type { SubmitFacts } from './submit-facts.ts';
import { lookAtPlan } from './submit-facts.ts';
import { runProbes } from './submit-probes.ts';
import { defineTool } from './tool.ts';
import { decisionView, nextStep, whyFailed } from './views.ts';

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

const output = z.object({
  dry_run: z.boolean(),
  already: z.boolean().describe('True: this plan had been submitted before; nothing new was done'),
  run_id: z.string().nullable(),
  state: stateOut.nullable(),
  job_id: z.string().nullable(),
  site: z.string(),
  tasks: z.number().int(),
  script: z.string(),
  plan_digest: z.string(),
  price: priceOut,
  decision: decisionOut.nullable().describe('Only in a dry run: what would be decided now'),
  would_run: z.array(z.array(z.string())).describe('Only in a dry run: the commands that would judge the plan first'),
  note: z.string().nullable(),
  next: z.string(),
});

export default defineTool({
  name: 'submit_run',
  command: ['submit'],
  title: 'Plan, price and submit the run of an iteration, exactly once',
  description:
    'Submits the run of an iteration to its site after the gate has said yes. Call it with dry_run first: it answers with plan, worst-case price and decision, and changes nothing. ' +
    'Repeating the call is safe: the same iteration with the same plan is the same run and is answered with its state. If the answer is pending, a person has to approve; then make the same call again. ' +
    'Next: monitor_runs.',
  audience: 'agent',
  effect: 'spend',
  input,
  output,

  settled: async ({ iteration, run_id, again, dry_run, site }, reads) => {
    if (dry_run || again) return undefined;
    const planned = await planRun(reads, iteration, site);
    const runs = ownRuns(planned.iteration.path);
    const same = run_id === undefined ? runs.findLast((run) => !isOver(run.record.state)) : runs.find((run) => run.id === run_id);
    const found = same ?? runs.findLast((run) => isSameWork({ plan: run.plan, files: codeOf(run) }, planned));
    if (!found) return undefined;
    const phase = current(found.record)?.phase;
    if (phase === undefined || phase === 'none') return undefined;
    if (phase === 'unknown') throw uncertain(found);
    return answer(
      found,
      found.record.state === 'failed'
        ? 'This very plan has run and failed: change something, or say again: true (--again).'
        : null,
      true,
    );
  },

  facts: ({ iteration, site }, reads) => lookAtPlan(reads, iteration, site),

  preview: async ({ dry_run }, _reads, facts, decision) => {
    if (!dry_run) return undefined;
    const { plan } = facts.planned;
    return {
      ...describe(facts),
      dry_run: true,
      already: false,
      run_id: null,
      state: null,
      job_id: null,
      decision: decisionView(decision),
      would_run: plan.preflight,
      note: facts.warning,
      next: decision.verdict === 'deny' ? 'change the plan as the reasons say' : 'submit_run without dry_run',
    };
  },

  probe: (_input, acts, facts, permit) => runProbes(acts, facts, permit),

  reserve: async ({ run_id, again }, acts, permit, facts, granted): Promise<Reserved> => {
    const { planned } = facts;
    permit.check(planDigest(planned.plan));
    const runs = ownRuns(planned.iteration.path);
    const open = runs.findLast((run) => !isOver(run.record.state) && current(run.record)?.phase !== undefined);
    const reuse =
      open && current(open.record)?.phase === 'none' && planDigest(open.plan) === planDigest(planned.plan) ? open : undefined;
    if (open && !reuse && !again) throw raced(open);
    if (planned.script.generated) writeAtomic(join(planned.iteration.path, planned.script.path), planned.script.text, 0o755);
    mkdirSync(join(planned.iteration.path, 'runs'), { recursive: true });
    facts.meter.note('submit', planned.plan.site);
    return reserve(acts.repo, {
      runId: reuse?.id ?? newRunId(acts, planned.iteration, run_id),
      iterationFolder: planned.iteration.path,
      plan: planned.plan,
      files: planned.files,
      script: planned.script.text,
      policyVersion: granted.decision.policy_version,
      approval: granted.approval,
      by: acts.caller.client,
      version: acts.version,
      environment: passed(planned.plan.environment.pass),
      jobScript,
    });
  },

  handle: async (_input, acts, permit, { run, job }) => {
    const { run: after, fault } = await withRun(run, 'submitting', async () => {
      const before = reread(run);
      // Somebody else's recovery may have found this intent first; whatever it found out stands.
      if (current(before.record)?.phase !== 'intent') return { run: before, fault: null };
      try {
        return { run: await submit(before, acts.site(before.plan.site), job, permit), fault: null };
      } catch (error) {
        return { run: reread(run), fault: asFailure(error).message };
      }
    });
    await project(acts.repo, after);
    return answer(
      after,
      fault === null ? null : `the submission is not finished (${fault}); the next call goes on with it`,
      false,
    );
  },

  exit: (out) => (out.decision?.verdict === 'deny' ? 1 : 0),

  text: (out) =>
    [
      out.dry_run
        ? `Dry run on ${out.site}: nothing was changed.`
        : `Run ${out.run_id} is ${out.state}${out.job_id ? ` as job ${out.job_id} on ${out.site}` : ''}${out.already ? ' (already; nothing new was done)' : ''}.`,
      out.dry_run ? `${out.script}, ${out.tasks} task(s), at most ${hours(out.price)}.` : '',
      ...(out.decision
        ? [
            `Decision now: ${out.decision.verdict}.`,
            ...out.decision.reasons
              .filter((r) => r.verdict !== 'allow')
              .map((r) => `- ${r.verdict} ${r.rule} (${r.at}): ${r.because} → ${r.remedy}`),
          ]
        : []),
      out.note ?? '',
      `Next: ${out.next}.`,
    ]
      .filter(Boolean)
      .join('\n'),
});

function describe({ planned, price }: SubmitFacts) {
  const [step] = planned.plan.steps;
  return {
    site: planned.plan.site,
    tasks: step?.requested.indices?.length ?? 1,
    script: `${planned.plan.iteration.folder}/${planned.script.path}`,
    plan_digest: planDigest(planned.plan),
    price: priceView(price),
  };
}

function answer(run: Run, note: string | null, already: boolean): z.output<typeof output> {
  const [step] = run.plan.steps;
  return {
    dry_run: false,
    already,
    run_id: run.id,
    state: run.record.state,
    job_id: current(run.record)?.jobId ?? null,
    site: run.plan.site,
    tasks: step?.requested.indices?.length ?? 1,
    script: step ? `${run.plan.iteration.folder}/${step.script.path}` : '',
    plan_digest: planDigest(run.plan),
    price: priceView(priceOfPlan(run.plan)),
    decision: null,
    would_run: [],
    note: [run.record.state === 'failed' ? `It failed: ${whyFailed(run)}.` : null, note].filter(Boolean).join(' ') || null,
    next: nextStep(run).words,
  };
}
