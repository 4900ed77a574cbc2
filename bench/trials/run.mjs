// Trials of `submit` on a real Slurm of their own, disturbed from outside, for ours and for a careful script around sbatch.
// node bench/trials/run.mjs [--fast] [--only FAULT,…] [--design NAME,…] [--seed N] [--width N] [--limit SECONDS] [--results FILE] [--page FILE] [--render]
// Results are appended as they come; called again with the same file and seed it goes on with what is missing. --fast is what CI runs: ours
// alone, a fixed spread, at most three minutes, written nowhere unless --results says where. --render only writes the page again.
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { cpus, release, totalmem } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { ROOT } from '../bundle.mjs';
import { endAll } from '../processes.mjs';
import { startCluster } from './cluster.mjs';
import { FAULTS } from './faults.mjs';
import { ours } from './ours.mjs';
import { page } from './page.mjs';
import { countPlaces } from './places.mjs';
import { pool } from './pool.mjs';
import { append, identity, kept, readResults } from './results.mjs';
import { FAST, FULL, schedule } from './schedule.mjs';
import { shell } from './shell.mjs';
import { runTrial } from './trial.mjs';

const { values: options } = parseArgs({
  options: {
    fast: { type: 'boolean', default: false },
    only: { type: 'string' },
    design: { type: 'string' },
    seed: { type: 'string', default: '1' },
    width: { type: 'string', default: '10' },
    limit: { type: 'string' },
    results: { type: 'string' },
    page: { type: 'string' },
    render: { type: 'boolean', default: false },
  },
});
const DESIGNS = options.fast ? [ours] : [ours, shell];
const wanted = options.design?.split(',') ?? DESIGNS.map(({ name }) => name);
const seed = Number(options.seed);
const results = options.results ?? (options.fast ? undefined : join(ROOT, 'bench', 'trials', 'results.jsonl'));
const out = options.page ?? (options.fast || options.only || options.design ? undefined : join(ROOT, 'docs', 'reliability.md'));
/** No trial is begun after that. */
const LIMIT_MS = 1000 * Number(options.limit ?? (options.fast ? 170 : 2700));

let failed = 0;

async function measure() {
  const began = Date.now();
  const cluster = await startCluster();
  try {
    const known = new Set((results ? readResults(results).trials : []).map(identity));
    const all = [];
    for (const design of DESIGNS.filter(({ name }) => wanted.includes(name))) {
      const places = await countPlaces(cluster, design);
      const counts = options.fast ? FAST : FULL;
      all.push(...schedule(counts, places, seed).map((one) => ({ design: design.name, seed, ...one })));
    }
    const chosen = all
      .filter(({ fault }) => options.only === undefined || options.only.split(',').includes(fault))
      .filter((one) => !known.has(identity(one)))
      .sort((a, b) => a.n - b.n);
    const machine = { ...(await machineOf(cluster)), seed, planned: all.length };
    if (results) append(results, { machine });
    const trials = [];
    const work = async (spec) => {
      if (Date.now() - began > LIMIT_MS) return;
      const record = await runTrial(
        cluster,
        DESIGNS.find(({ name }) => name === spec.design),
        spec,
      );
      note(record, trials, chosen.length);
    };
    await pool(
      chosen.filter(({ fault }) => FAULTS[fault].where === undefined),
      Number(options.width),
      work,
    );
    const restarted = chosen.filter(({ fault }) => FAULTS[fault].where === 'restarting');
    if (restarted.length > 0) await cluster.restarting(() => pool(restarted, 6, work));
    const seconds = Math.round((Date.now() - began) / 1000);
    if (results) append(results, { machine: { ...machine, seconds, trials: trials.length } });
    process.stderr.write(`trials: ${trials.length} of ${chosen.length} in ${seconds} s, ${failed} not as they should be\n`);
  } finally {
    await cluster.close();
  }
}

function note(record, trials, of) {
  const expected = FAULTS[record.fault].expected ?? 'exactly once';
  trials.push(record);
  if (results) append(results, kept(record, expected));
  const isGood = record.outcome === expected;
  if (!isGood) failed += 1;
  process.stderr.write(
    `trials: ${trials.length}/${of} ${record.design} ${record.key}: ${record.outcome} (${record.took} s)${isGood ? '' : ` ${JSON.stringify(record)}`}\n`,
  );
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
  if (!existsSync(join(ROOT, 'dist', 'main.mjs'))) throw new Error('dist/ is not there: run `npm run build`');
  const unknown = [...(options.only?.split(',') ?? [])].find((name) => !Object.hasOwn(FAULTS, name));
  if (unknown !== undefined) throw new Error(`there is no ${unknown}; there are ${Object.keys(FAULTS).join(', ')}`);
  if (!options.render) await measure();
  if (out !== undefined && results !== undefined) writeFileSync(out, page(readResults(results)));
  if (options.fast && failed > 0) process.exitCode = 1;
} catch (error) {
  process.stderr.write(`trials: ${error instanceof Error ? error.stack : error}\n`);
  process.exitCode = 1;
}
