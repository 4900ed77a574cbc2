import * as z from 'zod';
import { Failure } from '../base/errors.ts';
import type { Reads } from '../context.ts';
import { findIteration } from '../runs/autolab/iteration.ts';
import { allIterations } from '../runs/autolab/iterations.ts';
import { apart, failureOf } from '../runs/evidence/failure.ts';
import { isOver } from '../runs/evidence/lifecycle.ts';
import { current } from '../runs/record.ts';
import type { Run } from '../runs/run.ts';
import { readRun, runFolders } from '../runs/run.ts';
import { usageOf } from '../runs/spending/usage.ts';
import type { TaskRecord } from '../runs/types.ts';
import { childrenOut, childrenText, childrenView } from './children-view.ts';
import { eventsOut, eventsText, eventsView } from './events.ts';
import { iterationField, optionalRun, priceOut, stateOut, tasksOut } from './fields.ts';
import { pausedView } from './pausing.ts';
import { hours, priceOfPlan, priceView } from './pricing.ts';
import { chooseRun } from './run-choice.ts';
import { defineTool } from './tool.ts';
import { nextStep, nextTools, refusalView, runLine, tasksView } from './views.ts';

const input = z.strictObject({
  run_id: optionalRun.describe('One run in detail'),
  iteration: iterationField.describe('Only runs of this iteration. Default: all'),
  state: stateOut.optional().describe('Only runs in this state'),
  open: z.boolean().default(false).describe('Only runs that are not over'),
  before: optionalRun.describe('Only older than this run: the next page'),
  limit: z.number().int().min(1).max(200).default(20).describe('At most this many, newest first'),
});
const taskOut = z.object({
  step: z.string().optional(),
  index: z.number().int(),
  state: z.string(),
  failure: z.string().nullable(),
  detail: z.string().nullable(),
  exit: z.number().nullable(),
  node: z.string().nullable(),
  evidence: z.string(),
  elapsed_seconds: z.number().nullable(),
});
const runOut = z.object({
  run_id: z.string(),
  iteration: z.string(),
  state: stateOut,
  site: z.string(),
  job_id: z.string().nullable(),
  age_seconds: z.number().int().nullable(),
  tasks: tasksOut,
  price: priceOut,
  sync: z.string(),
  used: z
    .object({
      elapsed_seconds: z.number().nullable(),
      walltime_seconds: z.number().nullable(),
      memory_mb: z.number().nullable(),
      asked_memory_mb: z.number().nullable(),
      cpus: z.number().nullable(),
      asked_cpus: z.number(),
      advice: z.string().nullable(),
    })
    .describe('Largest of any task against what one task asked for; null where it is not recorded'),
  failure: z.object({ class: z.string(), detail: z.string(), remedy: z.string() }).nullable(),
  line: z.string(),
  scheduler_said: z.string().optional(),
  next_tool: z.string().nullable(),
  rather: z.string().optional().describe('May mend the run before next_tool'),
  next: z.string(),
  events: eventsOut.optional(),
  children: childrenOut.optional(),
  task_list: z.array(taskOut).optional().describe('Only for one run in detail; the first 200, those with trouble first'),
});
const output = z.object({
  runs: z.array(runOut),
  total: z.number().int(),
  shown: z.number().int(),
  more: z.boolean().optional(),
  unreadable: z.array(z.string()),
  paused: z.string().optional(),
});

export default defineTool({
  name: 'list_runs',
  command: ['runs'],
  positional: ['run_id'],
  title: 'List runs: state, age, price, next step',
  description:
    'What ran and what is running, newest first, from our own records (it asks no scheduler; monitor_runs does). With run_id: one run in detail, task by task. Says how many there are and how many are shown.',
  audience: 'agent',
  effect: 'read',
  input,
  output,
  facts: async () => ({ acts: ['read'], subject: { list: 'runs' }, summary: 'list runs' }),
  handle: async ({ run_id, iteration, state, open, before, limit }, acts) => {
    if (run_id !== undefined) {
      const run = chooseRun(acts, run_id, iteration);
      return {
        runs: [{ ...view(run), ...eventsView(run), ...childrenView(run), task_list: taskList(run) }],
        total: 1,
        shown: 1,
        unreadable: [],
        ...pausedView(acts),
      };
    }
    const { runs, unreadable } = allRuns(acts, iteration);
    const wanted = runs.filter(
      (run) => (state === undefined || run.record.state === state) && (!open || !isOver(run.record.state)),
    );
    if (before !== undefined && ![...runs.map(({ id }) => id), ...unreadable.map((one) => one.split(':')[0])].includes(before))
      throw unknownPage(before);
    const older = before === undefined ? wanted : wanted.filter(({ id }) => id < before);
    const shown = older.reverse().slice(0, limit);
    const counts = { total: wanted.length, shown: shown.length, more: older.length > shown.length };
    return { runs: shown.map(view), ...counts, unreadable, ...pausedView(acts) };
  },
  text: (out) =>
    [
      ...out.runs.map(
        (run) =>
          `${run.line}${run.events ? `; ${eventsText(run.events)}` : ''}; at most ${hours(run.price)}${run.next_tool ? ` → ${nextTools({ tool: run.next_tool, rather: run.rather })}` : ''}`,
      ),
      ...out.runs.flatMap((run) => run.scheduler_said ?? []),
      ...childrenText(out.runs[0]?.children),
      ...(out.runs[0]?.task_list ?? [])
        .filter((task) => task.failure)
        .slice(0, 10)
        .map(
          (task) =>
            `  ${task.step === undefined ? '' : `${task.step}, `}task ${task.index}: ${task.failure}: ${task.detail ?? ''}`,
        ),
      ...out.runs.flatMap(({ run_id, state, failure }) =>
        // The line of a run that failed as a whole says why already.
        failure ? [`  ${run_id}: ${state === 'partial' ? `${failure.detail}; ` : ''}${failure.remedy}`] : [],
      ),
      ...out.runs.filter((run) => run.used.advice).map((run) => `  ${run.run_id}: ${run.used.advice}`),
      ...out.unreadable.map((one) => `cannot be read: ${one}`),
      ...(out.paused === undefined ? [] : [out.paused]),
      out.more
        ? `${out.shown} of ${out.total} shown; older ones with before ${out.runs.at(-1)?.run_id ?? ''}, or filter by iteration or state.`
        : `${out.total} in all.`,
    ].join('\n'),
});

/** A page begins behind a run that is there: before any other word stand all of them, or none, by chance. */
function unknownPage(before: string): Failure {
  return new Failure('run_unknown', {
    what: `there is no run ${before} to list from`,
    next: 'give the last run_id of the page before, or list_runs without before',
  });
}

/** Every run of ours, oldest first; what cannot be read is named. */
function allRuns(reads: Reads, iteration: string | undefined): { runs: Run[]; unreadable: string[] } {
  const folders = iteration === undefined ? allIterations(reads.repo) : [findIteration(reads.repo, iteration)];
  const runs: Run[] = [];
  const unreadable: string[] = [];
  for (const { path } of folders) {
    for (const { id, ours } of runFolders(path)) {
      if (!ours) continue;
      try {
        runs.push(readRun(path, id));
      } catch (error) {
        unreadable.push(`${id}: ${error instanceof Error ? error.message : String(error)}`);
      }
    }
  }
  return { runs: runs.sort((a, b) => (a.id < b.id ? -1 : 1)), unreadable };
}

/** In our words alone; what a scheduler said of it stands in `scheduler_said`. */
function failureView(run: Run): z.output<typeof runOut>['failure'] {
  const failure = failureOf(run);
  return failure && { ...failure, detail: apart(failure.detail).words };
}

function view(run: Run): z.output<typeof runOut> {
  const next = nextStep(run);
  const began = run.record.attempts[0]?.intentAt;
  return {
    run_id: run.id,
    iteration: run.plan.iteration.id,
    state: run.record.state,
    site: run.plan.site,
    job_id: current(run.record)?.jobId ?? null,
    age_seconds: began === undefined ? null : Math.max(0, Math.round((Date.now() - Date.parse(began)) / 1000)),
    tasks: tasksView(run),
    price: priceView(priceOfPlan(run.plan)),
    sync: run.record.sync.status,
    used: usageOf(run),
    failure: failureView(run),
    line: runLine(run),
    ...refusalView(run),
    next_tool: next.tool,
    ...(next.rather === undefined ? {} : { rather: next.rather }),
    next: next.words,
  };
}

function taskList(run: Run): z.output<typeof taskOut>[] {
  // What failed because another had failed comes after it.
  const rank = ({ state, failure }: TaskRecord) =>
    failure === 'dependency' ? 2 : ['failed', 'interrupted', 'dependency', 'unknown', 'running'].indexOf(state) >>> 0;
  return [...run.record.tasks]
    .sort((a, b) => rank(a) - rank(b) || a.index - b.index)
    .slice(0, 200)
    .map((task) => ({
      ...(task.step === undefined ? {} : { step: task.step }),
      index: task.index,
      state: task.state,
      failure: task.failure,
      detail: task.detail,
      exit: task.exit,
      node: task.node,
      evidence: task.evidence,
      elapsed_seconds:
        task.used?.elapsedSeconds ?? (task.started !== null && task.ended !== null ? task.ended - task.started : null),
    }));
}
