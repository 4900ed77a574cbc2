import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import type { GridEngine } from '../support/gridengine.ts';
import { startGridEngine } from '../support/gridengine.ts';
import { inTheWay } from '../support/in-the-way.ts';
import type { Repo } from '../support/repo.ts';
import { until } from '../support/repo.ts';
import { ended, GRIDENGINE_POLICY, gridExperiment, PLAIN } from './gridengine-experiment.ts';

const LIMIT = 150_000;
const way = inTheWay();
let grid: GridEngine;
let repo: Repo;
beforeAll(async () => {
  grid = await startGridEngine({}, way.folder);
}, LIMIT);
afterEach(async () => {
  way.clear();
  await grid.run('qdel', '-u', grid.user);
  await repo?.cleanup();
});
afterAll(async () => {
  await grid?.close();
  way.remove();
}, LIMIT);

type Submitted = { run_id: string; job_id: string; steps: { step: string; job_id: string | null }[] };
type Task = { step: string; index: number; state: string; failure: string | null };
type Told = { runs: { state: string; line: string; failure: { class: string; detail: string } | null; task_list: Task[] }[] };

const STEPS = `${PLAIN}steps:
  - { name: gen-0, script: gen.sh, args: ["0"], array: { indices: "0-7", parallel: 4 } }
  - { name: hist-0, script: hist.sh, args: ["0"], after: [gen-0] }
  - { name: gen-1, script: gen.sh, args: ["1"], array: { indices: "0-7", parallel: 4 }, after: [hist-0] }
  - { name: tidy, script: hist.sh, args: ["tidy"], after: [{ step: gen-1, on: any }] }
`;
const GEN = 'echo "gen $1 $SGE_TASK_ID $SGE_TASK_FIRST-$SGE_TASK_LAST" >>runs/../order';
const chain = (gen = GEN, launch = STEPS, policy = GRIDENGINE_POLICY) =>
  gridExperiment(
    grid,
    launch,
    { 'gen.sh': `#!/bin/bash\n${gen}\n`, 'hist.sh': '#!/bin/bash\necho "hist $1" >>runs/../order\n' },
    policy,
  );
const array = (script: string, launch: string) =>
  gridExperiment(grid, launch, { 'run_slurm.sbatch': `#!/bin/bash\n${script}\n` });
const submit = () => repo.json<Submitted>('submit');
const told = async (id: string) => (await repo.json<Told>('runs', '--run-id', id)).runs[0] ?? expect.fail('no run');
const order = (file = 'order') => readFileSync(join(repo.iteration, file), 'utf8').trim().split('\n');
const go = () => writeFileSync(join(repo.iteration, 'go'), '');
async function queued(): Promise<string[]> {
  const { stdout } = await grid.run('qstat', '-u', grid.user);
  return stdout.split('\n').flatMap((line) => /^\s*(\d+) /.exec(line)?.[1] ?? []);
}

test('C1-10 and C1-11, good: arrays and what gathers them run in order, each task once, by the indices of the plan', {
  timeout: LIMIT,
}, async () => {
  repo = await chain();
  const { steps } = await submit();
  const [, second] = steps;
  // Nobody is awake: what comes after is there already, and waits.
  expect((await grid.run('qstat', '-j', second?.job_id ?? '')).stdout).toMatch(
    new RegExp(`^jid_predecessor_list \\(req\\): +${steps[0]?.job_id}$`, 'm'),
  );
  await ended(repo);
  const tasks = (step: number) => Array.from({ length: 8 }, (_, task) => `gen ${step} ${task} 0-7`);
  const ran = order();
  expect([ran.slice(0, 8).sort(), ran[8], ran.slice(9, 17).sort(), ran[17]]).toEqual([tasks(0), 'hist 0', tasks(1), 'hist tidy']);
});

test('C1-10 and C1-13, bad: one task fails, Grid Engine lets the rest begin, and none of it runs; mended, exactly that goes on', {
  timeout: LIMIT,
}, async () => {
  repo = await chain(`${GEN}\n[ "$1.$SGE_TASK_ID" != 0.7 ] || [ -e runs/../mended ] || exit 100`);
  const { run_id } = await submit();
  await ended(repo);
  expect(order().filter((line) => line.startsWith('hist') || line.startsWith('gen 1'))).toEqual(['hist tidy']);
  const seen = await told(run_id);
  // 100 would have been an error state of its own, for ever.
  expect(seen.failure).toMatchObject({ class: 'exit_code', detail: 'step gen-0, task 7: exit code 100' });
  const failures = (step: string) => new Set(seen.task_list.filter((task) => task.step === step).map(({ failure }) => failure));
  expect([failures('hist-0'), failures('gen-1'), failures('tidy')]).toEqual([
    new Set(['dependency']),
    new Set(['dependency']),
    new Set([null]),
  ]);
  writeFileSync(join(repo.iteration, 'mended'), '');
  const before = order().length;
  expect(await repo.autolab('retry', run_id)).toMatchObject({ exit: 0 });
  await ended(repo);
  const again = order().slice(before);
  expect([again[0], again[1], again.slice(2, 10).sort()]).toEqual([
    'gen 0 7 0-7',
    'hist 0',
    Array.from({ length: 8 }, (_, task) => `gen 1 ${task} 0-7`),
  ]);
});

test('C1-13: tasks that are in no range run again in one job; with nothing failed, or still running, nothing does', {
  timeout: LIMIT,
}, async () => {
  const launch = `${PLAIN}array: { indices: "0-9" }\n`;
  repo = await array(
    `echo "$SGE_TASK_ID $SLURM_ARRAY_TASK_COUNT" >>runs/../order\ncase $SGE_TASK_ID in 0 | 3 | 8) [ -e runs/../mended ] ;; esac`,
    launch,
  );
  const { run_id } = await submit();
  expect((await repo.autolab('retry', run_id)).exit).not.toBe(0);
  await ended(repo);
  expect((await told(run_id)).line).toContain('failed: 0,3,8');
  writeFileSync(join(repo.iteration, 'mended'), '');
  const before = order().length;
  const again = await repo.json<Submitted>('retry', run_id);
  await ended(repo);
  expect(
    order()
      .slice(before)
      .map((line) => line.split(' ')[0])
      .sort(),
  ).toEqual(['0', '3', '8']);
  expect((await told(run_id)).line).toContain('10/10 tasks done');
  expect(again.job_id).not.toBe('');
  expect((await repo.autolab('retry', run_id)).exit).not.toBe(0);
});

test.each([
  ['#$ -t 0-3', /-t \\"0-3\\" is not accepted/],
  ['#$ -t 2,7,9', /-t \\"2,7,9\\" is not accepted/],
  ['#$ -t 7,31', /-t \\"7,31\\" is not accepted/],
])(
  'C1-11, bad: %s in a script, which Grid Engine would read as something else, is refused',
  { timeout: LIMIT },
  async (line, words) => {
    repo = await array(`${line}\ntrue`, PLAIN);
    const { exit, stdout, stderr } = await repo.autolab('submit', '--json');
    expect([exit, await queued()]).toEqual([1, []]);
    expect(`${stdout}${stderr}`).toMatch(words);
  },
);

test('C1-12: an array is told task by task while it waits, runs and has ended; one that was deleted while it waited is unknown', {
  timeout: LIMIT,
}, async () => {
  repo = await array(
    'until [ -e runs/../go ]; do sleep 0.1; done; exit $((AUTOLAB_TASK_INDEX == 1 ? 3 : 0))',
    `${PLAIN}array: { indices: "0-5", parallel: 2 }\n`,
  );
  const { run_id, job_id } = await submit();
  const states = async () => {
    await repo.json('monitor');
    return (await told(run_id)).task_list.toSorted((a, b) => a.index - b.index).map(({ state }) => state);
  };
  await until('two run', async () => ((await states()).filter((one) => one === 'running').length === 2 ? true : undefined));
  expect((await states()).slice(2)).toEqual(['pending', 'pending', 'pending', 'pending']);
  await grid.run('qdel', job_id, '-t', '6');
  go();
  const last = await until(
    'five are over',
    async () => {
      const seen = await states();
      return seen.filter((one) => one === 'succeeded' || one === 'failed').length === 5 ? seen : undefined;
    },
    60,
  );
  expect(last).toEqual(['succeeded', 'failed', 'succeeded', 'succeeded', 'succeeded', 'unknown']);
});

test('C1-9: a run comes after another that may still end; after one that has failed, or is none, nothing is submitted', {
  timeout: LIMIT,
}, async () => {
  const parent = 'until [ -e runs/../go ]; do sleep 0.1; done; [ ! -e runs/../bad ] && echo parent >>runs/../order';
  repo = await array(parent, PLAIN);
  const first = await submit();
  const launch = join(repo.iteration, 'launch');
  const after = (run: string) =>
    writeFileSync(
      join(launch, 'launch.yaml'),
      `schema_version: "1"\nsite: gridengine\n${PLAIN}after: [{ run: ${run}, on: success }]\n`,
    );
  after('20200101T000000Z_aaaaaa');
  const before = await queued();
  expect((await repo.autolab('submit', '--again')).exit).not.toBe(0);
  expect(await queued()).toEqual(before);
  after(first.run_id);
  writeFileSync(join(launch, 'run_slurm.sbatch'), '#!/bin/bash\necho child >>runs/../order\n', { mode: 0o755 });
  const child = await repo.json<Submitted>('submit', '--again');
  expect((await grid.run('qstat', '-j', child.job_id)).stdout).toMatch(
    new RegExp(`^jid_predecessor_list \\(req\\): +${first.job_id}$`, 'm'),
  );
  go();
  await ended(repo);
  expect(order()).toEqual(['parent', 'child']);
});

test('C1-17, bad: of a chain whose second step is refused nothing runs, and the first is taken back', {
  timeout: LIMIT,
}, async () => {
  repo = await chain();
  const lines = `case " $* " in *" -w v "*) exec "$real" "$@" ;; esac
[ -e $way/first ] || { touch $way/first; exec "$real" "$@"; }
echo 'Unable to run job: job rejected: no access to project "lab" for user "somebody"' >&2; exit 1`;
  way.put('qsub', lines);
  expect(await submit()).toMatchObject({ state: 'failed' });
  await until('nothing is left', async () => ((await queued()).length === 0 ? true : undefined));
  expect(existsSync(join(repo.iteration, 'order'))).toBe(false);
});

test('C1-17, bad: a script that was edited since it was approved does not run', { timeout: LIMIT }, async () => {
  repo = await chain();
  for (let at = 0; at < 8; at++)
    await grid.run('qsub', '-terse', '-N', 'other', '-b', 'y', '-o', '/dev/null', '-e', '/dev/null', 'sleep', '600');
  await until('the others run', async () => {
    const { stdout } = await grid.run('qstat', '-u', grid.user, '-s', 'r');
    return stdout.split('\n').filter((line) => /^\s*\d+ /.test(line)).length === 8 ? true : undefined;
  });
  const { run_id } = await submit();
  const script = join(repo.iteration, 'runs', run_id, 'gate', 'scripts', 'gen-0');
  writeFileSync(script, '#!/bin/bash\necho other >>runs/../order\n', { mode: 0o755 });
  await grid.run('qdel', 'other');
  await ended(repo);
  expect((await told(run_id)).failure).toMatchObject({ class: 'drift' });
  expect(existsSync(join(repo.iteration, 'order')) ? order() : []).toEqual(['hist tidy']);
});

test('work in legs goes on where its time limit interrupted it, with nobody awake', { timeout: LIMIT }, async () => {
  repo = await array(
    `echo "leg $AUTOLAB_LEG" >>runs/../order
[ "$AUTOLAB_LEG" != 1 ] || { trap 'echo saved >>runs/../order; exit 0' TERM; while :; do sleep 0.1; done; }`,
    `${PLAIN.replace('00:05:00', '00:00:12')}legs: 3\n`,
  );
  const { run_id } = await submit();
  await ended(repo);
  // The third has nothing to do.
  expect(order()).toEqual(['leg 1', 'saved', 'leg 2']);
  expect((await told(run_id)).failure).toBeNull();
});
