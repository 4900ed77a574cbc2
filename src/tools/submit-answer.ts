import * as z from 'zod';
import type { Plan } from '../runs/launch/plan.ts';
import { indicesOf, planDigest, runsOf } from '../runs/launch/plan.ts';
import { current } from '../runs/record.ts';
import type { Run } from '../runs/run.ts';
import { phaseOf } from '../runs/run.ts';
import { decisionOut, priceOut, stateOut } from './fields.ts';
import { codeWords } from './freezing.ts';
import { hours, priceOfPlan, priceView } from './pricing.ts';
import { stoppingLines } from './reason-lines.ts';
import type { SubmitFacts } from './submit-facts.ts';
import { afterWords, nextStep, whyFailed } from './views.ts';

export const submitOutput = z.object({
  dry_run: z.boolean(),
  already: z.boolean().describe('True: this plan had been submitted before; nothing new was done'),
  run_id: z.string().nullable().describe('Of a group the base id, which every other operation takes for all of its runs'),
  state: stateOut.nullable(),
  job_id: z.string().nullable(),
  site: z.string(),
  tasks: z.number().int(),
  steps: z
    .array(z.object({ step: z.string(), tasks: z.number().int(), after: z.array(z.string()), job_id: z.string().nullable() }))
    .describe('The jobs of a run that is several; empty for one'),
  replicates: z
    .array(
      z.object({
        run_id: z.string(),
        number: z.number().int(),
        seed: z.number().int(),
        state: stateOut,
        job_id: z.string().nullable(),
      }),
    )
    .describe('The runs of a group, each with a job of its own; empty for a single run'),
  script: z.string(),
  code: z.string().describe('What it executes, and why'),
  plan_digest: z.string(),
  price: priceOut,
  decision: decisionOut.nullable().describe('Only in a dry run: what would be decided now'),
  would_run: z.array(z.array(z.string())).describe('Only in a dry run: the commands that would judge the plan first'),
  note: z.string().nullable(),
  next: z.string(),
});
type SubmitAnswer = z.output<typeof submitOutput>;

/** What a submission would be. */
export function describePlan({ planned: { plan }, price }: SubmitFacts) {
  return {
    site: plan.site,
    tasks: plan.steps.reduce((sum, step) => sum + indicesOf(step).length, 0) * (plan.rest?.length ?? runsOf(plan)),
    steps: stepsView(plan),
    replicates: [],
    script: scriptsOf(plan),
    code: codeWords(plan),
    plan_digest: planDigest(plan),
    price: priceView(price),
  };
}

/** Where a submission stands. */
export function answerSubmit(run: Run, note: string | null, already: boolean): SubmitAnswer {
  const why = run.record.state === 'failed' ? whyFailed(run) : null;
  const failed = why && `It failed: ${why.words}.${why.quoted === undefined ? '' : `\n${why.quoted}\n`}`;
  return {
    dry_run: false,
    already,
    run_id: run.id,
    state: run.record.state,
    job_id: current(run.record)?.jobId ?? null,
    site: run.plan.site,
    tasks: run.record.tasks.length,
    steps: stepsView(run.plan, run.steps),
    replicates: (run.replicates ?? []).map(replicateView),
    script: scriptsOf(run.plan),
    code: codeWords(run.plan),
    plan_digest: planDigest(run.plan),
    price: priceView(priceOfPlan(run.plan)),
    decision: null,
    would_run: [],
    note: [failed, afterNote(run.plan), note].filter(Boolean).join(' ') || null,
    next: nextStep(run).words,
  };
}

export function submitText(out: SubmitAnswer): string {
  const job = out.job_id && out.replicates.length === 0 && out.steps.length === 0 ? ` as job ${out.job_id} on ${out.site}` : '';
  const group = out.replicates.map((one) => `  ${one.run_id} ${one.state}${one.job_id ? ` as job ${one.job_id}` : ''}`);
  return [
    out.dry_run
      ? `Dry run on ${out.site}: nothing was changed.`
      : `${out.replicates.length > 0 ? 'Group' : 'Run'} ${out.run_id} is ${out.state}${job}${out.already ? ' (already; nothing new was done)' : ''}.`,
    ...out.steps.map(
      (one) =>
        `  ${one.step}: ${one.tasks} task(s)${one.after.length > 0 ? `, after ${one.after.join(', ')}` : ''}${one.job_id ? `, job ${one.job_id}` : ''}`,
    ),
    ...group,
    out.dry_run ? `${out.script}, ${out.tasks} task(s), at most ${hours(out.price)}.` : '',
    out.dry_run ? `It executes ${out.code}.` : '',
    out.decision ? `Decision now: ${out.decision.verdict}.` : '',
    ...stoppingLines(out.decision?.reasons ?? []),
    out.note ?? '',
    `Next: ${out.next}.`,
  ]
    .filter(Boolean)
    .join('\n');
}

function stepsView({ steps }: Plan, parts: readonly Run[] = []): SubmitAnswer['steps'] {
  if (steps.length === 1) return [];
  return steps.map((step) => {
    const part = parts.find((one) => one.step === step.name);
    return {
      step: step.name,
      tasks: indicesOf(step).length,
      after: (step.after ?? []).map(({ step: name, on }) => `${name}${HOW[on]}`),
      job_id: (part && current(part.record)?.jobId) ?? null,
    };
  });
}

const HOW = { success: '', any: ' (however it ends)', interrupted: ' (where that was interrupted)' } as const;

function scriptsOf({ steps, iteration }: Plan): string {
  return [...new Set(steps.map(({ script }) => `${iteration.folder}/${script.path}`))].join(', ');
}

function replicateView(run: Run): SubmitAnswer['replicates'][number] {
  const { number = 0, seed = 0 } = run.plan.replicate ?? {};
  return { run_id: run.id, number, seed, state: run.record.state, job_id: current(run.record)?.jobId ?? null };
}

/** What it waits for of other runs. */
export function afterNote({ after }: Plan): string | null {
  return after ? `It begins after ${afterWords(after)}.` : null;
}

/** For a call that finds its plan done already. */
export function alreadyNote(run: Run): string | null {
  if (phaseOf(run) === 'ambiguous')
    return 'Whether the scheduler took it is not known yet: every call asks again, and nothing is sent before it is known.';
  if (run.record.state !== 'failed') return null;
  return 'This very plan has run and failed: change something, or say again: true (--again).';
}
