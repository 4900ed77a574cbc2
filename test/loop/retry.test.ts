import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, expect, test } from 'vitest';
import { stateFolder } from '../../src/runs/home.ts';
import { journalOf, readJsonFile } from '../support/artifacts.ts';
import { asking } from '../support/asking.ts';
import { makeChain, STEPS } from '../support/chains.ts';
import type { Tiny } from '../support/tiny.ts';
import { forgetTemplate } from '../support/tiny.ts';

let tiny: Tiny;
afterEach(() => tiny?.remove());
afterAll(forgetTemplate);
const { answered, over, order } = asking(() => tiny);

type Retried = {
  run_id: string;
  attempt: number;
  what: string;
  state: string;
  price: { cpu_hours: number };
  steps: { step: string; tasks: number; job_id: string | null }[];
};

const lineOf = async (id: string) => (await answered<{ runs: { line: string }[] }>('runs', id)).runs[0]?.line;
/** Task 1 fails until the file `mended` is there; each says how wide its array is. */
const GEN =
  'echo "gen $AUTOLAB_TASK_INDEX of $SLURM_ARRAY_TASK_MAX attempt $AUTOLAB_ATTEMPT" >>runs/../order\n[ "$AUTOLAB_TASK_INDEX" != 1 ] || [ -e runs/../mended ]\n';
const mend = () => writeFileSync(join(tiny.iteration, 'mended'), '');

test('exactly the failed task runs again, with its index and the width of its array, and what comes after it', async () => {
  tiny = await makeChain({ gen: GEN });
  const { run_id } = await answered<Retried>('submit');
  await over();
  expect(order().some((line) => line === 'hist')).toBe(false);
  mend();
  const dry = await answered<Retried>('retry', run_id, '--dry-run');
  // One task, and the two steps that come after it: three minutes of one cpu.
  expect(dry).toMatchObject({
    what: 'gen 1; hist; tidy',
    price: { cpu_hours: 3 / 60 },
    steps: [
      { step: 'gen', tasks: 1 },
      { step: 'hist', tasks: 1 },
      { step: 'tidy', tasks: 1 },
    ],
  });
  rmSync(join(tiny.iteration, 'order'));
  const retried = await answered<Retried>('retry', run_id);
  expect(retried).toMatchObject({ run_id, attempt: 2, state: 'submitted' });
  await over();
  expect(order()).toEqual(['gen 1 of 2 attempt 2', 'hist', 'tidy']);
  expect(await lineOf(run_id)).toContain('gen 3/3 tasks done;hist succeeded;tidy succeeded');
  expect((await tiny.run(['sync', run_id])).exit).toBe(0);
  expect(readJsonFile(join(tiny.iteration, 'runs', run_id, 'run_manifest.json'))).toMatchObject({
    status: 'synced',
    tasks: { total: 5, succeeded: 5, failed: 0 },
  });
  expect(await tiny.run(['audit', 'verify'])).toMatchObject({ exit: 0 });
  expect((await tiny.run(['retry', run_id])).stderr).toContain('every task has ended well');
  // What each job of both attempts has come to is in the book, once.
  const book = readFileSync(join(stateFolder(tiny.path), 'spending.jsonl'), 'utf8')
    .trim()
    .split('\n');
  const rows = book.map((row) => JSON.parse(row) as { event: string; job: string });
  const jobs = (event: string) =>
    rows.filter((row) => row.event === event).map(({ job }) => job.split('.').slice(1, 3).join(' '));
  const all = ['gen 1', 'hist 1', 'tidy 1', 'gen 2', 'hist 2', 'tidy 2'];
  expect([jobs('reserved'), jobs('settled').sort()]).toEqual([all, [...all].sort()]);
});

test('a task that may still run is not run a second time, and a retry that waits is the answer of a second call', async () => {
  tiny = await makeChain({ gen: 'echo x >>runs/../order; while [ -d launch ] && [ ! -e runs/../go ]; do sleep 0.1; done\n' });
  const { run_id } = await answered<Retried>('submit');
  const refused = await tiny.run(['retry', run_id]);
  expect(refused.exit).toBe(1);
  expect(refused.stderr).toContain('gen, hist, tidy has tasks that have not ended');
  writeFileSync(join(tiny.iteration, 'go'), '');
  await over();
});

test('beside another run of the iteration nothing is run again', async () => {
  tiny = await makeChain({
    gen: '[ -e runs/../mended ] || { [ -e runs/../wait ] || exit 1; while [ -d launch ] && [ ! -e runs/../mended ]; do sleep 0.1; done; }\n',
  });
  const { run_id } = await answered<Retried>('submit');
  await over();
  writeFileSync(join(tiny.iteration, 'wait'), '');
  const other = await answered<Retried>('submit', '--again');
  const refused = await tiny.run(['retry', run_id]);
  expect(refused.exit).toBe(1);
  expect(refused.stderr).toContain(`tasks of ${run_id} would run beside it`);
  expect(refused.stderr).toContain(other.run_id);
  mend();
  await over();
  expect((await tiny.run(['retry', run_id])).exit).toBe(0);
  await over();
});

test('after a time limit the double is asked for, as far as the policy lets it', async () => {
  tiny = await makeChain(
    {
      gen: 'echo "gen $AUTOLAB_TASK_INDEX" >>runs/../order; [ "$AUTOLAB_TASK_INDEX" != 1 ] || [ -e runs/../mended ] || sleep 60\n',
    },
    STEPS.replace('parallel: 2 }', 'parallel: 2 }, resources: { walltime: "00:00:03" }'),
  );
  const { run_id } = await answered<Retried>('submit');
  await over();
  expect(await lineOf(run_id)).toContain('1 failed: 1');
  expect((await answered<Retried>('retry', run_id, '--dry-run')).what).toBe('gen 1 with walltime 3 → 6 s; hist; tidy');
  const denied = await tiny.run(['retry', run_id, '--walltime', '99:00:00']);
  expect(denied.exit).toBe(1);
  expect(denied.stderr).toContain('limits.per_job.walltime');
  mend();
  expect((await tiny.run(['retry', run_id])).exit).toBe(0);
  await over();
  expect(await lineOf(run_id)).toContain('gen 3/3 tasks done;hist succeeded');
});

test.each([
  ['the script', () => writeFileSync(join(tiny.iteration, 'launch', 'gen.sh'), '#!/bin/sh\ntrue\n'), /a script/],
  [
    'launch.yaml',
    () => writeFileSync(join(tiny.iteration, 'launch', 'launch.yaml'), STEPS.replace('50MB', '60MB')),
    /launch\.yaml/,
  ],
])('where %s has changed since, tasks of both are not mixed', async (_what, change, why) => {
  tiny = await makeChain({ gen: GEN });
  const { run_id } = await answered<Retried>('submit');
  await over();
  change();
  const refused = await tiny.run(['retry', run_id]);
  expect(refused.exit).toBe(1);
  expect(refused.stderr).toMatch(why);
  expect(refused.stderr).toContain('again: true');
});

test('where a configuration that markers must name has changed since, tasks of both are not mixed', async () => {
  tiny = await makeChain({ gen: GEN }, `${STEPS}artifacts: { expect: [{ marker: DONE, same: { config: config.json } }] }\n`);
  const config = join(tiny.iteration, 'config.json');
  writeFileSync(config, '{ "samples": 10 }\n');
  const { run_id } = await answered<Retried>('submit');
  await over();
  writeFileSync(config, '{ "samples": 20 }\n');
  const refused = await tiny.run(['retry', run_id]);
  expect(refused).toMatchObject({ exit: 1, stderr: expect.stringContaining('config.json changed since') });
  writeFileSync(config, '{ "samples": 10 }\n');
  expect((await answered<Retried>('retry', run_id, '--dry-run')).what).toBe('gen 1; hist; tidy');
});

test('from a step on, whole; and tasks by name, with everything that is made of them', async () => {
  tiny = await makeChain({ gen: 'echo "gen $AUTOLAB_TASK_INDEX" >>runs/../order\n' });
  const { run_id } = await answered<Retried>('submit');
  await over();
  expect((await answered<Retried>('retry', run_id, '--from', 'hist', '--dry-run')).what).toBe('hist; tidy');
  expect((await answered<Retried>('retry', run_id, '--step', 'gen', '--tasks', '0,2', '--dry-run')).what).toBe(
    'gen 0,2; hist; tidy',
  );
  rmSync(join(tiny.iteration, 'order'));
  await answered<Retried>('retry', run_id, '--step', 'gen', '--tasks', '0,2');
  await over();
  expect(order().sort()).toEqual(['gen 0', 'gen 2', 'hist', 'tidy']);
});

test.each([
  [['--tasks', '1'], /tasks without their step/],
  [['--step', 'gen', '--tasks', '9'], /task 9 is none of step gen/],
  [['--step', 'gen', '--tasks', '1%2'], /write the limit as parallel|%/],
  [['--from', 'none'], /has no step "none"/],
  [['--memory', 'lots'], /memory/],
])('%j is refused', async (words, why) => {
  tiny = await makeChain({ gen: GEN });
  const { run_id } = await answered<Retried>('submit');
  await over();
  const before = journalOf(join(tiny.iteration, 'runs', run_id)).length;
  const refused = await tiny.run(['retry', run_id, ...words]);
  expect(refused.exit).not.toBe(0);
  expect(refused.stderr).toMatch(why);
  expect(journalOf(join(tiny.iteration, 'runs', run_id))).toHaveLength(before);
  expect(existsSync(join(tiny.iteration, 'runs', run_id, 'gate', 'plans'))).toBe(false);
});
