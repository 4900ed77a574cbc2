import { isDeepStrictEqual } from 'node:util';
import * as z from 'zod';
import { Failure } from '../base/errors.ts';
import type { Reads } from '../context.ts';
import { refuseAwaited } from '../runs/chain/waiting-runs.ts';
import { everyTask } from '../runs/children/children.ts';
import { isOver, TASK_OVER } from '../runs/evidence/lifecycle.ts';
import { stepEvidence } from '../runs/evidence/step-evidence.ts';
import { taskIndices } from '../runs/launch/array-indices.ts';
import { isSameWork } from '../runs/launch/capsule.ts';
import { indicesOf, planDigest } from '../runs/launch/plan.ts';
import { MEMORY, memoryMb, WALLTIME, walltimeSeconds } from '../runs/launch/units.ts';
import { current } from '../runs/record.ts';
import type { Again } from '../runs/retry/retry.ts';
import { againWords, retryPlan } from '../runs/retry/retry.ts';
import { lastVerified } from '../runs/retry/retry-evidence.ts';
import type { Run } from '../runs/run.ts';
import { codeOf } from '../runs/run.ts';
import { isUnknown } from '../runs/submission/abandon.ts';
import { decisionOut, dryRun, optionalRun, priceOut, stateOut } from './fields.ts';
import { refuseOtherCode } from './freezing.ts';
import { planRun } from './planning.ts';
import { hours, priceView } from './pricing.ts';
import { stoppingLines } from './reason-lines.ts';
import { chooseRun, launches, newestLaunches, uncertain } from './run-choice.ts';
import type { SubmitFacts } from './submit-facts.ts';
import { failedInRow, judgedPlan, recount } from './submit-facts.ts';
import { runProbes } from './submit-probes.ts';
import { reserveAgain, submitAll } from './submit-steps.ts';
import { defineTool } from './tool.ts';
import { decisionView, nextStep, schedulerSaid } from './views.ts';
import { workspaceWords } from './workspace-facts.ts';

const input = z.strictObject({
  run_id: optionalRun,
  step: z.string().max(40).optional().describe('Step of `tasks`, in a run of several'),
  tasks: z.string().max(2000).optional().describe('Array indices such as 3,7-9. Default: all that did not end well'),
  from: z.string().max(40).optional().describe('Run this step and everything after it again'),
  memory: z.string().regex(MEMORY, 'expected an amount with its unit, such as 16GB').optional().describe('Memory of one task'),
  walltime: z.string().regex(WALLTIME, 'expected hours:minutes:seconds').optional().describe('Walltime of one task'),
  dry_run: dryRun,
});
const output = z.object({
  dry_run: z.boolean(),
  run_id: z.string(),
  state: stateOut,
  attempt: z.number().int(),
  steps: z.array(z.object({ step: z.string(), tasks: z.number().int(), job_id: z.string().nullable() })),
  what: z.string().describe('Which tasks, and what they ask for that is more than before'),
  price: priceOut,
  decision: decisionOut.nullable(),
  note: z.string().nullable(),
  next: z.string(),
});
type RetryFacts = SubmitFacts & {
  run: Run;
  again: Again[];
  /** The last step whose evidence holds. */
  verified: string | null;
};

export default defineTool({
  name: 'retry_tasks',
  command: ['retry'],
  positional: ['run_id'],
  title: 'Run exactly the failed or missing tasks of a run again, and what depends on them',
  description:
    'Opens a run again and submits its tasks that did not end well, or those named, each with the index, seed and array width it had, and every step that comes after them, as one plan: priced, judged and approved like a submission. ' +
    'After out of memory the double memory is asked for, after a time limit the double walltime, unless said otherwise; after a node failure another node, where the scheduler can. Refused while a task may still run, and when code or plan have changed since: that is a new run (submit_run with again). ' +
    'Call it with dry_run first. Next: monitor_runs.',
  audience: 'agent',
  effect: 'spend',
  input,
  output,
  facts: async (args, reads): Promise<RetryFacts> => {
    const run = chooseRun(reads, args.run_id);
    if (run.replicates)
      throw new Failure('unsupported', {
        what: `${run.id} is a group of runs`,
        why: 'each of its runs is retried by its own id',
        next: `name one of ${run.replicates
          .map(({ id }) => id)
          .slice(0, 5)
          .join(', ')}`,
      });
    refuseEnded(run);
    if (isUnknown(run)) throw uncertain(run);
    refuseBeside(run);
    refuseAwaited(reads.repo, run);
    const planned = await planRun(reads, run.plan.iteration.id, run.plan.site);
    refuseChanged(reads, run, planned);
    refuseOtherCode(reads.repo, run, planned);
    const wish = { ...wishOf(args), elsewhere: reads.site(run.plan.site).scheduler.excludes === true };
    const isOpen = run.record.tasks.some(({ state }) => !TASK_OVER.has(state));
    const evidence = isOpen ? [] : await stepEvidence(run);
    const { plan, again } = retryPlan(run, wish, evidence);
    const verified = lastVerified(run, evidence);
    const scripts = plan.steps.map(({ name }) => planned.scripts[planned.plan.steps.findIndex((step) => step.name === name)]);
    const retry = { ...planned, plan: { ...plan, capsule: planned.plan.capsule }, scripts: scripts.flatMap((one) => one ?? []) };
    const attempts = (run.steps ?? [run]).map(({ record }) => current(record)?.attempt ?? 0);
    const tries = Math.max(...attempts, run.record.retries + 1, failedInRow(newestLaunches(run.iterationFolder)));
    const facts = await judgedPlan(reads, retry, tries);
    const what = againWords(again);
    return { ...facts, run, again, verified, summary: `run again of ${run.id}: ${what}. ${facts.summary}` };
  },
  recount: (reads, facts) => ({ ...recount(reads, facts), run: facts.run, again: facts.again, verified: facts.verified }),
  preview: async ({ dry_run }, _reads, facts, decision) =>
    dry_run
      ? {
          ...answer(facts, facts.run),
          dry_run: true,
          note: noteOf(facts),
          decision: decisionView(decision),
          next: decision.verdict === 'deny' ? 'change what the reasons name' : 'retry_tasks without dry_run',
        }
      : undefined,
  probe: (_input, acts, facts, permit) => runProbes(acts, facts, permit),
  reserve: async (_input, acts, permit, facts, granted) => ({
    facts,
    launch: await reserveAgain(acts, permit, facts, granted, facts.run, `run again: ${againWords(facts.again)}`),
  }),
  handle: async (_input, acts, permit, { facts, launch }) => {
    const { fault, after } = await submitAll(acts, permit, launch);
    const note =
      fault === null
        ? null
        : `the submission is not finished (${fault}); the next call goes on with it, or says what is in its way`;
    const told = answer(facts, after);
    return { ...told, note: note ?? told.note ?? noteOf(facts) };
  },
  exit: (out) => (out.decision?.verdict === 'deny' ? 1 : 0),
  text: (out) =>
    [
      out.dry_run ? `Dry run: nothing was changed.` : `Run ${out.run_id} is ${out.state}, attempt ${out.attempt}.`,
      `${out.what}; at most ${hours(out.price)}.`,
      ...out.steps.map((one) => `  ${one.step}: ${one.tasks} task(s)${one.job_id ? `, job ${one.job_id}` : ''}`),
      out.decision ? `Decision now: ${out.decision.verdict}.` : '',
      ...stoppingLines(out.decision?.reasons ?? []),
      out.note ?? '',
      `Next: ${out.next}.`,
    ]
      .filter(Boolean)
      .join('\n'),
});

function wishOf(args: z.output<typeof input>): Parameters<typeof retryPlan>[1] {
  const read = args.tasks === undefined ? undefined : taskIndices(args.tasks);
  if (read && 'wrong' in read)
    throw new Failure('usage', { what: `tasks ${JSON.stringify(args.tasks)}: ${read.wrong}`, next: 'write them as 3,7-9' });
  return {
    step: args.step,
    from: args.from,
    tasks: read?.indices,
    memoryMb: args.memory === undefined ? undefined : memoryMb(args.memory),
    walltimeSeconds: args.walltime === undefined ? undefined : walltimeSeconds(args.walltime),
  };
}

function noteOf({ workspace, verified }: RetryFacts): string | null {
  const words = [
    verified === null ? '' : `The last step that verifies is ${verified}.`,
    workspace ? `${workspaceWords(workspace)}.` : '',
  ];
  return words.filter(Boolean).join(' ') || null;
}

function refuseEnded({ id, record }: Run): void {
  if (record.state !== 'completed') return;
  throw new Failure('run_state', {
    what: `run ${id} is completed`,
    why: 'its metrics were made of its tasks as they are',
    next: 'submit_run with again: true, for a new run',
  });
}

/** Two runs of one iteration at once write the same files; a submission beside another says so with `again`, a retry never. */
function refuseBeside(run: Run): void {
  const mine = [run.id, run.plan.replicate?.group];
  const open = launches(run.iterationFolder).find(
    ({ id, record }) =>
      !mine.includes(id) && !isOver(record.state) && everyTask(record).some(({ state }) => !TASK_OVER.has(state)),
  );
  if (!open) return;
  throw new Failure('run_state', {
    what: `run ${open.id} of this iteration is ${open.record.state}`,
    why: `tasks of ${run.id} would run beside it`,
    next: `monitor_runs until ${open.id} is over, or cancel_run it first`,
  });
}

/** Old tasks with old code beside new ones with new code would be the result of neither. */
function refuseChanged(_reads: Reads, run: Run, planned: Awaited<ReturnType<typeof planRun>>): void {
  if (isSameWork({ plan: run.plan, files: codeOf(run) }, planned)) return;
  const then = Object.entries({ ...run.plan.inputs, ...run.plan.reads });
  const inputs = then.filter(([name, hash]) => (planned.plan.inputs[name] ?? planned.plan.reads?.[name]) !== hash);
  const steps = isDeepStrictEqual(
    run.plan.steps.map(({ script }) => script.sha256),
    planned.plan.steps.map(({ script }) => script.sha256),
  );
  throw new Failure('run_state', {
    what: `the plan of run ${run.id} is not the plan of now`,
    why: `${steps ? '' : 'a script, '}${inputs.length > 0 ? `${inputs.map(([name]) => name).join(', ')}` : 'the code'} changed since, and tasks of both would be mixed`,
    next: 'put it back as it was, or submit_run with again: true, for a new run',
  });
}

function answer({ planned: { plan }, price, again }: RetryFacts, run: Run): z.output<typeof output> {
  const parts = run.steps ?? [run];
  const isNew = (part: Run) =>
    current(part.record)?.attempt === plan.retry?.attempt || current(part.record)?.planDigest === planDigest(plan);
  return {
    dry_run: false,
    run_id: run.id,
    state: run.record.state,
    attempt: plan.retry?.attempt ?? 1,
    steps: plan.steps.map((step) => {
      const part = parts.find((one) => (one.step ?? step.name) === step.name);
      return {
        step: step.name,
        tasks: indicesOf(step).length,
        job_id: (part && isNew(part) && current(part.record)?.jobId) || null,
      };
    }),
    what: againWords(again),
    price: priceView(price),
    decision: null,
    note:
      isOver(run.record.state) && run.record.refused ? `the scheduler refused it:\n${schedulerSaid(run.record.refused)}` : null,
    next: nextStep(run).words,
  };
}
