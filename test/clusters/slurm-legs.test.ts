import { existsSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import type { Repo } from '../support/repo.ts';
import { makeRepo, until } from '../support/repo.ts';
import type { Slurm } from '../support/slurm.ts';
import { startSlurm } from '../support/slurm.ts';
import { oneTask, SLURM_POLICY } from './experiment.ts';

const LIMIT = 600_000;
let slurm: Slurm;
let repo: Repo;
beforeAll(async () => {
  slurm = await startSlurm({ minJobAge: 3 });
}, LIMIT);
afterEach(async () => {
  await slurm.run('scancel', '-u', slurm.user);
  await repo?.cleanup();
});
afterAll(() => slurm?.close(), LIMIT);

type Submitted = { run_id: string; steps: { step: string; job_id: string | null }[] };
type Run = { state: string; line: string; failure: { class: string; detail: string } | null; next_tool: string | null };
type Task = { step: string; index: number; state: string; failure: string | null };

/** Work in legs of a minute, which is the shortest limit that Slurm has, and what gathers it. */
const launch = (legs: number, more = '') => `schema_version: "1"
resources: { cpus: 1, memory: 100MB, walltime: "00:01:00" }
steps:
  - { name: work, script: work.sh, legs: ${legs}${more} }
  - { name: gather, script: gather.sh, after: [work] }
`;
function experiment(work: string, file: string): Promise<Repo> {
  return makeRepo(
    SLURM_POLICY,
    (path) => {
      oneTask(path, 'echo unused');
      const folder = join(path, 'experiments', 'plan', 'penguins-softmax', 'launch');
      writeFileSync(join(folder, 'launch.yaml'), file);
      writeFileSync(join(folder, 'work.sh'), `#!/bin/bash\n${work}\n`, { mode: 0o755 });
      writeFileSync(join(folder, 'gather.sh'), '#!/bin/bash\necho gather >>runs/../order\n', { mode: 0o755 });
    },
    slurm.identity,
  );
}
const order = () => readFileSync(join(repo.iteration, 'order'), 'utf8').trim().split('\n');
const over = () =>
  until('it is over', async () => (await repo.json<{ all_over: boolean }>('monitor')).all_over || undefined, 400);
async function seen(id: string): Promise<Run & { tasks: string[] }> {
  const { runs } = await repo.json<{ runs: (Run & { task_list: Task[] })[] }>('runs', id);
  const run = runs[0] ?? expect.fail('no run');
  const tasks = run.task_list.map((one) => `${one.step} ${one.index} ${one.state}${one.failure ? ` ${one.failure}` : ''}`);
  return { ...run, tasks: tasks.sort() };
}

test('at the time limit each task goes on in the next leg: told to end, saving and ending well, and killed hard', {
  timeout: LIMIT,
}, async () => {
  const work = `echo "$SLURM_ARRAY_TASK_ID leg $AUTOLAB_LEG of $AUTOLAB_LEGS" >>runs/../order
[ "$AUTOLAB_LEG" -eq 1 ] || exit 0
case $SLURM_ARRAY_TASK_ID in
  0) exit 0 ;;
  1) exec sleep 300 ;;
  2) trap 'echo "2 saves" >>runs/../order; exit 0' TERM ;;
  3) trap '' TERM ;;
esac
while :; do sleep 0.2; done`;
  repo = await experiment(work, launch(3, ', array: { indices: "0-3" }'));
  const { run_id } = await repo.json<Submitted>('submit');
  await over();
  const run = await seen(run_id);
  expect(run.line).toContain('(every task has ended well; not collected yet)');
  expect(run.tasks).toEqual([
    'gather 0 succeeded',
    'work 0 succeeded',
    'work 1 continued time_limit',
    'work 2 continued time_limit',
    'work 3 continued time_limit',
    ...['work-leg2', 'work-leg3'].flatMap((leg) => [0, 1, 2, 3].map((index) => `${leg} ${index} succeeded`)),
  ]);
  expect([order().slice(0, -1).sort(), order().at(-1)]).toEqual([
    ['0 leg 1 of 3', '1 leg 1 of 3', '1 leg 2 of 3', '2 leg 1 of 3', '2 leg 2 of 3', '2 saves', '3 leg 1 of 3', '3 leg 2 of 3'],
    'gather',
  ]);
  expect((await repo.autolab('audit', 'verify')).exit).toBe(0);
});

test('a leg that fails, or is killed without having been told, is the cause, and nothing goes on from it', {
  timeout: LIMIT,
}, async () => {
  const work = `echo "$SLURM_ARRAY_TASK_ID leg $AUTOLAB_LEG" >>runs/../order
[ "$SLURM_ARRAY_TASK_ID" -ne 0 ] || exit 3
kill -9 0; sleep 300`;
  repo = await experiment(work, launch(2, ', array: { indices: "0-1" }'));
  const { run_id } = await repo.json<Submitted>('submit');
  await over();
  const run = await seen(run_id);
  expect(run).toMatchObject({ state: 'failed', failure: { class: 'exit_code', detail: 'step work, task 0: exit code 3' } });
  expect(run.tasks.filter((task) => !task.startsWith('work 1'))).toEqual([
    'gather 0 failed dependency',
    'work 0 failed exit_code',
    'work-leg2 0 failed dependency',
    'work-leg2 1 failed dependency',
  ]);
  expect(order().sort()).toEqual(['0 leg 1', '1 leg 1']);
});

test('a step that is told to end and saves has not ended well, and what waits for it does not begin', {
  timeout: LIMIT,
}, async () => {
  const work = `trap 'exit 0' USR1; echo work >>runs/../order; while :; do sleep 0.2; done`;
  repo = await experiment(work, launch(2).replace(', legs: 2', ''));
  const { run_id, steps } = await repo.json<Submitted>('submit');
  await until('it runs', async () => (existsSync(join(repo.iteration, 'order')) ? true : undefined), 400);
  await slurm.run('scancel', '--batch', '--signal=USR1', steps[0]?.job_id ?? '');
  await over();
  expect((await seen(run_id)).tasks).toEqual(['gather 0 failed dependency', 'work 0 interrupted interrupted']);
  expect(order()).toEqual(['work']);
});

test('told by another signal, the last leg leaves the run partial, and retry goes on with one more', {
  timeout: LIMIT,
}, async () => {
  const work = `trap 'exit 0' USR1; echo "leg $AUTOLAB_LEG attempt $AUTOLAB_ATTEMPT" >>runs/../order
[ "$AUTOLAB_ATTEMPT" -eq 2 ] || while :; do sleep 0.2; done`;
  repo = await experiment(work, launch(2));
  const { run_id, steps } = await repo.json<Submitted>('submit');
  for (const [at, leg] of steps.slice(0, 2).entries()) {
    await until(
      'it runs',
      async () => (existsSync(join(repo.iteration, 'order')) && order().length === at + 1 ? true : undefined),
      400,
    );
    await slurm.run('scancel', '--batch', '--signal=USR1', leg.job_id ?? '');
  }
  await over();
  expect(await seen(run_id)).toMatchObject({
    state: 'partial',
    next_tool: 'retry_tasks',
    line: expect.stringContaining('work continued;work-leg2 interrupted'),
  });
  expect(await repo.json('retry', run_id)).toMatchObject({ what: 'work-leg2; gather' });
  await over();
  expect((await seen(run_id)).line).toContain('work continued;work-leg2 succeeded;gather succeeded (every task has ended well');
  expect(order()).toEqual(['leg 1 attempt 1', 'leg 2 attempt 1', 'leg 2 attempt 2', 'gather']);
});

const WAITING = (run: string) =>
  `schema_version: "1"\nresources: { cpus: 1, memory: 100MB, walltime: "00:05:00" }\nafter: [{ run: ${run} }]\nsteps:\n  - { name: work, script: work.sh }\n  - { name: gather, script: gather.sh, after: [work] }\n`;
const FIRST = 'echo "work $RUN_ID" >>runs/../order; while [ ! -e runs/../go ]; do sleep 0.2; done; exit $(cat runs/../go)';
async function first(): Promise<string> {
  repo = await experiment(FIRST, WAITING('x').replace(/^after.*\n/m, ''));
  const { run_id } = await repo.json<Submitted>('submit');
  writeFileSync(join(repo.iteration, 'launch', 'launch.yaml'), WAITING(run_id));
  return run_id;
}
/** Whole or not there: an empty one would be read as 0. */
const go = (code: number) => {
  writeFileSync(join(repo.iteration, 'go.new'), String(code));
  renameSync(join(repo.iteration, 'go.new'), join(repo.iteration, 'go'));
};

test.each([
  [0, 'running', ['gather', 'gather'], null],
  [3, 'failed', [], 'dependency'],
])('a run waits for another, which ends with %i', { timeout: LIMIT }, async (code, state, gathered, failure) => {
  const one = await first();
  const { run_id } = await repo.json<Submitted>('submit', '--again');
  await until('the first runs', async () => (existsSync(join(repo.iteration, 'order')) ? true : undefined), 400);
  await repo.json('monitor');
  expect((await seen(run_id)).line).toContain(`waits for run ${one}`);
  go(code);
  await over();
  const run = await seen(run_id);
  expect([run.state, run.failure?.class ?? null]).toEqual([state, failure]);
  if (failure)
    expect(run.failure?.detail).toContain(`run ${one}, which it waited for: it has not ended well (step work: exit_code`);
  expect(order().filter((line) => line === 'gather')).toEqual(gathered);
  expect(order().filter((line) => line === `work ${run_id}`)).toHaveLength(code === 0 ? 1 : 0);
});

test('a run that has failed, which nobody has looked at since, and which the queue has forgotten, is not taken for one that ended well', {
  timeout: LIMIT,
}, async () => {
  const one = await first();
  go(3);
  const jobs = async () => (await slurm.run('squeue', '-h', '-t', 'all', '-u', slurm.user)).stdout;
  await until('the queue has forgotten it', async () => ((await jobs()) === '' ? true : undefined), 600);
  const submitted = await repo.json<{ run_id: string; state: string; note: string }>('submit', '--again');
  expect(submitted).toMatchObject({ state: 'failed', note: expect.stringContaining(`run ${one}: its job`) });
  expect(order()).toEqual([`work ${one}`]);
  expect((await repo.autolab('audit', 'verify')).exit).toBe(0);
});

test('the first task of an array runs alone, the others after it as tasks of the whole', { timeout: LIMIT }, async () => {
  const work = `echo "$SLURM_ARRAY_TASK_ID of $SLURM_ARRAY_TASK_MIN-$SLURM_ARRAY_TASK_MAX, $SLURM_ARRAY_TASK_COUNT" >>runs/../order; [ -e runs/../good ]`;
  repo = await experiment(work, launch(2, ', array: { indices: "2-5" }').replace('legs: 2', 'canary: true'));
  const { run_id } = await repo.json<Submitted>('submit');
  await over();
  expect(order()).toEqual(['2 of 2-5, 4']);
  expect(await seen(run_id)).toMatchObject({ state: 'failed', failure: { detail: 'step work-canary: exit code 1' } });
  writeFileSync(join(repo.iteration, 'good'), '');
  expect(await repo.json('retry', run_id)).toMatchObject({ what: 'work-canary 2; work 3-5; gather' });
  await over();
  expect((await seen(run_id)).line).toContain(
    'work-canary succeeded;work 3/3 tasks done;gather succeeded (every task has ended well',
  );
  expect([order()[1], order().slice(2, 5).sort(), order()[5]]).toEqual([
    '2 of 2-5, 4',
    ['3 of 2-5, 4', '4 of 2-5, 4', '5 of 2-5, 4'],
    'gather',
  ]);
});
