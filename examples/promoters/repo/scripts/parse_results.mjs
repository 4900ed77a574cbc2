// The parser hook: node scripts/parse_results.mjs RUN_DIR RUN_ID ITERATION_ID
// Prints {"metrics": …, "summary_markdown": …} for the profile found in RUN_DIR. Exit 1: none that can be used; exit 2: usage.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';

const SUCCESS = 0.03; // design.yaml: metrics.success_delta
const [runDir, runId, iterationId] = process.argv.slice(2);
if (!iterationId) fail(2, 'node scripts/parse_results.mjs RUN_DIR RUN_ID ITERATION_ID');

const manifest = read(join(runDir, 'library', 'manifest.json'));
const { run_id, sequences, distinct, without_boxes, gc_mean } = read(join(runDir, 'profile', 'profile.json'));
if (run_id !== runId || manifest.run_id !== runId) fail(1, 'manifest and profile are not both of this run');
if (sequences !== manifest.total) fail(1, `the profile is of ${sequences} sequences; the manifest counts ${manifest.total}`);
if (without_boxes > 0) fail(1, `${without_boxes} sequences are without the boxes`);
const deviation = round(Math.abs(gc_mean - 0.5));
const metrics = {
  schema_version: '1.0',
  iteration_id: iterationId,
  run_id: runId,
  status: 'completed',
  primary_metric: { name: 'gc_deviation', value: deviation, delta_vs_baseline: deviation },
  baseline_results: [{ name: 'background', gc_deviation: 0 }],
  variant_results: [{ name: 'with_boxes', sequences, distinct, gc_mean: round(gc_mean), gc_deviation: deviation }],
  aggregation_method: 'one profile of the whole library',
};
const summary_markdown = [
  '# A library of promoters',
  '',
  `Run ${runId}: ${sequences} sequences, ${manifest.new_rows} of them new, with a mean GC content of ${round(gc_mean)}.`,
  `The hypothesis is ${deviation <= SUCCESS ? 'supported' : 'not supported'}: it is ${deviation} from one half, and at most ${SUCCESS} was asked for.`,
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
