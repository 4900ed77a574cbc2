// One replicate: split the penguins 70/30 by species, fit a softmax classifier on all four measurements and, on the same split, the
// baseline on bill length alone; write runs/<run>/replicates/replicate_<index>.json under the working folder (the iteration's).
// Environment: RUN_ID (or AUTOLAB_RUN_ID) and AUTOLAB_TASK_INDEX. Exit 2: the environment is not usable; exit 1: anything else.
import { closeSync, fsyncSync, mkdirSync, openSync, readFileSync, renameSync, rmSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const DATA = fileURLToPath(new URL('../data/penguins.csv', import.meta.url));
const BASE_SEED = 7; // design.yaml: replicates.base_seed
const TRAIN_FRACTION = 0.7;
const EPOCHS = 4_000;
const LOSS_EVERY = 50;
const LEARNING_RATE = 0.5;
const WEIGHT_DECAY = 1e-3; // keeps the weights finite where two species separate completely
const BASELINE = ['bill_length_mm'];
const MEASUREMENTS = ['bill_length_mm', 'bill_depth_mm', 'flipper_length_mm', 'body_mass_g'];
const SPECIES = ['Adelie', 'Chinstrap', 'Gentoo'];

function main() {
  const { runId, index } = environment();
  const seed = BASE_SEED + index;
  const { train, test } = split(readPenguins(), seed);
  const label = `replicate ${index} (seed ${seed})`;
  console.log(`${label}: ${train.length} training rows, ${test.length} held out`);
  const baseline = evaluate(train, test, BASELINE, `${label}, bill length only`);
  const variant = evaluate(train, test, MEASUREMENTS, `${label}, four measurements`);
  const file = writeReplicate(join('runs', runId, 'replicates'), `replicate_${index}.json`, {
    run_id: runId,
    index,
    seed,
    n_train: train.length,
    n_test: test.length,
    species: SPECIES,
    accuracy: variant.accuracy,
    baseline_accuracy: baseline.accuracy,
    confusion: variant.confusion, // rows: true species, columns: predicted
    baseline_confusion: baseline.confusion,
    loss_every: LOSS_EVERY,
    loss: variant.loss,
    baseline_loss: baseline.loss,
  });
  console.log(`${label}: held-out accuracy ${variant.accuracy}, baseline ${baseline.accuracy}, written to ${file}`);
}

function environment() {
  const runId = process.env.AUTOLAB_RUN_ID || process.env.RUN_ID || '';
  const task = process.env.AUTOLAB_TASK_INDEX ?? '';
  const problems = [];
  if (!/^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$/.test(runId)) {
    problems.push(`RUN_ID is ${quoted(runId)}; expected the run's id: letters, digits, dot, underscore and hyphen`);
  }
  if (!/^(0|[1-9][0-9]{0,5})$/.test(task)) {
    problems.push(`AUTOLAB_TASK_INDEX is ${quoted(task)}; expected the replicate's index: a whole number from 0`);
  }
  if (problems.length > 0) {
    for (const problem of problems) console.error(`train.mjs: ${problem}`);
    process.exit(2);
  }
  return { runId, index: Number(task) };
}

function quoted(value) {
  return value === '' ? 'not set' : JSON.stringify(value);
}

/** The rows with all four measurements; rows without are left out. */
function readPenguins() {
  const [header, ...lines] = readFileSync(DATA, 'utf8').trimEnd().split('\n');
  const names = header.split(',');
  for (const name of ['species', ...MEASUREMENTS]) {
    if (!names.includes(name)) throw new Error(`${DATA}: there is no column "${name}"`);
  }
  const rows = [];
  for (const [at, line] of lines.entries()) {
    const cells = line.split(',');
    const row = Object.fromEntries(names.map((name, column) => [name, cells[column] ?? '']));
    if (!SPECIES.includes(row.species)) throw new Error(`${DATA}:${at + 2}: unknown species "${row.species}"`);
    if (MEASUREMENTS.some((name) => row[name] === '')) continue;
    const values = Object.fromEntries(MEASUREMENTS.map((name) => [name, Number(row[name])]));
    const bad = MEASUREMENTS.find((name) => !Number.isFinite(values[name]));
    if (bad) throw new Error(`${DATA}:${at + 2}: ${bad} is "${row[bad]}", not a number`);
    rows.push({ kind: SPECIES.indexOf(row.species), values });
  }
  return rows;
}

/** The same seed gives the same split; each species is split by itself, so its share is the same on both sides. */
function split(rows, seed) {
  const random = mulberry32(seed);
  const train = [];
  const test = [];
  for (const [kind, species] of SPECIES.entries()) {
    const group = rows.filter((row) => row.kind === kind);
    if (group.length < 2) throw new Error(`${DATA}: ${group.length} usable rows of ${species}; at least 2 are needed`);
    for (let last = group.length - 1; last > 0; last--) {
      const other = Math.floor(random() * (last + 1));
      [group[last], group[other]] = [group[other], group[last]];
    }
    const cut = Math.round(group.length * TRAIN_FRACTION);
    train.push(...group.slice(0, cut));
    test.push(...group.slice(cut));
  }
  return { train, test };
}

/** A small, well-known 32-bit generator; returns numbers in [0, 1). */
function mulberry32(seed) {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

function evaluate(train, test, names, label) {
  const scale = standardiser(train, names);
  const { weights, loss } = fitSoftmax(train.map(scale), train, label);
  const confusion = SPECIES.map(() => SPECIES.map(() => 0));
  for (const row of test) {
    const p = probabilities(weights, scale(row));
    confusion[row.kind][p.indexOf(Math.max(...p))] += 1;
  }
  const correct = confusion.reduce((sum, counts, kind) => sum + counts[kind], 0);
  return { accuracy: round(correct / test.length), confusion, loss };
}

/** Mean 0 and deviation 1 on the training rows alone, so nothing is learnt from the held-out ones. A leading 1 is the intercept. */
function standardiser(train, names) {
  const stats = names.map((name) => {
    const mean = train.reduce((sum, row) => sum + row.values[name], 0) / train.length;
    const variance = train.reduce((sum, row) => sum + (row.values[name] - mean) ** 2, 0) / train.length;
    return { name, mean, deviation: Math.sqrt(variance) || 1 };
  });
  return (row) => [1, ...stats.map(({ name, mean, deviation }) => (row.values[name] - mean) / deviation)];
}

/** Full-batch gradient descent on the mean cross-entropy from zero weights. `loss` is that of every LOSS_EVERY-th epoch. */
function fitSoftmax(inputs, rows, label) {
  const weights = SPECIES.map(() => inputs[0].map(() => 0));
  const loss = [];
  for (let epoch = 0; epoch < EPOCHS; epoch++) {
    const gradient = weights.map((row) => row.map(() => 0));
    let total = 0;
    for (let at = 0; at < inputs.length; at++) {
      const input = inputs[at];
      const kind = rows[at].kind;
      const p = probabilities(weights, input);
      total -= Math.log(p[kind]);
      for (let k = 0; k < p.length; k++) {
        const error = p[k] - (k === kind ? 1 : 0);
        for (let j = 0; j < input.length; j++) gradient[k][j] += error * input[j];
      }
    }
    const mean = total / inputs.length;
    if (!Number.isFinite(mean)) throw new Error(`${label}: the loss is ${mean} at epoch ${epoch}; nothing is written`);
    if (epoch % LOSS_EVERY === 0) loss.push(round(mean));
    if (epoch % (EPOCHS / 5) === 0) console.log(`${label}: epoch ${epoch} of ${EPOCHS}, loss ${mean.toFixed(4)}`);
    for (let k = 0; k < weights.length; k++) {
      for (let j = 0; j < weights[k].length; j++) {
        const decay = j === 0 ? 0 : WEIGHT_DECAY * weights[k][j];
        weights[k][j] -= LEARNING_RATE * (gradient[k][j] / inputs.length + decay);
      }
    }
  }
  return { weights, loss };
}

function probabilities(weights, input) {
  const scores = weights.map((row) => row.reduce((sum, weight, j) => sum + weight * input[j], 0));
  const top = Math.max(...scores);
  const exps = scores.map((score) => Math.exp(score - top));
  const sum = exps[0] + exps[1] + exps[2];
  return exps.map((value) => value / sum);
}

function round(value) {
  return Math.round(value * 1e6) / 1e6;
}

/** Written whole or not at all: a task killed half-way leaves no result. */
function writeReplicate(folder, name, result) {
  mkdirSync(folder, { recursive: true });
  const target = join(folder, name);
  const temporary = join(folder, `.${name}.${process.pid}.tmp`);
  try {
    const file = openSync(temporary, 'wx');
    try {
      writeSync(file, `${JSON.stringify(result)}\n`);
      fsyncSync(file);
    } finally {
      closeSync(file);
    }
    renameSync(temporary, target);
  } finally {
    rmSync(temporary, { force: true });
  }
  return target;
}

try {
  main();
} catch (error) {
  console.error(`train.mjs: ${error instanceof Error ? error.message : error}`);
  process.exitCode = 1;
}
