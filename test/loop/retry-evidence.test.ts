import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, expect, test } from 'vitest';
import { makeChain } from '../support/chains.ts';
import { until } from '../support/repo.ts';
import type { Tiny } from '../support/tiny.ts';
import { forgetTemplate } from '../support/tiny.ts';

let tiny: Tiny;
afterEach(() => tiny?.remove());
afterAll(forgetTemplate);

type Retried = { run_id: string; what: string; note: string | null; state: string };
async function answered<T = Retried>(...args: string[]): Promise<T> {
  const done = await tiny.run([...args, '--json']);
  if (done.stdout === '') throw new Error(done.stderr);
  return JSON.parse(done.stdout) as T;
}
const over = () => until('it is over', async () => (await answered<{ all_over: boolean }>('monitor')).all_over || undefined);
async function submitted(): Promise<string> {
  const { run_id } = await answered('submit');
  await over();
  return run_id;
}
async function refused(...args: string[]): Promise<string> {
  const { exit, stderr } = await tiny.run(args);
  expect(exit).toBe(1);
  return stderr;
}
const dry = (...args: string[]) => answered('retry', ...args, '--dry-run');

/** Two rounds of an array and what gathers it. What the first round left is dropped when the second has been gathered. */
const LAUNCH = `schema_version: "1"
site: local
resources: { cpus: 1, memory: 50MB, walltime: "00:01:00" }
steps:
  - { name: gen-0, script: gen.sh, args: ["0"], array: { indices: "0-2" } }
  - { name: hist-0, script: hist.sh, args: ["0"], after: [gen-0] }
  - { name: gen-1, script: gen.sh, args: ["1"], array: { indices: "0-2" }, after: [hist-0] }
  - { name: hist-1, script: hist.sh, args: ["1"], after: [gen-1] }
artifacts:
  expect:
    - { each: "g0/b_{index}", marker: READY, alongside: [data], size: 6, step: gen-0, until: hist-1 }
    - { file: h0/DONE, step: hist-0, until: hist-1 }
    - { each: "g1/b_{index}", marker: READY, alongside: [data], size: 6, step: gen-1 }
    - { file: h1/DONE, size: 5, step: hist-1 }
`;
const GEN = `cd runs/$AUTOLAB_RUN_ID; mkdir -p g$1/b_$AUTOLAB_TASK_INDEX; cd g$1/b_$AUTOLAB_TASK_INDEX
[ ! -e ../../../../fail-gen-$1 ] || [ $AUTOLAB_TASK_INDEX != 1 ] || exit 1
echo whole >data; [ ! -e ../../../../short-gen-$1 ] || [ $AUTOLAB_TASK_INDEX != 1 ] || echo x >data
echo OK >READY
`;
const HIST = `cd runs/$AUTOLAB_RUN_ID; mkdir -p h$1; [ ! -e ../../fail-hist-$1 ] || exit 1
echo done >h$1/DONE; [ ! -e ../../bad-hist-$1 ] || echo x >h$1/DONE
if [ $1 = 1 ] && [ ! -e ../../bad-hist-$1 ]; then rm -r g0 h0; fi
`;
const make = () => makeChain({ gen: GEN, hist: HIST }, LAUNCH);
const fault = (name: string) => writeFileSync(join(tiny.iteration, name), '');
const mend = (name: string) => rmSync(join(tiny.iteration, name));
const left = (run: string, ...names: string[]) => join(tiny.iteration, 'runs', run, ...names);

test('a broken chain goes on at the first step whose evidence does not hold, and the last that verifies is told', async () => {
  tiny = await make();
  fault('fail-gen-1');
  const run = await submitted();
  mend('fail-gen-1');
  const told = await dry(run);
  expect(told).toMatchObject({ what: 'gen-1 1; hist-1', note: 'The last step that verifies is hist-0.' });
  await answered('retry', run);
  await over();
  expect((await tiny.run(['sync', run])).exit).toBe(0);
  expect(existsSync(left(run, 'g0'))).toBe(false);
  // What was meant to be dropped is not missed.
  expect(await refused('retry', run)).toContain('every task has ended well');
  // Whoever needs it again does miss it.
  const needs = await refused('retry', run, '--from', 'gen-1');
  expect(needs).toContain('step gen-1 of run');
  expect(needs).toContain('needs what step hist-0 left, and that is not there as expected');
  expect(needs).toContain('begin earlier: from hist-0');
  expect(await refused('retry', run, '--from', 'hist-0')).toContain('begin earlier: from gen-0');
  expect((await dry(run, '--from', 'gen-0')).what).toBe('gen-0 0-2; hist-0; gen-1 0-2; hist-1');
  expect((await dry(run, '--from', 'hist-1')).what).toBe('hist-1');
});

test('a task that ended well and left too little is found, and what is made of it is made anew', async () => {
  tiny = await make();
  fault('short-gen-1');
  fault('bad-hist-1');
  const run = await submitted();
  expect(await dry(run)).toMatchObject({ what: 'gen-1 1; hist-1', note: 'The last step that verifies is hist-0.' });
  mend('short-gen-1');
  mend('bad-hist-1');
  await answered('retry', run);
  await over();
  expect(readFileSync(left(run, 'g1', 'b_1', 'data'), 'utf8')).toBe('whole\n');
  expect((await tiny.run(['sync', run])).exit).toBe(0);
});

test('a step that is missing below one that verifies is a gap, and both are named', async () => {
  tiny = await make();
  fault('bad-hist-1');
  const run = await submitted();
  rmSync(left(run, 'g0', 'b_2'), { recursive: true });
  // The first round may be gone, once its last reader has begun.
  expect((await dry(run)).what).toBe('hist-1');
  writeFileSync(left(run, 'h1', 'DONE'), 'done\n');
  rmSync(left(run, 'g1', 'b_2', 'READY'));
  const gap = await refused('retry', run);
  expect(gap).toContain('step gen-1 of run');
  expect(gap).toContain('does not verify, and step hist-1, which is made of it, does');
  expect(gap).toContain('g1/b_2: missing');
  expect(gap).toContain('step gen-1 with tasks 2');
  expect((await dry(run, '--step', 'gen-1', '--tasks', '2')).what).toBe('gen-1 2; hist-1');
});

test('what gathers is run again alone only where all that it gathers verifies', async () => {
  tiny = await make();
  fault('fail-hist-1');
  const run = await submitted();
  mend('fail-hist-1');
  expect(await dry(run, '--from', 'hist-1')).toMatchObject({ what: 'hist-1', note: 'The last step that verifies is gen-1.' });
  writeFileSync(left(run, 'g1', 'b_0', 'data'), 'no\n');
  const said = await refused('retry', run, '--from', 'hist-1');
  expect(said).toContain('needs what step gen-1 (tasks 0) left, and that is not there as expected');
  expect(said).toContain('g1/b_0: alongside: g1/b_0/data has 3 bytes; expected 6');
  // Another task of it does not make up for it.
  expect(await refused('retry', run, '--step', 'gen-1', '--tasks', '1')).toContain('name these tasks of gen-1, too');
  expect((await dry(run)).what).toBe('gen-1 0; hist-1');
  await answered('retry', run);
  await over();
  expect((await tiny.run(['sync', run])).exit).toBe(0);
});

test.each<[string, string, string, RegExp]>([
  ['arguments', join('launch', 'launch.yaml'), 'args: ["1"]', /launch\.yaml changed since/],
  ['the seed', 'design.yaml', 'walltime_estimate:', /design\.yaml changed since/],
])('with other %s nothing is run again', async (what, file, part, why) => {
  tiny = await make();
  fault('fail-hist-1');
  const run = await submitted();
  const path = join(tiny.iteration, file);
  const text = readFileSync(path, 'utf8');
  writeFileSync(path, text.replace(part, what === 'the seed' ? `seed: 7, ${part}` : 'args: ["2"]'));
  expect(await refused('retry', run, '--from', 'hist-1')).toMatch(why);
});
