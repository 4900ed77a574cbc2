import { readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { backlogSchema, designSchema, metricsSchema, reviewSchema, stateSchema } from './autolab-artifacts.ts';
import {
  copyOf,
  type Ended,
  INDICES,
  ITERATION,
  parseResults,
  RUN,
  readTemplate,
  removeCopies,
  replicateFile,
  TEMPLATE,
  train,
} from './penguins-repo.ts';

let trained: string;
let endings: Ended[];

beforeAll(async () => {
  trained = copyOf(TEMPLATE);
  endings = [];
  for (const index of INDICES) {
    endings.push(await train(trained, { RUN_ID: RUN, AUTOLAB_TASK_INDEX: String(index) }));
  }
});

afterAll(removeCopies);

describe('the data', () => {
  test('has the rows and the gaps that SOURCE.md counts', () => {
    const [header, ...rows] = readTemplate('data/penguins.csv').trimEnd().split('\n');
    const cells = rows.map((row) => row.split(','));
    const counts: Record<string, { rows: number; measured: number }> = {};
    for (const [species = '', , ...values] of cells) {
      counts[species] ??= { rows: 0, measured: 0 };
      counts[species].rows += 1;
      if (values.slice(0, 4).every((value) => value !== '')) counts[species].measured += 1;
    }
    expect(header).toBe('species,island,bill_length_mm,bill_depth_mm,flipper_length_mm,body_mass_g,sex');
    expect(new Set(cells.map((row) => row.length))).toEqual(new Set([7]));
    expect(counts).toEqual({
      Adelie: { rows: 152, measured: 151 },
      Chinstrap: { rows: 68, measured: 68 },
      Gentoo: { rows: 124, measured: 123 },
    });
  });
});

describe('the template', () => {
  test('every YAML file means the same in YAML 1.1, which Autolab reads, and 1.2', () => {
    const files = ['.autolab/backlog.yaml', `${ITERATION}/design.yaml`, `${ITERATION}/launch/launch.yaml`];
    for (const file of files) {
      expect(parse(readTemplate(file), { version: '1.1' }), file).toEqual(parse(readTemplate(file), { version: '1.2' }));
    }
  });

  test('every artifact satisfies its closed schema', () => {
    stateSchema.parse(JSON.parse(readTemplate('.autolab/state.json')));
    reviewSchema.parse(JSON.parse(readTemplate(`${ITERATION}/review_result.json`)));
    backlogSchema.parse(parse(readTemplate('.autolab/backlog.yaml')));
    designSchema.parse(parse(readTemplate(`${ITERATION}/design.yaml`)));
  });

  test('state, backlog, design and launch files speak of the same experiment and the same resources', () => {
    const state = stateSchema.parse(JSON.parse(readTemplate('.autolab/state.json')));
    const backlog = backlogSchema.parse(parse(readTemplate('.autolab/backlog.yaml')));
    const design = designSchema.parse(parse(readTemplate(`${ITERATION}/design.yaml`)));
    const { iteration_id, id, hypothesis_id } = design;
    expect({ iteration_id: state.iteration_id, id: state.experiment_id }).toEqual({ iteration_id, id });
    expect(backlog.experiments.map((entry) => [entry.iteration_id, entry.id, entry.hypothesis_id])).toEqual([
      [iteration_id, id, hypothesis_id],
    ]);
    expect(backlog.hypotheses.map((entry) => [entry.id, entry.success_metric, entry.target_delta])).toEqual([
      [hypothesis_id, design.metrics.primary.name, Number(design.metrics.success_delta)],
    ]);
    expect(parse(readTemplate(`${ITERATION}/launch/launch.yaml`)).array.indices).toBe(`0-${design.replicates.count - 1}`);
    const directives = readTemplate(`${ITERATION}/launch/run_slurm.sbatch`).match(/^#SBATCH .*$/gm);
    expect(directives).toEqual([
      '#SBATCH --job-name=penguins-softmax',
      `#SBATCH --time=${design.compute.walltime_estimate}`,
      '#SBATCH --cpus-per-task=1',
      `#SBATCH --mem=${design.compute.memory_estimate.replace(/B$/, '')}`,
    ]);
  });
});

const SEEDS = [7, 8, 9, 10, 11];
const BASELINE = [0.77451, 0.72549, 0.735294, 0.764706, 0.77451];
const VARIANT = [0.990196, 0.970588, 1, 0.980392, 0.990196];
const DELTA = [0.215686, 0.245098, 0.264706, 0.215686, 0.215686];

function metricsOf(indices: number[], status: 'completed' | 'partial', value: number, delta_vs_baseline: number): unknown {
  return {
    schema_version: '1.0',
    iteration_id: 'penguins-softmax',
    run_id: RUN,
    status,
    primary_metric: { name: 'heldout_accuracy', value, delta_vs_baseline },
    baseline_results: indices.map((replicate) => ({
      name: 'bill_length_only',
      replicate,
      seed: SEEDS[replicate],
      heldout_accuracy: BASELINE[replicate],
    })),
    variant_results: indices.map((replicate) => ({
      name: 'four_measurements',
      replicate,
      seed: SEEDS[replicate],
      heldout_accuracy: VARIANT[replicate],
      delta_vs_baseline: DELTA[replicate],
    })),
    aggregation_method: 'mean',
  };
}

const ARGUMENTS = [join(ITERATION, 'runs', RUN), RUN, 'penguins-softmax'];

describe('a run of five tasks', () => {
  test('every task ends well and leaves one file', () => {
    expect(endings.map(({ exit, stderr }) => ({ exit, stderr }))).toEqual(INDICES.map(() => ({ exit: 0, stderr: '' })));
    expect(readdirSync(dirname(replicateFile(trained, 0)))).toEqual(INDICES.map((index) => `replicate_${index}.json`));
  });

  test('becomes completed metrics and a summary with the verdict', async () => {
    const { exit, stdout, stderr } = await parseResults(trained, ...ARGUMENTS);
    expect({ exit, stderr }).toEqual({ exit: 0, stderr: '' });
    const { metrics, summary_markdown, ...rest } = JSON.parse(stdout);
    expect(rest).toEqual({});
    expect(metricsSchema.parse(metrics)).toEqual(metricsOf(INDICES, 'completed', 0.986275, 0.231373));
    expect(summary_markdown).toMatchInlineSnapshot(`
      "# Four measurements against bill length alone

      Run 20261125T213000Z_0a1b2c: completed, 5 of 5 replicates. The hypothesis is supported: the mean accuracy differs by +0.2314, and +0.1000 was asked for.

      | replicate | seed | held-out rows | bill length only | four measurements | difference |
      |---|---|---|---|---|---|
      | 0 | 7 | 102 | 0.7745 | 0.9902 | +0.2157 |
      | 1 | 8 | 102 | 0.7255 | 0.9706 | +0.2451 |
      | 2 | 9 | 102 | 0.7353 | 1.0000 | +0.2647 |
      | 3 | 10 | 102 | 0.7647 | 0.9804 | +0.2157 |
      | 4 | 11 | 102 | 0.7745 | 0.9902 | +0.2157 |
      | mean | | | 0.7549 | 0.9863 | +0.2314 |

      Held-out rows of all replicates by true (rows) and predicted (columns) species, four measurements:

      | | Adelie | Chinstrap | Gentoo |
      |---|---|---|---|
      | Adelie | 224 | 1 | 0 |
      | Chinstrap | 6 | 94 | 0 |
      | Gentoo | 0 | 0 | 185 |

      The replicates split the same penguins anew, so their spread is that of the split, not of new birds.
      "
    `);
  });

  test('has the names, the seeds and the threshold of the design', () => {
    const design = designSchema.parse(parse(readTemplate(`${ITERATION}/design.yaml`)));
    const { base_seed, count } = design.replicates;
    expect(INDICES.map((index) => base_seed + index)).toEqual(SEEDS);
    expect(INDICES).toHaveLength(count);
    expect(design).toMatchObject({
      metrics: { primary: { name: 'heldout_accuracy' }, success_delta: '+0.10', aggregation: 'mean' },
      baselines: [{ name: 'bill_length_only' }],
      variants: [{ name: 'four_measurements' }],
      extract_parser: { command: 'node scripts/parse_results.mjs {run_dir} {run_id} {iteration_id}' },
    });
  });
});

describe('replicates that do not count', () => {
  const edited = (change: object) => (text: string) => JSON.stringify({ ...JSON.parse(text), ...change });
  test.each<[string, (text: string) => string | null, string]>([
    ['a missing file', () => null, 'no file'],
    ['half a file', (text) => text.slice(0, 200), 'unreadable (not JSON)'],
    ['NaN', (text) => text.replace('"accuracy":0.980392', '"accuracy":NaN'), 'unreadable (not JSON)'],
    [
      'infinity',
      (text) => text.replace('"accuracy":0.980392', '"accuracy":1e999'),
      'an accuracy contradicts its confusion matrix',
    ],
    ['null', () => 'null', `run_id is not "${RUN}"`],
    ['a result of another run', edited({ run_id: 'other' }), `run_id is not "${RUN}"`],
    ['a result of another task', edited({ index: 2 }), 'index is not 3'],
    ['another seed', edited({ seed: 7 }), 'seed is not 10'],
    ['a better accuracy than was measured', edited({ accuracy: 1 }), 'an accuracy contradicts its confusion matrix'],
    ['no baseline', edited({ baseline_accuracy: null }), 'an accuracy contradicts its confusion matrix'],
    ['no matrix', edited({ confusion: [] }), 'a confusion matrix does not add up to the held-out rows'],
    ['no held-out rows', edited({ n_test: 0 }), 'a confusion matrix does not add up to the held-out rows'],
  ])('%s makes the run partial, without a verdict, and is named', async (_, edit, why) => {
    const copy = copyOf(trained);
    const file = replicateFile(copy, 3);
    const text = edit(readFileSync(file, 'utf8'));
    if (text === null) rmSync(file);
    else writeFileSync(file, text);
    const { exit, stdout, stderr } = await parseResults(copy, ...ARGUMENTS);
    const { metrics, summary_markdown } = JSON.parse(stdout);
    expect({ exit, stderr }).toEqual({ exit: 0, stderr: '' });
    expect(metricsSchema.parse(metrics)).toEqual(metricsOf([0, 1, 2, 4], 'partial', 0.987745, 0.235294));
    expect(summary_markdown.split('\n').slice(2, 7)).toEqual([
      `Run ${RUN}: partial, 4 of 5 replicates. No verdict: it needs all replicates.`,
      '',
      'Left out:',
      '',
      `- replicate 3: ${why}`,
    ]);
  });

  test('without one usable replicate there are no metrics', async () => {
    expect(await parseResults(copyOf(TEMPLATE), ...ARGUMENTS)).toEqual({
      exit: 1,
      stdout: '',
      stderr: [
        `parse_results.mjs: no usable replicate in ${ARGUMENTS[0]}`,
        ...INDICES.map((index) => `  replicate ${index}: no file`),
        '',
      ].join('\n'),
    });
  });

  test('a wrong call is a usage error', async () => {
    expect(await parseResults(trained, RUN)).toEqual({
      exit: 2,
      stdout: '',
      stderr: 'parse_results.mjs: expected 3 arguments, got 1: node scripts/parse_results.mjs RUN_DIR RUN_ID ITERATION_ID\n',
    });
  });
});
