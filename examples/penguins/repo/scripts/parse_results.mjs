// The parser hook: node scripts/parse_results.mjs RUN_DIR RUN_ID ITERATION_ID
// Prints {"metrics": …, "summary_markdown": …} for the replicates found in RUN_DIR. Exit 1: not one usable replicate; exit 2: usage.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';

const REPLICATES = 5; // design.yaml: replicates.count
const BASE_SEED = 7; // design.yaml: replicates.base_seed
const SUCCESS_DELTA = 0.1; // design.yaml: metrics.success_delta
const SPECIES = ['Adelie', 'Chinstrap', 'Gentoo'];

function main(args) {
  const [runDir, runId, iterationId] = args;
  if (args.length !== 3 || args.includes('')) {
    fail(2, `expected 3 arguments, got ${args.length}: node scripts/parse_results.mjs RUN_DIR RUN_ID ITERATION_ID`);
  }
  const found = [];
  const missing = [];
  for (let index = 0; index < REPLICATES; index++) {
    const { replicate, why } = readReplicate(runDir, runId, index);
    if (replicate) found.push(replicate);
    else missing.push(`replicate ${index}: ${why}`);
  }
  if (found.length === 0) fail(1, [`no usable replicate in ${runDir}`, ...missing].join('\n  '));
  const totals = aggregate(found);
  const status = missing.length === 0 ? 'completed' : 'partial';
  const metrics = {
    schema_version: '1.0',
    iteration_id: iterationId,
    run_id: runId,
    status,
    primary_metric: { name: 'heldout_accuracy', value: round(totals.accuracy), delta_vs_baseline: round(totals.delta) },
    baseline_results: found.map(({ index, seed, baseline }) => ({
      name: 'bill_length_only',
      replicate: index,
      seed,
      heldout_accuracy: round(baseline),
    })),
    variant_results: found.map(({ index, seed, accuracy, baseline }) => ({
      name: 'four_measurements',
      replicate: index,
      seed,
      heldout_accuracy: round(accuracy),
      delta_vs_baseline: round(accuracy - baseline),
    })),
    aggregation_method: 'mean',
  };
  console.log(JSON.stringify({ metrics, summary_markdown: summary(runId, status, found, missing, totals) }));
}

/** A replicate that is not this run's, or contradicts itself, counts as missing, with the reason. */
function readReplicate(runDir, runId, index) {
  let content;
  try {
    content = JSON.parse(readFileSync(join(runDir, 'replicates', `replicate_${index}.json`), 'utf8'));
  } catch (error) {
    return { why: error.code === 'ENOENT' ? 'no file' : `unreadable (${error.code ?? 'not JSON'})` };
  }
  const expected = { run_id: runId, index, seed: BASE_SEED + index };
  for (const [key, value] of Object.entries(expected)) {
    if (content?.[key] !== value) return { why: `${key} is not ${JSON.stringify(value)}` };
  }
  const accuracy = share(content.confusion, content.n_test);
  const baseline = share(content.baseline_confusion, content.n_test);
  if (accuracy === null || baseline === null) return { why: 'a confusion matrix does not add up to the held-out rows' };
  if (round(accuracy) !== content.accuracy || round(baseline) !== content.baseline_accuracy) {
    return { why: 'an accuracy contradicts its confusion matrix' };
  }
  return { replicate: { index, seed: content.seed, rows: content.n_test, confusion: content.confusion, accuracy, baseline } };
}

/** The share on the diagonal, or null if this is no matrix of counts over exactly `rows` rows. */
function share(confusion, rows) {
  const isMatrix =
    Array.isArray(confusion) &&
    confusion.length === SPECIES.length &&
    confusion.every((counts) => Array.isArray(counts) && counts.length === SPECIES.length);
  if (!isMatrix || !Number.isSafeInteger(rows) || rows < 1) return null;
  const counts = confusion.flat();
  if (!counts.every((count) => Number.isSafeInteger(count) && count >= 0)) return null;
  if (counts.reduce((sum, count) => sum + count, 0) !== rows) return null;
  return confusion.reduce((sum, row, kind) => sum + row[kind], 0) / rows;
}

function aggregate(found) {
  const accuracy = mean(found.map((replicate) => replicate.accuracy));
  const baseline = mean(found.map((replicate) => replicate.baseline));
  const confusion = SPECIES.map((_, row) =>
    SPECIES.map((_, column) => found.reduce((sum, replicate) => sum + replicate.confusion[row][column], 0)),
  );
  return { accuracy, baseline, delta: accuracy - baseline, confusion };
}

function summary(runId, status, found, missing, totals) {
  const cell = (value) => value.toFixed(4);
  const rows = found.map(
    ({ index, seed, rows, accuracy, baseline }) =>
      `| ${index} | ${seed} | ${rows} | ${cell(baseline)} | ${cell(accuracy)} | ${signed(accuracy - baseline)} |`,
  );
  return [
    '# Four measurements against bill length alone',
    '',
    `Run ${runId}: ${status}, ${found.length} of ${REPLICATES} replicates. ${verdict(status, totals.delta)}`,
    ...(missing.length === 0 ? [] : ['', 'Left out:', '', ...missing.map((line) => `- ${line}`)]),
    '',
    '| replicate | seed | held-out rows | bill length only | four measurements | difference |',
    '|---|---|---|---|---|---|',
    ...rows,
    `| mean | | | ${cell(totals.baseline)} | ${cell(totals.accuracy)} | ${signed(totals.delta)} |`,
    '',
    'Held-out rows of all replicates by true (rows) and predicted (columns) species, four measurements:',
    '',
    `| | ${SPECIES.join(' | ')} |`,
    '|---|---|---|---|',
    ...SPECIES.map((name, row) => `| ${name} | ${totals.confusion[row].join(' | ')} |`),
    '',
    'The replicates split the same penguins anew, so their spread is that of the split, not of new birds.',
    '',
  ].join('\n');
}

function verdict(status, delta) {
  if (status !== 'completed') return 'No verdict: it needs all replicates.';
  const outcome = round(delta) >= SUCCESS_DELTA ? 'supported' : 'not supported';
  return `The hypothesis is ${outcome}: the mean accuracy differs by ${signed(delta)}, and ${signed(SUCCESS_DELTA)} was asked for.`;
}

function signed(value) {
  return `${value < 0 ? '-' : '+'}${Math.abs(value).toFixed(4)}`;
}

function mean(values) {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}

function round(value) {
  return Math.round(value * 1e6) / 1e6;
}

function fail(exit, message) {
  console.error(`parse_results.mjs: ${message}`);
  process.exit(exit);
}

main(process.argv.slice(2));
