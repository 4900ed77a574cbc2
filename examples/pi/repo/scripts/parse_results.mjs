// The parser hook: node scripts/parse_results.mjs RUN_DIR RUN_ID ITERATION_ID
// Prints {"metrics": …, "summary_markdown": …} for the estimate found in RUN_DIR. Exit 1: none that can be used; exit 2: usage.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';

const SUCCESS = 0.01; // design.yaml: metrics.success_delta
const [runDir, runId, iterationId] = process.argv.slice(2);
if (!iterationId) fail(2, 'node scripts/parse_results.mjs RUN_DIR RUN_ID ITERATION_ID');

const { run_id, samples, within, pi, standard_error } = read(join(runDir, 'estimate', 'pi.json'));
if (run_id !== runId) fail(1, `the estimate is of run ${JSON.stringify(run_id)}`);
if (!(samples > 0) || pi !== (4 * within) / samples) fail(1, 'the estimate contradicts its counts');
const error = round(Math.abs(pi - Math.PI));
const metrics = {
  schema_version: '1.0',
  iteration_id: iterationId,
  run_id: runId,
  status: 'completed',
  primary_metric: { name: 'absolute_error', value: error, delta_vs_baseline: error },
  baseline_results: [{ name: 'exact', pi: Math.PI, absolute_error: 0 }],
  variant_results: [
    { name: 'random_points', pi: round(pi), standard_error: round(standard_error), samples, absolute_error: error },
  ],
  aggregation_method: 'one estimate of all samples',
};
const summary_markdown = [
  '# pi by random points',
  '',
  `Run ${runId}: ${round(pi)} ± ${round(standard_error)} of ${samples} points; ${round(Math.PI)} is exact.`,
  `The hypothesis is ${error <= SUCCESS ? 'supported' : 'not supported'}: the error is ${error}, and at most ${SUCCESS} was asked for.`,
  '',
].join('\n');
console.log(JSON.stringify({ metrics, summary_markdown }));

function read(file) {
  try {
    return JSON.parse(readFileSync(file, 'utf8'));
  } catch (error) {
    return fail(1, `${file} cannot be read (${error.code ?? 'not JSON'})`);
  }
}

function round(value) {
  return Math.round(value * 1e6) / 1e6;
}

function fail(exit, message) {
  console.error(`parse_results.mjs: ${message}`);
  process.exit(exit);
}
