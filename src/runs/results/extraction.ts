import { join } from 'node:path';
import { digest } from '../../base/digest.ts';
import { Failure } from '../../base/errors.ts';
import { readText, writeAtomic } from '../../base/files.ts';
import { quote } from '../../base/text.ts';
import type { WorkResult } from '../../sites/jobs.ts';
import type { Design } from '../autolab/design.ts';
import { readJsonText } from '../autolab/json.ts';
import { everyTask } from '../children/children.ts';
import { failureOf, REMEDIES } from '../evidence/failure.ts';
import { checkMove, endedWell, isOver } from '../evidence/lifecycle.ts';
import { aggregated, capped, fallsShort, partMetrics } from '../groups/group-results.ts';
import type { Run } from '../run.ts';
import { record } from '../run.ts';
import type { ExpectedMetrics, Metrics } from './metrics.ts';
import { isUnmeasured, metricsText, missingMetrics, parseMetrics } from './metrics.ts';
import { parserWords } from './parser.ts';

/** What is wanted of the metrics, and the parser in the words of the design. */
type Wanted = ExpectedMetrics & { parser: string };

export type Results = { metrics: Metrics; summary: string; detail: string };

/**
 * Writes metrics.json and analysis/summary.md of a run and ends it: from what its parser produced, or, with null, from what is known
 * of its failure. Metrics that are not valid change nothing and are the failure `parser_failed`. The caller holds the run's lock.
 */
export function writeResults(run: Run, design: Design, produced: WorkResult | null): Run {
  const expected = {
    iterationId: run.plan.iteration.id,
    runId: run.id,
    primaryMetric: design.primaryMetric.name,
    parser: parserWords(design),
  };
  const results = run.replicates ? ofGroup(run, expected, produced) : ofRun(run, expected, produced);
  const { status } = results.metrics;
  if (!isOver(run.record.state)) checkMove(run.record.state, status);
  writeAtomic(join(run.folder, 'metrics.json'), metricsText(results.metrics));
  writeAtomic(join(run.iterationFolder, 'analysis', 'summary.md'), results.summary);
  return record(
    run,
    { event: 'extracted', status, detail: results.detail, metrics: digest(results.metrics) },
    ...(isOver(run.record.state)
      ? []
      : [{ event: 'moved' as const, from: run.record.state, to: status, because: results.detail }]),
  );
}

function ofRun(run: Run, expected: Wanted, produced: WorkResult | null): Results {
  return produced === null ? ofFailure(run, expected) : ofParser(run, expected, produced);
}

/** The parser's own word on the whole group where it has one, else what follows from the metrics of its runs. */
function ofGroup(run: Run, expected: Wanted, produced: WorkResult | null): Results {
  const parts = partMetrics(run, expected);
  try {
    const given = produced === null ? null : ofParser(run, expected, produced);
    const why = given === null ? 'nothing of it could be parsed' : fallsShort(given.metrics, parts);
    if (given !== null && why === null) return capped(given, parts);
    return aggregated(run, expected, parts, why ?? '', plainSummary);
  } catch (error) {
    if (error instanceof Failure && error.code === 'parser_failed')
      return aggregated(run, expected, parts, error.why ?? error.what, plainSummary);
    throw error;
  }
}

function ofParser(run: Run, expected: Wanted, produced: WorkResult): Results {
  writeAtomic(join(run.folder, 'logs', 'extract.parser.stdout.log'), produced.stdout);
  writeAtomic(join(run.folder, 'logs', 'extract.parser.stderr.log'), produced.stderr);
  if (produced.exit !== 0) {
    const how = produced.timedOut
      ? 'it did not end in time and was ended with all that it had started'
      : produced.cancelled
        ? 'it was cancelled'
        : `it ended with exit code ${produced.exit}`;
    throw parserFailed(run, expected, how, produced.stderr || produced.stdout);
  }
  const { metrics, summary } = readProduced(run, expected, produced);
  if (isUnmeasured(metrics))
    throw parserFailed(run, expected, `it says completed and gives no value for ${expected.primaryMetric}`, '');
  const tasks = everyTask(run.record);
  const failed = tasks.filter((task) => !endedWell(task)).length;
  const honest: Metrics = failed > 0 && metrics.status === 'completed' ? { ...metrics, status: 'partial' } : metrics;
  const detail =
    failed > 0
      ? `${failed} of ${tasks.length} tasks did not succeed, so the result is ${honest.status}`
      : `the parser’s metrics are valid`;
  return { metrics: honest, summary: summary ?? plainSummary(run, honest, detail), detail };
}

/** What the parser printed, else the files it wrote itself. */
function readProduced(run: Run, expected: Wanted, produced: WorkResult): { metrics: Metrics; summary: string | null } {
  const path = join(run.folder, 'metrics.json');
  try {
    if (produced.stdout.trim().startsWith('{')) {
      const { value } = readJsonText(produced.stdout, 'the parser’s output');
      const { metrics, summary_markdown, summary } = value as Record<string, unknown>;
      if (metrics === undefined) throw parserFailed(run, expected, 'its output has no "metrics"', produced.stdout);
      const words = summary_markdown ?? summary;
      return {
        metrics: parseMetrics(JSON.stringify(metrics, finite), 'the parser’s metrics', expected),
        summary: typeof words === 'string' && words.trim() ? withNewline(words) : null,
      };
    }
    const written = readText(path);
    if (written === undefined)
      throw parserFailed(run, expected, 'it printed no JSON object and wrote no metrics.json', produced.stdout);
    const summary = readText(join(run.iterationFolder, 'analysis', 'summary.md'));
    return { metrics: parseMetrics(written, path, expected), summary: summary?.trim() ? summary : null };
  } catch (error) {
    if (error instanceof Failure && error.code === 'file_invalid') throw parserFailed(run, expected, error.message, '');
    throw error;
  }
}

/** `1e999` is JSON, and would be written again as null. */
function finite(key: string, value: unknown): unknown {
  if (typeof value !== 'number' || Number.isFinite(value)) return value;
  throw new Failure('file_invalid', {
    what: `the parser’s metrics: ${key} is not a finite number`,
    next: 'let the parser write null where there is no finite number',
  });
}

/** The honest metrics of a run that gave none, with the evidence that is missing. */
function ofFailure(run: Run, expected: Wanted): Results {
  const status = run.record.state === 'partial' ? 'partial' : 'failed';
  const failure = failureOf(run);
  const missing = run.record.sync.missing.length > 0 ? run.record.sync.missing : ['synced artifacts'];
  const detail = failure
    ? `${failure.class}: ${failure.detail}`
    : `artifacts: not there or not as expected: ${missing.slice(0, 5).join('; ')}${missing.length > 5 ? `; and ${missing.length - 5} more` : ''}`;
  const metrics = missingMetrics({ ...expected, status });
  const remedy = failure?.remedy ?? REMEDIES.artifacts;
  return { metrics, summary: plainSummary(run, metrics, detail, missing, remedy), detail };
}

function plainSummary(run: Run, metrics: Metrics, detail: string, missing: readonly string[] = [], remedy?: string): string {
  const { name, value, delta_vs_baseline: delta } = metrics.primary_metric;
  const lines = [
    `# Run ${run.id}`,
    '',
    `Status: ${metrics.status}. ${detail}.`,
    '',
    `- ${name}: ${value ?? 'not measured'}`,
    `- difference to the baseline: ${delta ?? 'not measured'}`,
    ...missing.map((one) => `- missing evidence: ${one}`),
    ...(remedy ? ['', `What to do: ${remedy}.`] : []),
  ];
  return withNewline(lines.join('\n'));
}

function withNewline(text: string): string {
  return text.endsWith('\n') ? text : `${text}\n`;
}

function parserFailed(run: Run, { parser }: Wanted, why: string, output: string): Failure {
  return new Failure('parser_failed', {
    what: `the parser of run ${run.id}, \`${parser}\`, gave no usable metrics`,
    why,
    next: 'mend the parser (extract_parser in design.yaml), then call extract_results again; the run stays as it is',
    ...(output.trim() ? { quoted: quote(output.slice(-4000), 2000) } : {}),
  });
}
