import { existsSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, expect, test } from 'vitest';
import { asking } from '../support/asking.ts';
import { makeChain } from '../support/chains.ts';
import { until } from '../support/repo.ts';
import type { Tiny } from '../support/tiny.ts';
import { forgetTemplate, makeTiny } from '../support/tiny.ts';

let tiny: Tiny;
afterEach(() => tiny?.remove());
afterAll(forgetTemplate);

type Submitted = {
  run_id: string;
  price: object;
  tasks: number;
  steps: { step: string; after: string[]; job_id: string | null }[];
};
type Seen = {
  state: string;
  line: string;
  next_tool: string | null;
  next: string;
  failure: { class: string; detail: string } | null;
};

const { answered, over, order } = asking(() => tiny);
async function seen(id: string): Promise<Seen & { tasks: [string, string, string | null, boolean][] }> {
  const { runs } = await answered<{
    runs: (Seen & { task_list: { step: string; index: number; state: string; failure: string | null }[] })[];
  }>('runs', id);
  const run = runs[0] ?? expect.fail('no run');
  return { ...run, tasks: run.task_list.map((one) => [`${one.step} ${one.index}`, one.state, one.failure, false]) };
}
async function end(): Promise<{ id: string } & Awaited<ReturnType<typeof seen>>> {
  const { run_id } = await answered<Submitted>('submit');
  await over();
  return { id: run_id, ...(await seen(run_id)) };
}

/** One step in legs of a few seconds, and one that waits for it. */
const launch = (legs: number, more = '') => `schema_version: "1"
site: local
resources: { cpus: 1, memory: 50MB, walltime: "00:00:08" }
steps:
  - { name: gen, script: gen.sh, legs: ${legs}${more} }
  - { name: hist, script: hist.sh, after: [gen], resources: { cpus: 1, memory: 50MB, walltime: "00:01:00" } }
`;
/** Works for so long in each leg, and is done in the one named. */
const work = (doneIn: number) =>
  `echo "gen $AUTOLAB_LEG of $AUTOLAB_LEGS" >>runs/../order; [ "$AUTOLAB_LEG" -ge ${doneIn} ] || exec sleep 60\n`;

test('legs are planned, priced and decided as one, and told', async () => {
  tiny = await makeChain({}, launch(3));
  const dry = await answered<Submitted>('submit', '--dry-run');
  expect(dry).toMatchObject({
    tasks: 4,
    price: { cpu_hours: (3 * 8 + 60) / 3600 },
    steps: [
      { step: 'gen', after: [] },
      { step: 'gen-leg2', after: ['gen (where that was interrupted)'] },
      { step: 'gen-leg3', after: ['gen-leg2 (where that was interrupted)'] },
      { step: 'hist', after: ['gen-leg3'] },
    ],
  });
});

test('work that reaches its time limit is gone on with, and what waits for it comes after its end', async () => {
  tiny = await makeChain({ gen: work(2) }, launch(3));
  const run = await end();
  expect(run).toMatchObject({
    state: 'running',
    line: expect.stringContaining(
      'gen continued;gen-leg2 succeeded;gen-leg3 not needed;hist succeeded (every task has ended well',
    ),
  });
  expect(order()).toEqual(['gen 1 of 3', 'gen 2 of 3', 'hist']);
  expect((await tiny.run(['sync', run.id])).exit).toBe(0);
});

test('done in its first leg, the others end at once and count as well', async () => {
  tiny = await makeChain({ gen: work(1) }, launch(3));
  const run = await end();
  expect(run.line).toContain('gen succeeded;gen-leg2 not needed;gen-leg3 not needed;hist succeeded (every task has ended well');
  expect(order()).toEqual(['gen 1 of 3', 'hist']);
});

test.each([
  [
    'told to end, it saves and ends with 0',
    `trap 'exit 0' TERM; echo "gen $AUTOLAB_LEG" >>runs/../order; [ "$AUTOLAB_LEG" -gt 1 ] || while :; do sleep 0.1; done\n`,
  ],
  [
    'told to end, it does not listen and is killed hard',
    `trap '' TERM; echo "gen $AUTOLAB_LEG" >>runs/../order; [ "$AUTOLAB_LEG" -gt 1 ] || while :; do sleep 0.1; done\n`,
  ],
])('%s: the next leg goes on', async (_what, gen) => {
  tiny = await makeChain({ gen }, launch(2));
  const run = await end();
  expect(run.line).toContain('gen continued;gen-leg2 succeeded;hist succeeded');
  expect(order()).toEqual(['gen 1', 'gen 2', 'hist']);
});

test.each([
  ['it fails by itself', 'echo gen >>runs/../order; exit 3\n', 'exit_code'],
  // Its whole session, and with it our job script, which can leave nothing behind then.
  ['it is killed without having been told', 'echo gen >>runs/../order; kill -9 0; sleep 60\n', 'exit_code'],
])('%s: no leg goes on, and it is the cause', async (_what, gen, kind) => {
  tiny = await makeChain({ gen }, launch(3).replace('00:00:08', '00:00:30'));
  const run = await end();
  expect(run).toMatchObject({ state: 'failed', failure: { class: kind, detail: expect.stringContaining('step gen: ') } });
  expect(run.tasks.map(([name, state, failure]) => [name, state, failure])).toEqual([
    ['gen 0', 'failed', kind],
    ['gen-leg2 0', 'failed', 'dependency'],
    ['gen-leg3 0', 'failed', 'dependency'],
    ['hist 0', 'failed', 'dependency'],
  ]);
  expect(order()).toEqual(['gen']);
});

test('interrupted in its last leg it is partial, and retry goes on with one more of the same length', async () => {
  tiny = await makeChain(
    { gen: `echo "gen $AUTOLAB_LEG $AUTOLAB_ATTEMPT" >>runs/../order; [ "$AUTOLAB_ATTEMPT" -ge 2 ] || exec sleep 60\n` },
    launch(2),
  );
  const run = await end();
  expect(run).toMatchObject({
    state: 'partial',
    next_tool: 'retry_tasks',
    next: expect.stringContaining('interrupted in its last leg'),
    failure: { class: 'time_limit', detail: expect.stringContaining('step gen-leg2: ') },
    line: expect.stringContaining('gen continued;gen-leg2 failed;hist failed'),
  });
  // Going on by itself it concludes, and what was concluded is open to be gone on with.
  expect(await answered('run')).toMatchObject({ status: 'partial' });
  expect(await answered('retry', run.id)).toMatchObject({ attempt: 2, what: 'gen-leg2; hist' });
  await over();
  expect((await seen(run.id)).line).toContain('gen continued;gen-leg2 succeeded;hist succeeded (every task has ended well');
  expect(order()).toEqual(['gen 1 1', 'gen 2 1', 'gen 2 2', 'hist']);
});

test('what is missing of work in legs is run again in the leg that made it, and is needed by what comes after', async () => {
  const gen = `[ "$AUTOLAB_TASK_INDEX.$AUTOLAB_LEG" != 1.1 ] || exec sleep 60
cd "runs/$AUTOLAB_RUN_ID" && mkdir -p b_$AUTOLAB_TASK_INDEX && echo done >b_$AUTOLAB_TASK_INDEX/READY\n`;
  const expected = 'artifacts: { expect: [{ each: "b_{index}", marker: READY }] }\n';
  tiny = await makeChain({ gen }, launch(2, ', array: { indices: "0-2" }') + expected);
  const run = await end();
  expect(run.line).toContain('every task has ended well');
  for (const index of [0, 1]) rmSync(join(tiny.iteration, 'runs', run.id, `b_${index}`), { recursive: true });
  expect((await tiny.run(['retry', run.id, '--from', 'hist'])).stderr).toMatch(/needs what step gen \(tasks 0\) left/);
  expect(await answered('retry', run.id, '--dry-run')).toMatchObject({ what: 'gen 0; gen-leg2 0-1; hist' });
});

test('each task of an array goes on by itself, where its own was interrupted', async () => {
  const gen = `echo "gen $AUTOLAB_TASK_INDEX leg $AUTOLAB_LEG" >>runs/../order
case $AUTOLAB_TASK_INDEX.$AUTOLAB_LEG in 1.1) exec sleep 60 ;; 2.1) exit 3 ;; esac\n`;
  tiny = await makeChain({ gen }, launch(2, ', array: { indices: "0-2" }'));
  const run = await end();
  expect(run).toMatchObject({ state: 'partial', failure: { class: 'exit_code', detail: 'step gen, task 2: exit code 3' } });
  expect(order().sort()).toEqual(['gen 0 leg 1', 'gen 1 leg 1', 'gen 1 leg 2', 'gen 2 leg 1']);
  expect(Object.fromEntries(run.tasks.map(([name, state, failure]) => [name, failure ? `${state} ${failure}` : state]))).toEqual({
    'gen 0': 'succeeded',
    'gen 1': 'continued time_limit',
    'gen 2': 'failed exit_code',
    'gen-leg2 0': 'succeeded',
    'gen-leg2 1': 'succeeded',
    'gen-leg2 2': 'failed dependency',
    'hist 0': 'failed dependency',
  });
  // Of the leg only the task that follows the failed one.
  expect(await answered('retry', run.id, '--dry-run')).toMatchObject({ what: 'gen 2; gen-leg2 2; hist' });
});

test('a run of one job has legs, too', async () => {
  tiny = await makeTiny((path) => {
    const folder = join(path, 'experiments', 'plan', 'tiny', 'launch');
    writeFileSync(
      join(folder, 'launch.yaml'),
      'schema_version: "1"\nsite: local\nlegs: 2\nresources: { walltime: "00:00:08" }\n',
    );
    writeFileSync(join(folder, 'run_local.sh'), `#!/bin/sh\n${work(2)}`, { mode: 0o755 });
  });
  expect((await end()).line).toContain('main continued;main-leg2 succeeded (every task has ended well');
  expect(order()).toEqual(['gen 1 of 2', 'gen 2 of 2']);
});

test('cancelled, no leg goes on', async () => {
  tiny = await makeChain({ gen: 'echo gen >>runs/../order; exec sleep 60\n' }, launch(3).replace('00:00:08', '00:01:00'));
  const { run_id } = await answered<Submitted>('submit');
  await until('it runs', async () => (existsSync(join(tiny.iteration, 'order')) ? true : undefined));
  await answered('cancel', run_id);
  await over();
  expect(await seen(run_id)).toMatchObject({ state: 'failed', failure: { class: 'cancelled' } });
  expect(order()).toEqual(['gen']);
});
