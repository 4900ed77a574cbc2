import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { readJsonFile } from '../support/artifacts.ts';
import { inTheWay } from '../support/in-the-way.ts';
import type { Repo } from '../support/repo.ts';
import { makeRepo, until } from '../support/repo.ts';
import type { Slurm } from '../support/slurm.ts';
import { startSlurm } from '../support/slurm.ts';
import { edit, ITERATION, oneTask, SLURM_POLICY } from './experiment.ts';

const LIMIT = 400_000;
const way = inTheWay();
const repos: Repo[] = [];
let slurm: Slurm;
beforeAll(async () => {
  slurm = await startSlurm({ eager: true, requeueWait: 10 }, way.folder);
}, LIMIT);
afterEach(async () => {
  await slurm.run('scancel', '-u', slurm.user);
  for (const repo of repos.splice(0)) await repo.cleanup();
});
afterAll(async () => {
  await slurm?.close();
  way.remove();
}, LIMIT);

type Told = { all_over: boolean; runs: { state: string; line: string }[] };
type Spot = { repo: Repo; run: string; job: string; book: string };

/** Each start says so, and is over when it is told to be. */
const STARTS = 'echo start >>runs/../ran; while [ ! -e runs/../end ]; do sleep 0.1; done; echo done >>runs/../ran';

/** A run in the partition that the others take from, which may start again so often. */
async function spot(requeues: number): Promise<Spot> {
  const repo = await makeRepo(
    SLURM_POLICY.replace('limits:\n', 'limits:\n    per_job: { requeues: 2 }\n'),
    (path) => {
      oneTask(path, STARTS);
      edit(join(path, ITERATION, 'launch', 'launch.yaml'), (text) =>
        text.replace('cpus: 1 }', `cpus: 1, partition: spot, requeues: ${requeues} }`),
      );
    },
    slurm.identity,
  );
  repos.push(repo);
  const { state_folder } = await repo.json<{ state_folder: string }>('init');
  const { run_id, job_id } = await repo.json<{ run_id: string; job_id: string }>('submit');
  return { repo, run: run_id, job: job_id, book: join(state_folder, 'spending.jsonl') };
}

const told = ({ repo }: Spot) => repo.json<Told>('monitor');
const executions = ({ repo }: Spot) => {
  const path = join(repo.iteration, 'ran');
  return existsSync(path) ? readFileSync(path, 'utf8') : '';
};
/** Looks all the while, so that no state on the way escapes; none of them is an end. */
const started = (one: Spot, many: number) =>
  until(
    `start ${many}`,
    async () => {
      expect((await told(one)).runs).toMatchObject([{ state: expect.stringMatching(/^(?:submitted|running)$/) }]);
      return executions(one) === 'start\n'.repeat(many) ? true : undefined;
    },
    120,
  );
const ended = (one: Spot) =>
  until('it is over', async () => ((await told(one)).all_over ? (await told(one)).runs[0] : undefined), 120);
const stateOf = async (job: string) => (await slurm.run('squeue', '-h', '-t', 'all', '-j', job, '-o', '%T')).stdout;
const manifestOf = ({ repo, run }: Spot) => readJsonFile(join(repo.iteration, 'runs', run, 'run_manifest.json'));

/** Takes both nodes from whoever is in spot, and lets them go again. */
async function preempt(...jobs: string[]): Promise<void> {
  const { stdout: urgent } = await slurm.run(
    ...(['sbatch', '--parsable', '--partition=debug', '--nodes=2', '--exclusive', '--mem=0', '--time=10'] as const),
    ...(['--output=/dev/null', '--wrap=sleep 600'] as const),
  );
  await until('the nodes are taken', async () => ((await stateOf(urgent)) === 'RUNNING' ? true : undefined));
  for (const job of jobs) expect(await stateOf(job)).not.toBe('RUNNING');
  await slurm.run('scancel', urgent);
}

/** How each start of a job ended, and how long all of them held their cpu, by accounting when it has heard. */
const starts = ({ job }: Spot, last: string) =>
  until('accounting has heard', async () => {
    const { stdout } = await slurm.run('sacct', '-n', '-X', '-D', '-P', '-j', job, '-o', 'State,ElapsedRaw');
    const rows = stdout.split('\n').map((row) => row.split('|'));
    const states = rows.map(([state = '']) => state);
    return states.at(-1) === last ? { states, seconds: rows.reduce((sum, [, held]) => sum + Number(held), 0) } : undefined;
  });

/** What the run was reserved at and has come to, in seconds of a cpu. */
function booked({ book }: Spot): { reserved: number; settled: number } {
  const rows = readFileSync(book, 'utf8')
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as { event: string; cpu_hours: number });
  const of = (event: string) => Math.round(3600 * (rows.findLast((row) => row.event === event)?.cpu_hours ?? Number.NaN));
  return { reserved: of('reserved'), settled: of('settled') };
}

test('a preempted job starts as often as is granted and never again, and what all starts took is paid', {
  timeout: LIMIT,
}, async () => {
  const [none, one, two] = [await spot(0), await spot(1), await spot(2)];
  for (const each of [none, one, two]) await started(each, 1);
  await preempt(none.job, one.job, two.job);

  // Not to be started again: Slurm cancels it.
  expect(await ended(none)).toMatchObject({ state: 'failed', line: expect.stringContaining('preempted') });
  expect(manifestOf(none)).toMatchObject({ status: 'failed', failure: { class: 'preempted' } });
  for (const each of [one, two]) await started(each, 2);
  await preempt(one.job, two.job);

  // Slurm does not count: the start beyond the grant ends itself.
  expect(await ended(one)).toMatchObject({ state: 'failed', line: expect.stringContaining('more often than the policy grants') });
  expect(manifestOf(one)).toMatchObject({
    status: 'failed',
    failure: { class: 'node_failure', detail: expect.stringContaining('more often than the policy grants') },
  });
  await started(two, 3);
  // Accounting may have heard of the starts before and not yet of the last one.
  way.put('sacct', '"$real" "$@" | grep PREEMPTED || true');
  // And the queue may have forgotten it: then only its own files tell that there was a further start.
  way.put('squeue', `"$real" "$@" | grep -v '^${two.job}@' || true`);
  writeFileSync(join(two.repo.iteration, 'end'), '');
  expect(await ended(two)).toMatchObject({ state: 'running', line: expect.stringContaining('every task has ended well') });
  way.clear();
  expect(await two.repo.autolab('sync')).toMatchObject({ exit: 0 });
  expect(manifestOf(two)).toMatchObject({ status: 'synced', job_id: two.job, tasks: { total: 1, succeeded: 1 } });

  const further = ({ repo, run }: Spot) => join(repo.iteration, 'runs', run, 'gate', 'restarts');
  expect([one, two].map((each) => readdirSync(further(each)).sort())).toEqual([
    ['main.0.1.r1.json', 'main.0.1.r2.json'],
    ['main.0.1.r1.json', 'main.0.1.r2.json'],
  ]);
  expect(existsSync(further(none))).toBe(false);
  expect([none, one, two].map(executions)).toEqual(['start\n', 'start\nstart\n', 'start\nstart\nstart\ndone\n']);
  for (const [at, each] of [none, one, two].entries()) {
    const { states, seconds } = await starts(each, ['PREEMPTED', 'FAILED', 'COMPLETED'][at] ?? '');
    expect(states.slice(0, -1)).toEqual(Array(at === 0 ? 0 : 2).fill('PREEMPTED'));
    const { reserved, settled } = booked(each);
    // Five minutes of one cpu a start; without accounting's word on it, all of them.
    expect(reserved).toBe(300 * (at + 1));
    expect(settled).toBeGreaterThanOrEqual(seconds);
    expect(settled).toBeLessThanOrEqual(reserved);
  }
});
