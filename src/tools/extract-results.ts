import { join } from 'node:path';
import * as z from 'zod';
import { digest } from '../base/digest.ts';
import { Failure } from '../base/errors.ts';
import { inside } from '../base/files.ts';
import type { Acts, Reads } from '../context.ts';
import { readDesign } from '../runs/design.ts';
import { writeResults } from '../runs/extraction.ts';
import { isOver } from '../runs/lifecycle.ts';
import { readMetrics } from '../runs/metrics.ts';
import type { ParserCall } from '../runs/parser.ts';
import { project } from '../runs/project.ts';
import type { Run } from '../runs/run.ts';
import { reread, withRun } from '../runs/run.ts';
import { optionalRun, stateOut } from './fields.ts';
import { parserOf } from './parser-facts.ts';
import { chooseRun } from './run-choice.ts';
import { defineTool, Running } from './tool.ts';

/** How long a call waits for the parser before it says "running". Seconds. */
const PATIENCE = 18;
const DEFAULT_LIMIT = 300;

const input = z.strictObject({ run_id: optionalRun });
const metric = z.object({ name: z.string(), value: z.number().nullable(), delta_vs_baseline: z.number().nullable() });
const output = z.object({
  run_id: z.string(),
  state: stateOut,
  status: z.enum(['completed', 'partial', 'failed']),
  primary_metric: metric,
  metrics_file: z.string(),
  summary_file: z.string(),
  detail: z.string(),
  next: z.string(),
});

export default defineTool({
  name: 'extract_results',
  command: ['extract'],
  positional: ['run_id'],
  title: 'Turn a finished run into validated metrics and a summary',
  description:
    'Runs the design’s parser on synced artifacts, in its own process group with a time limit, and accepts its metrics only when they are valid: right ids, right metric, finite numbers. ' +
    'A failed run gets honest failed metrics with the missing evidence named. Call it after sync_artifacts, or when a run has failed. If it says it is still running, call again.',
  audience: 'agent',
  effect: 'run',
  input,
  output,
  settled: async ({ run_id }, reads) => {
    const run = chooseRun(reads, run_id);
    return run.record.extraction ? answer(reads, run) : undefined;
  },
  facts: async ({ run_id }, reads) => {
    const run = chooseRun(reads, run_id);
    refuseEarly(run);
    const parser = parserFor(reads, run);
    return {
      acts: parser ? ['run_command', 'write'] : ['write'],
      subject: subjectOf(run, parser),
      summary: parser
        ? `parse the results of run ${run.id} with ${parser.listed.join(' ')}`
        : `write failed metrics for run ${run.id}`,
      ...(parser ? { commands: [parser.listed] } : {}),
    };
  },
  handle: async ({ run_id }, acts, permit) => {
    const run = chooseRun(acts, run_id);
    const parser = parserFor(acts, run);
    const subject = digest(subjectOf(run, parser));
    permit.check(subject);
    const produced = parser
      ? await acts.work.run(
          permit,
          subject,
          {
            key: `extract.${run.id.toLowerCase()}`,
            argv: parser.argv,
            cwd: inside(acts.repo, parser.workingDir, 'working_dir'),
            environment: environment(run),
            timeoutSeconds: limit(acts),
            reuse: 'never',
          },
          PATIENCE * 1000,
        )
      : null;
    if (produced === undefined) return new Running(`the parser of run ${run.id}`);
    return withRun(run, 'extracting', async () => {
      const after = writeResults(reread(run), readDesign(join(run.iterationFolder, 'design.yaml')), produced);
      await project(acts.repo, after);
      return answer(acts, after);
    });
  },
  text: (out) =>
    [
      `Run ${out.run_id} is ${out.state}: ${out.primary_metric.name} = ${out.primary_metric.value ?? 'none'}${out.primary_metric.delta_vs_baseline === null ? '' : ` (${out.primary_metric.delta_vs_baseline >= 0 ? '+' : ''}${out.primary_metric.delta_vs_baseline} against the baseline)`}.`,
      out.detail,
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

function subjectOf(run: Run, parser: ParserCall | null): unknown {
  return { extract: run.id, parser: parser?.argv ?? null };
}

function environment(run: Run): Record<string, string> {
  return { RUN_ID: run.id, AUTOLAB_RUN_ID: run.id, AUTOLAB_ITERATION_ID: run.plan.iteration.id, ...run.plan.environment.set };
}

function limit(acts: Acts): number {
  const seconds = acts.policy().autolab.extract_results?.parser?.command_timeout_seconds;
  return typeof seconds === 'number' && seconds > 0 ? Math.ceil(seconds) : DEFAULT_LIMIT;
}

function refuseEarly(run: Run): void {
  const { state, sync, tasks } = run.record;
  if (state === 'synced') return;
  if (isOver(state)) {
    if (sync.status !== 'pending' || !tasks.some((task) => task.state === 'succeeded')) return;
    throw new Failure('not_ready', {
      what: `run ${run.id} is ${state}, and what its successful tasks wrote is not collected`,
      next: 'sync_artifacts first',
    });
  }
  throw new Failure('not_ready', {
    what: `run ${run.id} is ${state}`,
    why: 'metrics come only from runs whose artifacts are synced and verified, or that are over',
    next: tasks.every((task) => task.state === 'succeeded') ? 'sync_artifacts first' : 'monitor_runs, until it has ended',
  });
}

function answer(reads: Reads, run: Run): z.output<typeof output> {
  const design = readDesign(join(run.iterationFolder, 'design.yaml'));
  const expected = { iterationId: run.plan.iteration.id, runId: run.id, primaryMetric: design.primaryMetric.name };
  const metrics = readMetrics(join(run.folder, 'metrics.json'), expected);
  const within = (path: string) => path.slice(reads.repo.length + 1);
  return {
    run_id: run.id,
    state: run.record.state,
    status: metrics.status,
    primary_metric: metrics.primary_metric,
    metrics_file: within(join(run.folder, 'metrics.json')),
    summary_file: within(join(run.iterationFolder, 'analysis', 'summary.md')),
    detail: run.record.extraction?.detail ?? '',
    next: 'this loop ends here: update the docs (stage update_docs), then decide whether to repeat',
  };
}
