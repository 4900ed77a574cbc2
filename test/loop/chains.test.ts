import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, expect, test } from 'vitest';
import { journalOf, readJsonFile } from '../support/artifacts.ts';
import { asking } from '../support/asking.ts';
import { makeChain, STEPS } from '../support/chains.ts';
import { until } from '../support/repo.ts';
import type { Tiny } from '../support/tiny.ts';
import { forgetTemplate } from '../support/tiny.ts';

let tiny: Tiny;
afterEach(() => tiny?.remove());
afterAll(forgetTemplate);
const { answered, over, order } = asking(() => tiny);

type Submitted = {
  run_id: string;
  state: string;
  tasks: number;
  price: object;
  steps: { step: string; job_id: string | null; after: string[] }[];
};

const lineOf = async (id: string) => (await answered<{ runs: { line: string }[] }>('runs', id)).runs[0]?.line;

test('several steps are planned, priced and submitted as one, run in their order, and are told as one run', async () => {
  tiny = await makeChain();
  const dry = await answered<Submitted>('submit', '--dry-run');
  // Five tasks of a minute.
  expect(dry).toMatchObject({
    tasks: 5,
    price: { cpu_hours: 5 / 60 },
    steps: [{ step: 'gen' }, { after: ['gen'] }, { after: ['hist (however it ends)'] }],
  });
  expect(existsSync(join(tiny.iteration, 'runs'))).toBe(false);
  const { run_id, steps } = await answered<Submitted>('submit');
  expect(steps.map(({ job_id }) => job_id)).toEqual([expect.any(String), expect.any(String), expect.any(String)]);
  expect(await answered('submit')).toMatchObject({ run_id, already: true });
  await over();
  expect(order().slice(0, 3).sort()).toEqual(['gen 0 a b', 'gen 1 a b', 'gen 2 a b']);
  expect(order().slice(3)).toEqual(['hist', 'tidy']);
  expect(await lineOf(run_id)).toContain('running gen 3/3 tasks done;hist succeeded;tidy succeeded (every task has ended well');
  expect((await tiny.run(['sync', run_id])).exit).toBe(0);
  const manifest = readJsonFile(join(tiny.iteration, 'runs', run_id, 'run_manifest.json'));
  expect(manifest).toMatchObject({
    status: 'synced',
    tasks: { total: 5, succeeded: 5 },
    steps: [{ step: 'gen' }, { step: 'hist' }, { step: 'tidy' }],
  });
  expect(await tiny.run(['audit', 'verify'])).toMatchObject({ exit: 0 });
});

test('everything is recorded and read back before anything is let go, and what begins is let go last', async () => {
  tiny = await makeChain();
  const { run_id } = await answered<Submitted>('submit');
  const rows = journalOf(join(tiny.iteration, 'runs', run_id)).map(({ event, step }) => `${event} ${step ?? ''}`.trim());
  const last = (event: string) => Math.max(...rows.flatMap((row, at) => (row.startsWith(event) ? [at] : [])));
  const first = (event: string) => rows.findIndex((row) => row.startsWith(event));
  expect(last('submitted')).toBeLessThan(first('read_back'));
  expect(rows.filter((row) => row.startsWith('releasing'))).toEqual(['releasing tidy', 'releasing hist', 'releasing gen']);
  expect(Math.max(...['gen', 'hist', 'tidy'].map((step) => first(`read_back ${step}`)))).toBeLessThan(first('releasing'));
  await over();
});

test('a failed task is the cause, what waited for it failed because of it, and the log shown is its own', async () => {
  tiny = await makeChain({
    gen: 'exec >runs/../gen.$AUTOLAB_TASK_INDEX.log; echo "gen $AUTOLAB_TASK_INDEX" >>runs/../order; echo "speaks $AUTOLAB_TASK_INDEX"; sleep 0.3; [ "$AUTOLAB_TASK_INDEX" != 1 ] || exit 3\n',
  });
  const { run_id } = await answered<Submitted>('submit');
  await over();
  expect(order().slice(-1)).toEqual(['tidy']);
  expect(order()).not.toContain('hist');
  const { runs } = await answered<{ runs: { state: string; failure: object; task_list: object[] }[] }>('runs', run_id);
  expect(runs[0]).toMatchObject({
    state: 'partial',
    failure: { class: 'exit_code', detail: 'step gen, task 1: exit code 3' },
    line: expect.stringContaining('gen 2/3 tasks done, 1 failed: 1;hist failed'),
  });
  expect(runs[0]?.task_list.slice(0, 2)).toMatchObject([
    { step: 'gen', index: 1, failure: 'exit_code' },
    { step: 'hist', failure: 'dependency' },
  ]);
  const log = await answered<{ step: string; task: number; file: string; log_text: string }>('logs', run_id);
  expect(log).toMatchObject({
    step: 'gen',
    task: 1,
    file: 'experiments/plan/tiny/gen.1.log',
    log_text: expect.stringContaining('speaks 1'),
  });
  expect(await answered('logs', run_id, '--step', 'gen', '--task', '2')).toMatchObject({
    log_text: expect.stringContaining('speaks 2'),
  });
  expect((await tiny.run(['logs', run_id, '--step', 'none'])).stderr).toContain('name one of gen, hist, tidy');
});

test('cancelled, all of its jobs are, and nothing of what waited runs', async () => {
  tiny = await makeChain({ gen: 'echo "gen" >>runs/../order; sleep 60\n' });
  const { run_id, steps } = await answered<Submitted>('submit');
  await until('it runs', async () => (existsSync(join(tiny.iteration, 'order')) ? true : undefined));
  const { cancelled } = await answered<{ cancelled: string[] }>('cancel', run_id);
  expect(cancelled).toEqual(steps.map(({ job_id }) => job_id));
  await over();
  expect(order()).not.toContain('hist');
  expect(await lineOf(run_id)).toContain('failed');
});

test.each([
  ['a step that waits for one below it', STEPS.replace('after: [gen]', 'after: [tidy]'), /there is no step tidy above step hist/],
  ['two steps of one name', STEPS.replace('name: tidy', 'name: gen'), /there is a step gen above already/],
  ['a script that is not there', STEPS.replace('hist.sh', 'none.sh'), /step hist: launch\/none\.sh is not there/],
  ['a script outside', STEPS.replace('hist.sh', '../../x.sh'), /expected a path inside the folder/],
  ['an array of the whole besides', `${STEPS}array: { indices: "0-3" }\n`, /with steps each step says its own array/],
  ['a key that is none', STEPS.replace('after: [gen]', 'afetr: [gen]'), /afetr/],
])('%s is refused, and nothing is submitted', async (_what, launch, why) => {
  tiny = await makeChain({}, launch);
  const refused = await tiny.run(['submit']);
  expect(refused.exit).not.toBe(0);
  expect(refused.stderr).toMatch(why);
  expect(existsSync(join(tiny.iteration, 'runs'))).toBe(false);
});

test('the limits judge every step, and the price of all', async () => {
  tiny = await makeChain({}, STEPS.replace('script: hist.sh', 'script: hist.sh, resources: { walltime: "20:00:00" }'));
  const denied = await tiny.run(['submit']);
  expect(denied.stderr).toContain('limits.per_job.walltime');
  expect(denied.stderr).toContain('step hist: 20:00:00 of walltime');
  writeFileSync(
    join(tiny.path, '.autolab', 'verifier_policy.yaml'),
    'policy_resolution: { default_preset: local_dev }\ngate: { limits: { spend: { cpu_hours: { iteration: 0.05 } }, per_job: { walltime: { ask: "48:00:00", deny: "48:00:00" } } } }\n',
  );
  expect((await tiny.run(['submit'])).stderr).toContain('limits.spend.cpu_hours.iteration');
});
