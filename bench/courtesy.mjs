// Counts what a day of looks asks of a scheduler, and works out what that is for many users: writes docs/courtesy.md.
// node bench/courtesy.mjs [--hours N] [--out FILE]; needs faketime (Debian: libfaketime).
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { bundleAll, ROOT } from './bundle.mjs';
import { courtesyPage } from './courtesy-page.mjs';
import { daySlurm } from './day-slurm.mjs';
import { manyRuns } from './many-runs.mjs';
import { endAll, run, until } from './processes.mjs';
import { makeRepository } from './repository.mjs';

const { values: options } = parseArgs({ options: { hours: { type: 'string', default: '24' }, out: { type: 'string' } } });
const DAY = 3600 * Number(options.hours);
/** So many programs of Slurm are started by a submission, by docs/performance.md. */
const SUBMISSION = 10;
/** The pace of the presets for clusters. */
const PACE = 60;

/** When each run starts and ends, in parts of the day: a long one, and ten through the day. */
const DAYS = [
  { what: '1 run, which waits an hour and runs for 22', jobs: [[1 / 24, 23 / 24]] },
  { what: '10 runs of 2 to 11 hours, begun one an hour', jobs: range(10).map((n) => [n / 24, Math.min(0.99, (2 * n + 2) / 24)]) },
];

function range(count) {
  return Array.from({ length: count }, (_, at) => at);
}

/** The library that tells a program another time; it is told to leave the times of files and the clock that only counts alone. */
function library() {
  const folders = readdirSync('/usr/lib', { withFileTypes: true }).filter((one) => one.isDirectory());
  const found = folders
    .map(({ name }) => join('/usr/lib', name, 'faketime', 'libfaketime.so.1'))
    .find((path) => existsSync(path));
  if (found === undefined) throw new Error('libfaketime is not here: apt install libfaketime');
  return found;
}

/** The environment of a program for which it is this time. */
function at(seconds, path) {
  const told = new Date(seconds * 1000).toISOString().slice(0, 19).replace('T', ' ');
  return {
    ...process.env,
    PATH: `${path}:${process.env.PATH}`,
    TZ: 'UTC',
    // A cluster of its own, so that no look of this account at a real one waits for a time that has not come.
    SLURM_CONF: join(path, 'slurm.conf'),
    LD_PRELOAD: library(),
    FAKETIME: `@${told}`,
    NO_FAKE_STAT: '1',
    FAKETIME_DONT_FAKE_MONOTONIC: '1',
  };
}

/** One day: looks when the answer before says so, and once more where a run waits to be collected. */
async function simulate(main, folder, { what, jobs }) {
  const repository = await makeRepository(main, join(folder, 'repository'), 'exit 0\n');
  try {
    const cwd = repository.path;
    await run(process.execPath, [main, 'submit'], { cwd });
    writeFileSync(
      join(cwd, '.autolab', 'verifier_policy.yaml'),
      `policy_resolution: { default_preset: slurm }\ngate:\n  limits:\n    scheduler: { calls_per_hour: 100000, poll_seconds: ${PACE} }\n  allow: { sites: [local, slurm] }\n`,
    );
    const began = Math.ceil(Date.now() / 1000);
    const rows = manyRuns(repository, jobs.length, ['released']).map((job, n) => {
      const [starts, ends] = jobs[n].map((part) => Math.round(began + part * DAY));
      return { ...job, submitted: job.at, starts, ends };
    });
    await forgetLocal(repository);
    const slurm = daySlurm(join(folder, 'slurm'), rows);
    const looks = [];
    for (let now = began + 1; now < began + DAY; ) {
      slurm.tell(now);
      for (const job of rows.filter(({ ends }) => ends <= now && ends > (looks.at(-1)?.now ?? 0))) leaveMarker(repository, job);
      const asked = performance.now();
      const answer = JSON.parse(await run(process.execPath, [main, 'monitor', '--json'], { cwd, env: at(now, slurm.path) }));
      looks.push({ now, runs: answer.runs });
      const unasked = answer.sites.find(({ polled }) => !polled);
      if (unasked) throw new Error(`a look that was due came too early: ${unasked.note}`);
      if (answer.all_over) break;
      // Who waits begins to when the answer has come.
      now += answer.next_look_seconds + Math.ceil((performance.now() - asked) / 1000);
    }
    return {
      what,
      runs: jobs.length,
      looks: looks.map(({ now }) => now - began),
      calls: callsOf(slurm, began),
      late: lateness(looks, rows, began),
    };
  } finally {
    repository.remove();
    rmSync(join(folder, 'slurm'), { recursive: true, force: true });
  }
}

/** The run that the others were copied from is none of the day. */
async function forgetLocal({ path, iteration }) {
  for (const id of readdirSync(join(iteration, 'runs'))) {
    const plan = JSON.parse(readFileSync(join(iteration, 'runs', id, 'gate', 'plan.json'), 'utf8'));
    if (plan.scheduler !== 'local') continue;
    await until('the run that is copied is over', () => existsSync(join(iteration, 'runs', id, 'gate', 'exit')) || undefined);
    rmSync(join(path, '.autolab', 'gate', 'open', id), { force: true });
    rmSync(join(iteration, 'runs', id), { recursive: true, force: true, maxRetries: 5 });
  }
}

/** What its job leaves when it ends. */
function leaveMarker({ iteration }, { run: id, id: job, starts, ends }) {
  const gate = join(iteration, 'runs', id, 'gate', 'exit', '00');
  mkdirSync(gate, { recursive: true });
  const of = {
    schema_version: '1',
    step: 'main',
    task: 0,
    attempt: 1,
    restart: 0,
    job_id: job,
    node: 'n1',
    exit: 0,
    signals: [],
  };
  writeFileSync(
    join(gate, 'main.0.1.json'),
    `${JSON.stringify({ ...of, started: starts, ended: ends, stdout: '', stderr: '' })}\n`,
  );
}

function callsOf(slurm, began) {
  return slurm.calls().map(({ at: when, program }) => ({ at: when - began, program }));
}

/** Seconds from each start and end to the look that told of it; throws where a look did not. */
function lateness(looks, rows, began) {
  const late = [];
  for (const { run: id, starts, ends } of rows)
    for (const [when, isTold] of [
      [starts, (one) => one?.state !== 'submitted'],
      [ends, (one) => one === undefined || one.next_tool !== 'monitor_runs'],
    ]) {
      const look = looks.find(({ now }) => now >= when);
      if (look === undefined) continue;
      const one = look.runs.find(({ run_id }) => run_id === id);
      if (!isTold(one)) throw new Error(`${id} is ${one?.state} ${look.now - when} s after ${when - began}`);
      late.push({ seconds: look.now - when });
    }
  return late;
}

const folder = realpathSync(mkdtempSync(join(tmpdir(), 'autolab-courtesy-')));
try {
  if (!existsSync(join(ROOT, 'dist', 'main.mjs'))) throw new Error('dist/ is not there: run `npm run build`');
  const { main } = await bundleAll(folder);
  const days = [];
  for (const day of DAYS) {
    process.stderr.write(`courtesy: ${day.what}\n`);
    days.push(await simulate(main, folder, day));
  }
  const { version } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8'));
  const about = { pace: PACE, when: new Date().toISOString().slice(0, 10), version, hours: DAY / 3600, submission: SUBMISSION };
  const page = courtesyPage(days, about);
  if (options.out === '-') process.stdout.write(page);
  else writeFileSync(options.out ?? join(ROOT, 'docs', 'courtesy.md'), page);
} catch (error) {
  process.stderr.write(`courtesy: ${error instanceof Error ? error.stack : error}\n`);
  process.exitCode = 1;
} finally {
  endAll();
  rmSync(folder, { recursive: true, force: true, maxRetries: 5 });
}
