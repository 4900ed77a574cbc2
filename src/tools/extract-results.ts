import { join } from 'node:path';
import * as z from 'zod';
import { digest } from '../base/digest.ts';
import { Failure } from '../base/errors.ts';
import { inside } from '../base/files.ts';
import { shortId } from '../base/ids.ts';
import type { Permit } from '../base/permit.ts';
import type { Acts, Reads } from '../context.ts';
import { readDesign } from '../runs/autolab/design.ts';
import { everyTask } from '../runs/children/children.ts';
import { checkCode } from '../runs/code/check.ts';
import { apart } from '../runs/evidence/failure.ts';
import { isOver, TASK_OVER } from '../runs/evidence/lifecycle.ts';
import { writeResults } from '../runs/results/extraction.ts';
import { readMetrics } from '../runs/results/metrics.ts';
import type { ParserCall } from '../runs/results/parser.ts';
import type { Run } from '../runs/run.ts';
import { reread, withRun } from '../runs/run.ts';
import type { WorkResult } from '../sites/jobs.ts';
import { optionalRun, stateOut } from './fields.ts';
import { parserOf, workEnvironment } from './parser-facts.ts';
import { chooseRun, refuseReopened } from './run-choice.ts';
import { tell } from './telling.ts';
import { defineTool, Running } from './tool.ts';
import { nextStep, schedulerSaid } from './views.ts';

/** How long a call waits for the parser before it says "running". Seconds. */
const PATIENCE = 18;
const DEFAULT_LIMIT = 300;

const input = z.strictObject({
  run_id: optionalRun,
  close: z.boolean().default(false).describe('End a run whose artifacts cannot become right, as failed, without its parser'),
});
const metric = z.object({ name: z.string(), value: z.number().nullable(), delta_vs_baseline: z.number().nullable() });
const output = z.object({
  run_id: z.string(),
  state: stateOut,
  status: z.enum(['completed', 'partial', 'failed']),
  primary_metric: metric,
  metrics_file: z.string(),
  summary_file: z.string(),
  detail: z.string(),
  scheduler_said: z.string().optional(),
  next: z.string(),
});

export default defineTool({
  name: 'extract_results',
  command: ['extract'],
  positional: ['run_id'],
  title: 'Turn a finished run into validated metrics and a summary',
  description:
    'Runs the design’s parser on synced artifacts, in its own process group with a time limit, and accepts its metrics only when they are valid: right ids, right metric, finite numbers. ' +
    'A failed run gets honest failed metrics with the missing evidence named, and so, with close, does one whose artifacts cannot become as expected. By the base id of a group every run is parsed, and then the group. Call it after sync_artifacts, or when a run has failed. If it says it is still running, call again.',
  audience: 'agent',
  effect: 'run',
  input,
  output,
  settled: async ({ run_id }, reads) => {
    const run = chooseRun(reads, run_id);
    return run.record.extraction ? answer(reads, run) : undefined;
  },
  facts: async ({ run_id, close }, reads) => {
    const run = chooseRun(reads, run_id);
    refuseEarly(run, close);
    const parsers = wholeOf(run).flatMap((one) => parserFor(reads, one) ?? []);
    const [first] = parsers;
    return {
      acts: first ? ['run_command', 'write'] : ['write'],
      subject: subjectOf(reads, run, close),
      summary: first
        ? `parse the results of run ${run.id} with ${first.listed.join(' ')}`
        : `write failed metrics for run ${run.id}`,
      ...(first ? { commands: parsers.map(({ listed }) => listed) } : {}),
    };
  },
  handle: async ({ run_id, close }, acts, permit) => {
    const chosen = chooseRun(acts, run_id);
    const subject = digest(subjectOf(acts, chosen, close));
    const end = Date.now() + PATIENCE * 1000;
    permit.check(subject);
    for (const target of targetsOf(chosen)) {
      const produced = await parse(acts, permit, subject, target, Math.max(0, end - Date.now()));
      if (produced === undefined) return new Running(`the parser of run ${target.id}`);
      if (produced !== null) await refuseAltered(acts, target);
      await withRun(target, 'extracting', () => {
        const now = reread(target);
        refuseReopened(now, target, 'its results were parsed');
        writeResults(now, readDesign(join(target.iterationFolder, 'design.yaml')), produced);
      });
    }
    const after = reread(chosen);
    await tell(acts, after);
    return answer(acts, after);
  },
  text: (out) =>
    [
      `Run ${out.run_id} is ${out.state}: ${out.primary_metric.name} = ${out.primary_metric.value ?? 'none'}${out.primary_metric.delta_vs_baseline === null ? '' : ` (${out.primary_metric.delta_vs_baseline >= 0 ? '+' : ''}${out.primary_metric.delta_vs_baseline} against the baseline)`}.`,
      out.detail,
      ...(out.scheduler_said === undefined ? [] : [out.scheduler_said]),
      `Metrics: ${out.metrics_file}. Summary: ${out.summary_file}.`,
      `Next: ${out.next}.`,
    ].join('\n'),
});

/** No parser reads the ruins of a run of which nothing succeeded or nothing was collected. */
function parserFor(reads: Reads, run: Run): ParserCall | null {
  if (run.record.sync.status !== 'ok') return null;
  const design = readDesign(join(run.iterationFolder, 'design.yaml'));
  return parserOf(reads, design, run.iterationFolder, run.plan.iteration.id, run.id);
}

/** What there is to parse: the run, or every run of a group that has no metrics yet, and the group itself after them. */
function targetsOf(run: Run): Run[] {
  return wholeOf(run).filter((one) => one === run || one.record.extraction === null);
}

/** What the parser gives; null where there is nothing for it to read. Undefined: it is still running. */
async function parse(
  acts: Acts,
  permit: Permit<'run'>,
  subject: string,
  run: Run,
  waitMs: number,
): Promise<WorkResult | null | undefined> {
  // Runs that have been parsed in this call may have changed what the group's own parser finds.
  const parser = parserFor(acts, reread(run));
  if (!parser) return null;
  const request = {
    // What a parser began before a retry says nothing of what came out of it.
    key: `extract.${shortId(run.id, 96)}${run.record.retries > 0 ? `.${run.record.retries}` : ''}`,
    argv: parser.argv,
    cwd: inside(acts.repo, parser.workingDir, 'working_dir'),
    environment: workEnvironment(run),
    timeoutSeconds: limit(acts),
    reuse: 'never' as const,
  };
  return acts.work.run(permit, subject, request, waitMs);
}

/** The same however much of a group is parsed already, so that one approval is good until the end. */
function subjectOf(reads: Reads, run: Run, close: boolean): unknown {
  return {
    extract: run.id,
    ...(close ? { close } : {}),
    parsers: wholeOf(run).map((one) => parserFor(reads, one)?.argv ?? null),
  };
}

function wholeOf(run: Run): Run[] {
  return [...(run.replicates ?? []), run];
}

function limit(acts: Acts): number {
  const seconds = acts.policy().autolab.extract_results?.parser?.command_timeout_seconds;
  return typeof seconds === 'number' && seconds > 0 ? Math.ceil(seconds) : DEFAULT_LIMIT;
}

function refuseEarly(run: Run, close: boolean): void {
  const { state, sync, tasks } = run.record;
  if (state === 'synced') return;
  const ended = everyTask(run.record).every((task) => TASK_OVER.has(task.state));
  // What nobody has looked at may be as expected.
  if (close && ended && sync.status === 'failed') return;
  if (isOver(state)) {
    if (sync.status !== 'pending' || !tasks.some((task) => task.state === 'succeeded')) return;
    throw new Failure('not_ready', {
      what: `run ${run.id} is ${state}, and what its successful tasks wrote is not collected`,
      next: 'sync_artifacts first',
    });
  }
  const unlike = ended && sync.status === 'failed';
  throw new Failure('not_ready', {
    what: `run ${run.id} is ${state}${unlike ? ', and its artifacts are not as expected' : ''}`,
    why: 'metrics come only from runs whose artifacts are synced and verified, or that are over',
    next: unlike ? nextStep(run).words : ended ? 'sync_artifacts first' : 'monitor_runs, until it has ended',
  });
}

/** Metrics are of the code that was submitted, or they are of nobody knows what. */
async function refuseAltered({ repo }: Acts, run: Run): Promise<void> {
  const { faults } = await checkCode(repo, run);
  if (faults.length === 0) return;
  throw new Failure('run_state', {
    what: `run ${run.id}: ${faults.slice(0, 5).join('; ')}`,
    why: 'no metrics are accepted of a run whose code is not what was submitted',
    next: 'put the file back as it was, or submit_run with again: true, for a new run',
  });
}

function answer(reads: Reads, run: Run): z.output<typeof output> {
  const design = readDesign(join(run.iterationFolder, 'design.yaml'));
  const expected = { iterationId: run.plan.iteration.id, runId: run.id, primaryMetric: design.primaryMetric.name };
  const metrics = readMetrics(join(run.folder, 'metrics.json'), expected);
  const { words, quoted } = apart(run.record.extraction?.detail ?? '');
  const within = (path: string) => path.slice(reads.repo.length + 1);
  return {
    run_id: run.id,
    state: run.record.state,
    status: metrics.status,
    primary_metric: metrics.primary_metric,
    metrics_file: within(join(run.folder, 'metrics.json')),
    summary_file: within(join(run.iterationFolder, 'analysis', 'summary.md')),
    detail: words,
    ...(quoted === undefined ? {} : { scheduler_said: schedulerSaid(quoted) }),
    next: 'this loop ends here: update the docs (stage update_docs), then decide whether to repeat',
  };
}
