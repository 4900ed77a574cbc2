import { existsSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, expect, test } from 'vitest';
import { asking } from '../support/asking.ts';
import { makeChain } from '../support/chains.ts';
import type { Tiny } from '../support/tiny.ts';
import { forgetTemplate, makeTiny } from '../support/tiny.ts';

let tiny: Tiny;
afterEach(() => tiny?.remove());
afterAll(forgetTemplate);

const { answered, over, order } = asking(() => tiny);
const lineOf = async (id: string) => (await answered<{ runs: { line: string }[] }>('runs', id)).runs[0]?.line;

const LAUNCH = `schema_version: "1"
site: local
resources: { cpus: 1, memory: 50MB, walltime: "00:01:00" }
steps:
  - { name: gen, script: gen.sh, array: { indices: "0-3" }, canary: true }
  - { name: hist, script: hist.sh, after: [gen] }
artifacts:
  expect:
    - { each: "batch_{index}", marker: READY, step: gen }
`;
const GEN = `i=$SLURM_ARRAY_TASK_ID
echo "gen $i of $SLURM_ARRAY_TASK_MIN-$SLURM_ARRAY_TASK_MAX, $SLURM_ARRAY_TASK_COUNT" >>runs/../order
[ ! -e runs/../bad.$i ] || exit 3
cd "runs/$AUTOLAB_RUN_ID" && mkdir -p batch_$i && echo done >batch_$i/READY
`;

test('the first task runs alone, then the others, each as one of the whole array', async () => {
  tiny = await makeChain({ gen: GEN }, LAUNCH);
  const dry = await answered<{ tasks: number; price: object; steps: object[] }>('submit', '--dry-run');
  expect(dry).toMatchObject({
    tasks: 5,
    price: { cpu_hours: 5 / 60 },
    steps: [
      { step: 'gen-canary', tasks: 1, after: [] },
      { step: 'gen', tasks: 3, after: ['gen-canary'] },
      { step: 'hist', after: ['gen-canary', 'gen'] },
    ],
  });
  const { run_id } = await answered<{ run_id: string }>('submit');
  await over();
  const whole = (index: number) => `gen ${index} of 0-3, 4`;
  expect([order()[0], order().slice(1, 4).sort(), order()[4]]).toEqual([whole(0), [1, 2, 3].map(whole), 'hist']);
  expect(await answered('sync', run_id)).toMatchObject({ sync: 'ok', checked: 4 });
});

test('the expected set is the whole array, and a task of either half is run again by its index', async () => {
  tiny = await makeChain({ gen: GEN }, LAUNCH);
  const { run_id } = await answered<{ run_id: string }>('submit');
  await over();
  rmSync(join(tiny.iteration, 'runs', run_id, 'batch_0'), { recursive: true });
  rmSync(join(tiny.iteration, 'runs', run_id, 'batch_2'), { recursive: true });
  const synced = await answered<{ missing: string[] }>('sync', run_id);
  expect(synced.missing.join()).toContain('missing: 0,2; 2 of 4 are as expected');
  // What comes after is made of both.
  for (const [task, other] of ['02', '20'])
    expect((await tiny.run(['retry', run_id, '--step', 'gen', '--tasks', task ?? ''])).stderr).toContain(
      `batch_${other}: missing`,
    );
  expect(await answered('retry', run_id, '--dry-run')).toMatchObject({ what: 'gen-canary 0; gen 2; hist' });
  expect(await answered('retry', run_id, '--from', 'gen', '--dry-run')).toMatchObject({ what: 'gen-canary 0; gen 1-3; hist' });
  expect(await answered('retry', run_id, '--step', 'gen', '--tasks', '0,2')).toMatchObject({ what: 'gen-canary 0; gen 2; hist' });
  await over();
  expect(order().slice(5)).toEqual(['gen 0 of 0-3, 4', 'gen 2 of 0-3, 4', 'hist']);
  expect(await answered('sync', run_id)).toMatchObject({ sync: 'ok', checked: 4 });
});

test('where the first fails none of the others runs, and retry runs it and them', async () => {
  tiny = await makeChain({ gen: GEN }, LAUNCH);
  writeFileSync(join(tiny.iteration, 'bad.0'), '');
  const { run_id } = await answered<{ run_id: string }>('submit');
  await over();
  expect(order()).toEqual(['gen 0 of 0-3, 4']);
  expect(await answered('runs', run_id)).toMatchObject({
    runs: [{ state: 'failed', failure: { class: 'exit_code', detail: 'step gen-canary: exit code 3' } }],
  });
  expect((await answered<{ step: string }>('logs', run_id, '--step', 'gen', '--task', '0')).step).toBe('gen-canary');
  expect((await tiny.run(['logs', run_id, '--step', 'gen', '--task', '99'])).stderr).toBe(
    `usage: step gen of run ${run_id} has no task 99\nwhy: its tasks are 0-3\nnext: name one of them`,
  );
  rmSync(join(tiny.iteration, 'bad.0'));
  expect(await answered('retry', run_id)).toMatchObject({ what: 'gen-canary 0; gen 1-3; hist' });
  await over();
  expect(await lineOf(run_id)).toContain('gen-canary succeeded;gen 3/3 tasks done;hist succeeded (every task has ended well');
});

test('told to end, a first task that saves and ends well has not shown that the others may begin', async () => {
  tiny = await makeChain(
    {
      gen: `trap 'exit 0' USR1; echo "gen $SLURM_ARRAY_TASK_ID" >>runs/../order
kill -USR1 "$(cut -d' ' -f4 /proc/$PPID/stat)"; while :; do sleep 0.1; done\n`,
    },
    LAUNCH,
  );
  const { run_id } = await answered<{ run_id: string }>('submit');
  await over();
  expect(order()).toEqual(['gen 0']);
  expect(await lineOf(run_id)).not.toContain('every task has ended well');
});

test('a run of one job has a canary, too', async () => {
  tiny = await makeTiny((path) => {
    const folder = join(path, 'experiments', 'plan', 'tiny', 'launch');
    writeFileSync(join(folder, 'launch.yaml'), 'schema_version: "1"\nsite: local\ncanary: true\narray: { indices: "1-3" }\n');
    writeFileSync(
      join(folder, 'run_local.sh'),
      '#!/bin/sh\n#SBATCH --time=00:01:00\necho "$SLURM_ARRAY_TASK_ID" >>runs/../order\n',
      {
        mode: 0o755,
      },
    );
  });
  const { run_id } = await answered<{ run_id: string }>('submit');
  await over();
  expect(order()[0]).toBe('1');
  expect(await lineOf(run_id)).toContain('main-canary succeeded;main 2/2 tasks done');
});

test('without an array there is no first task', async () => {
  tiny = await makeTiny((path) => {
    writeFileSync(
      join(path, 'experiments', 'plan', 'tiny', 'launch', 'launch.yaml'),
      'schema_version: "1"\nsite: local\ncanary: true\n',
    );
  });
  expect((await tiny.run(['submit'])).stderr).toContain('step main has a canary and 1 task');
  expect(existsSync(join(tiny.iteration, 'runs'))).toBe(false);
});
