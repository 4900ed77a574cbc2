import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { journalOf, readJsonFile } from '../support/artifacts.ts';
import { inTheWay } from '../support/in-the-way.ts';
import type { Repo } from '../support/repo.ts';
import { makeRepo, until } from '../support/repo.ts';
import type { Slurm } from '../support/slurm.ts';
import { startSlurm } from '../support/slurm.ts';
import { oneTask, SLURM_POLICY } from './experiment.ts';

const LIMIT = 400_000;
const way = inTheWay();
const repos: Repo[] = [];
let slurm: Slurm;
beforeAll(async () => {
  slurm = await startSlurm({ zone: 'Asia/Kolkata', minJobAge: 2, eager: true }, way.folder);
}, LIMIT);
afterEach(async () => {
  way.clear();
  for (const repo of repos.splice(0)) await repo.cleanup();
});
afterAll(async () => {
  await slurm?.close();
  way.remove();
}, LIMIT);

type Trial = { repo: Repo; run: string; job: string; settled(): number };
const GOOD = 'echo ran >>runs/../ran';
const BAD = `${GOOD}; exit 3`;

/** A run whose client lives in this time zone, submitted at once. */
async function submitted(zone: string, lines: string): Promise<Trial> {
  const words = slurm.identity.as(['env', `TZ=${zone}`, ...slurm.identity.words.slice(-2)]);
  const [first, ...rest] = words;
  const repo = await makeRepo(SLURM_POLICY, (path) => oneTask(path, lines), { ...slurm.identity, words: [first, ...rest] });
  repos.push(repo);
  const { state_folder } = await repo.json<{ state_folder: string }>('init');
  const { run_id, job_id } = await repo.json<{ run_id: string; job_id: string }>('submit');
  const settled = () => {
    const rows = readFileSync(join(state_folder, 'spending.jsonl'), 'utf8').trim().split('\n');
    return JSON.parse(rows.findLast((row) => row.includes('"settled"')) ?? '{}').cpu_hours * 3600;
  };
  return { repo, run: run_id, job: job_id, settled };
}

/** Nobody looks before the queue has forgotten it. */
const forgotten = (trials: readonly Trial[]) =>
  until(
    'the queue has forgotten',
    async () => {
      const { stdout } = await slurm.run('squeue', '-h', '-t', 'all', '-o', '%A');
      return trials.some(({ job }) => stdout.split('\n').includes(job)) ? undefined : true;
    },
    120,
  );
const folderOf = ({ repo, run }: Trial) => join(repo.iteration, 'runs', run);
async function ended(trial: Trial) {
  await until(
    'it is over',
    async () => ((await trial.repo.json<{ all_over: boolean }>('monitor')).all_over ? true : undefined),
    120,
  );
  const { status, failure, tasks } = readJsonFile(join(folderOf(trial), 'run_manifest.json'));
  const ran = join(trial.repo.iteration, 'ran');
  return { status, failure, tasks, ran: existsSync(ran) ? readFileSync(ran, 'utf8') : '' };
}
const started = (trial: Trial) => String(readJsonFile(join(folderOf(trial), 'run_manifest.json')).started_at);

test('whatever zone our own process and the daemons live in, a run ends as it did, when it did', { timeout: LIMIT }, async () => {
  const zones = ['UTC', 'Pacific/Kiritimati', 'America/St_Johns'];
  const from = Date.now();
  way.submission('"$real" "$@" >/dev/null; echo "Socket timed out on send/recv operation" >&2; exit 1');
  const good = await Promise.all(zones.map((zone) => submitted(zone, GOOD)));
  way.clear();
  const bad = await Promise.all(zones.slice(0, 2).map((zone) => submitted(zone, BAD)));
  const to = Date.now();
  await forgotten([...good, ...bad]);
  const ends = await Promise.all([...good, ...bad].map(ended));
  const [first, , , failed] = ends;
  expect(first).toMatchObject({ status: 'running', tasks: { succeeded: 1 }, ran: 'ran\n' });
  expect(failed).toMatchObject({ status: 'failed', failure: { class: 'exit_code', detail: 'exit code 3' }, ran: 'ran\n' });
  expect(ends).toEqual([first, first, first, failed, failed]);
  for (const one of [...good, ...bad]) {
    expect(Date.parse(started(one))).toBeGreaterThanOrEqual(from - 1000);
    expect(Date.parse(started(one))).toBeLessThanOrEqual(to);
    expect(readFileSync(join(one.repo.path, 'docs', 'slurm_job_list.md'), 'utf8')).toContain(`- ${started(one).slice(0, 10)} |`);
    // What accounting says that it took; at worst it is five minutes.
    expect(one.settled()).toBeLessThan(60);
  }
  for (const one of good) {
    expect(journalOf(folderOf(one)).map(({ event }) => event)).toContain('ambiguous');
    expect(await one.repo.autolab('sync')).toMatchObject({ exit: 0 });
  }
});

/** As the clock of the node would have had it. */
function shift(trial: Trial, change: (marker: { started: number; ended: number }) => { started: number; ended: number }): void {
  const exits = join(folderOf(trial), 'gate', 'exit');
  const [name = ''] = readdirSync(exits, { recursive: true, encoding: 'utf8' }).filter((one) => one.endsWith('.json'));
  const marker = JSON.parse(readFileSync(join(exits, name), 'utf8'));
  writeFileSync(join(exits, name), `${JSON.stringify({ ...marker, ...change(marker) })}\n`);
}

test('markers of a node whose clock is an hour off, or is set within the job, say what they say', {
  timeout: LIMIT,
}, async () => {
  const by =
    (from: number, to: number) =>
    ({ started, ended }: { started: number; ended: number }) => ({
      started: started + from,
      ended: ended + to,
    });
  const shifts = [by(0, 0), by(3600, 3600), by(-3600, -3600), by(3600, 0)];
  const good = await Promise.all(shifts.map(() => submitted('UTC', GOOD)));
  const bad = await Promise.all(shifts.slice(0, 2).map(() => submitted('UTC', BAD)));
  await forgotten([...good, ...bad]);
  // Then there is nothing but the markers.
  way.put('sacct', 'echo "Slurm accounting storage is disabled" >&2; exit 1');
  for (const trials of [good, bad]) for (const [at, one] of trials.entries()) shift(one, shifts[at] ?? by(0, 0));
  const ends = await Promise.all([...good, ...bad].map(ended));
  const [first] = ends;
  const failed = ends[shifts.length];
  expect(first).toMatchObject({ status: 'running', tasks: { succeeded: 1 }, ran: 'ran\n' });
  expect(failed).toMatchObject({ status: 'failed', failure: { class: 'exit_code' }, ran: 'ran\n' });
  expect(ends).toEqual([...good.map(() => first), ...bad.map(() => failed)]);
  // An end before its beginning tells nothing of how long it took: it is paid as planned.
  expect(good[3]?.settled()).toBe(300);
  for (const one of [...good.slice(0, 3), ...bad]) expect(one.settled()).toBeLessThan(60);
});
