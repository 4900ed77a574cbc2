// Trials of `submit` on a real Slurm of their own, disturbed from outside, for ours and for a careful script around sbatch.
// node bench/trials/run.mjs [--fast] [--only FAULT,…] [--design NAME,…] [--seed N] [--width N] [--limit SECONDS] [--results FILE] [--page FILE] [--render]
// Results are appended as they come; called again with the same file and seed it goes on with what is missing. --fast is what CI runs: ours
// alone, a fixed spread, at most three minutes, written nowhere unless --results says where. --render only writes the page again.
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { cpus, release, totalmem } from 'node:os';
import { join } from 'node:path';
import { ROOT } from '../bundle.mjs';
import { endAll } from '../processes.mjs';
import { startCluster } from './cluster.mjs';
import { FAULTS } from './faults.mjs';
import { readOptions } from './options.mjs';
import { page } from './page.mjs';
import { countPlaces } from './places.mjs';
import { pool } from './pool.mjs';
import { append, identity, kept, readResults } from './results.mjs';
import { schedule } from './schedule.mjs';
import { runTrial } from './trial.mjs';

/** Where trials are made, one after the other: the cluster, and how many at a time. What only waits goes on side by side. */
const PHASES = [
  { where: 'forgetful', variables: { MIN_JOB_AGE: '5' }, width: 30 },
  { where: 'restarting', variables: {}, width: 6 },
  { where: undefined, variables: {} },
];

async function measure({ designs, counts, isWanted, seed, width, limitMs, results }) {
  const began = Date.now();
  const known = new Set(readResults(results).trials.map(identity));
  const tally = { done: 0, of: 0, bad: 0 };
  let chosen;
  for (const phase of PHASES) {
    const isHere = ({ fault }) => FAULTS[fault].where === phase.where;
    const mayBe = Object.keys(counts).some((fault) => isWanted({ fault }) && isHere({ fault }));
    if (!mayBe || (chosen && !chosen.some(isHere))) continue;
    const cluster = await startCluster(phase.variables);
    try {
      if (!chosen) {
        const all = await planned(cluster, designs, counts, seed);
        chosen = all.filter((one) => isWanted(one) && !known.has(identity(one)));
        tally.of = chosen.length;
        append(results, { machine: { ...(await machineOf(cluster)), seed, planned: all.length } });
      }
      const work = async (spec) => {
        if (Date.now() - began > limitMs) return;
        const design = designs.find(({ name }) => name === spec.design);
        note(await runTrial(cluster, design, spec), results, tally);
      };
      const go = () => pool(chosen.filter(isHere), phase.width ?? width, work);
      await (phase.where === 'restarting' ? cluster.restarting(go) : go());
    } finally {
      await cluster.close();
    }
  }
  const seconds = Math.round((Date.now() - began) / 1000);
  append(results, { ended: { seconds, trials: tally.done } });
  process.stderr.write(`trials: ${tally.done} of ${tally.of} in ${seconds} s, ${tally.bad} not as they should be\n`);
  return tally;
}

/** The trials of all designs, each design's in turn. */
async function planned(cluster, designs, counts, seed) {
  const all = [];
  for (const design of designs) {
    const its = schedule(counts, await countPlaces(cluster, design), seed);
    all.push(...its.map((one, n) => ({ design: design.name, seed, at: n / its.length, ...one })));
  }
  return all.sort((a, b) => a.at - b.at).map(({ at: _, ...one }) => one);
}

function note(record, results, tally) {
  const expected = FAULTS[record.fault].expected ?? 'exactly once';
  const isGood = record.outcome === expected;
  tally.done += 1;
  if (!isGood) tally.bad += 1;
  append(results, kept(record, expected));
  const { design, key, outcome, took } = record;
  const whole = isGood ? '' : ` ${JSON.stringify(record)}`;
  process.stderr.write(`trials: ${tally.done}/${tally.of} ${design} ${key}: ${outcome} (${took} s)${whole}\n`);
}

async function machineOf({ client }) {
  const [{ model }] = cpus();
  const { version } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8'));
  return {
    when: new Date().toISOString().slice(0, 10),
    cpus: `${cpus().length} × ${model.trim()}`,
    memory: `${Math.round(totalmem() / 2 ** 30)} GiB`,
    kernel: `Linux ${release()}`,
    slurm: (await client('sbatch', '--version')).trim(),
    node: process.version,
    version,
  };
}

for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'])
  process.once(signal, () => {
    endAll();
    process.exitCode = 1;
  });

try {
  const options = readOptions();
  if (!existsSync(join(ROOT, 'dist', 'main.mjs'))) throw new Error('dist/ is not there: run `npm run build`');
  const tally = options.render ? undefined : await measure(options);
  if (options.page !== undefined) writeFileSync(options.page, page(readResults(options.results)));
  if (options.fast && tally && (tally.bad > 0 || tally.done < tally.of)) process.exitCode = 1;
} catch (error) {
  process.stderr.write(`trials: ${error instanceof Error ? error.stack : error}\n`);
  process.exitCode = 1;
}
