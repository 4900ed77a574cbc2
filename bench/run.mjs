// Measures the product against its raw baselines, prints one table, and writes docs/performance.md.
// node bench/run.mjs [--quick] [--out FILE] [--only start,calls,…] [--limit SECONDS]
// --quick: everything once; nothing is written then, unless --out says where.
import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { cpus, getPriority, loadavg, release, tmpdir, totalmem } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { bundleAll, ROOT } from './bundle.mjs';
import { endAll } from './processes.mjs';
import { page, tableText } from './report.mjs';
import { makeRepository } from './repository.mjs';
import { callRows } from './rows/calls.mjs';
import { commandRows } from './rows/commands.mjs';
import { decideRows } from './rows/decide.mjs';
import { growthRows } from './rows/growth.mjs';
import { pollRows } from './rows/poll.mjs';
import { recordRows } from './rows/records.mjs';
import { recoveryRows } from './rows/recovery.mjs';
import { slurmRows } from './rows/slurm.mjs';
import { sshRows } from './rows/ssh.mjs';
import { startRows } from './rows/start.mjs';
import { scriptOf, submitRows } from './rows/submit.mjs';
import { syncRows } from './rows/sync.mjs';

const { values: options } = parseArgs({
  options: {
    quick: { type: 'boolean', default: false },
    out: { type: 'string' },
    only: { type: 'string' },
    limit: { type: 'string' },
  },
});

const FULL = {
  starts: 20,
  idle: 5,
  calls: 300,
  warmCalls: 50,
  runs: 3,
  submits: 15,
  parts: 15,
  commands: 15,
  rows: 100_000,
  recordTimes: 15,
  openRuns: 1000,
  recoveries: 1,
};
const ONCE = {
  starts: 1,
  idle: 1,
  calls: 3,
  warmCalls: 1,
  runs: 1,
  submits: 1,
  parts: 1,
  commands: 1,
  rows: 1000,
  recordTimes: 1,
  openRuns: 12,
  recoveries: 1,
};
const COUNTS = options.quick
  ? {
      ...ONCE,
      decisions: 1,
      batch: 100,
      jobs: 3,
      tasks: 100,
      polls: 1,
      syncs: 1,
      cuts: 1,
      megabytes: 4,
      grownRows: [100, 1000],
      grownRuns: [2, 4],
      grownTimes: 1,
    }
  : {
      ...FULL,
      decisions: 20,
      batch: 2000,
      jobs: 100,
      tasks: 10_000,
      polls: 10,
      syncs: 7,
      cuts: 3,
      megabytes: 64,
      grownRows: [10_000, 100_000, 1_000_000],
      grownRuns: [100, 1000, 10_000],
      grownTimes: 3,
    };
/** The whole benchmark ends by then, come what may. */
const LIMIT_MS = 1000 * Number(options.limit ?? (options.quick ? 180 : 1800));

const GROUPS = {
  start: startRows,
  calls: callRows,
  submit: submitRows,
  commands: commandRows,
  records: recordRows,
  decide: decideRows,
  poll: pollRows,
  recovery: recoveryRows,
  growth: growthRows,
  slurm: slurmRows,
  ssh: sshRows,
  sync: syncRows,
};
const wanted = options.only?.split(',') ?? Object.keys(GROUPS);

const folder = realpathSync(mkdtempSync(join(tmpdir(), 'autolab-bench-')));
let repository;
tidyAtTheEnd();

async function measure() {
  const started = Date.now();
  const load = loadavg()[0];
  const programs = await bundleAll(folder);
  const began = join(folder, 'began');
  repository = await makeRepository(programs.main, join(folder, 'repository'), scriptOf(began));
  const setting = { ...programs, repository, folder, began, counts: COUNTS };
  const rows = [];
  for (const name of wanted) {
    process.stderr.write(`bench: ${name}\n`);
    rows.push(...(await GROUPS[name](setting)));
  }
  return { rows, about: about(load, Math.round((Date.now() - started) / 1000)) };
}

function about(load, seconds) {
  const [{ model }] = cpus();
  const { version } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8'));
  return [
    [
      'Machine',
      `${cpus().length} × ${model.trim()}, ${Math.round(totalmem() / 2 ** 30)} GiB, Linux ${release()}, ${fileSystem()}; Node ${process.version}`,
    ],
    ['Load', busy(load, loadavg()[0])],
    ['When', `${new Date().toISOString().slice(0, 10)}, autolab-mcp ${version}, ${seconds} s in all`],
    [
      'How often',
      `n beside each row; one round before the first is thrown away (${COUNTS.warmCalls} for calls), and the order of the sides turns from round to round`,
    ],
    [
      'Against what',
      'the no-op server has one tool on the same SDK and is bundled with the same settings; `runner by hand` are the very commands the runner is given, ' +
        'run with `sh`; `from within` calls the functions of the source in a process of its own; on Slurm everything, baselines too, is run by an ' +
        'account without privileges on a cluster that the benchmark starts, controller and two pretended nodes on this machine; over ssh it is an sshd ' +
        'that the benchmark starts on 127.0.0.1, and ssh and rsync by hand have one shared connection as the product has',
    ],
  ];
}

/** How busy the machine was, in words that a reader of the figures cannot miss. */
function busy(before, after) {
  const told = `${before.toFixed(1)} at the beginning and ${after.toFixed(1)} at the end (one minute), nice ${getPriority()}`;
  if (Math.max(before, after) <= cpus().length) return told;
  return `${told}; other work went on, so that times are longer than on a quiet machine, and verdicts near their budget say little`;
}

function fileSystem() {
  try {
    return `${execFileSync('stat', ['-f', '-c', '%T', folder], { encoding: 'utf8' }).trim()} under ${tmpdir()}`;
  } catch {
    return 'unknown file system';
  }
}

function tidy() {
  endAll();
  repository?.remove();
  rmSync(folder, { recursive: true, force: true, maxRetries: 5 });
}

function tidyAtTheEnd() {
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) {
    process.once(signal, () => {
      tidy();
      process.exit(1);
    });
  }
  setTimeout(() => {
    process.stderr.write(`bench: not done after ${LIMIT_MS / 1000} s; ended\n`);
    tidy();
    process.exit(1);
  }, LIMIT_MS).unref();
}

try {
  if (!existsSync(join(ROOT, 'dist', 'main.mjs'))) throw new Error('dist/ is not there: run `npm run build`');
  const unknown = wanted.find((name) => !Object.hasOwn(GROUPS, name));
  if (unknown !== undefined) throw new Error(`there is no ${unknown}; there are ${Object.keys(GROUPS).join(', ')}`);
  const { rows, about: told } = await measure();
  process.stdout.write(`${tableText(rows)}\n`);
  const out = options.out ?? (options.quick || options.only ? undefined : join(ROOT, 'docs', 'performance.md'));
  if (out !== undefined) writeFileSync(out, page(rows, told));
} catch (error) {
  process.stderr.write(`bench: ${error instanceof Error ? error.stack : error}\n`);
  process.exitCode = 1;
} finally {
  tidy();
}
