import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, expect, test } from 'vitest';
import { asking } from '../support/asking.ts';
import { makeChain } from '../support/chains.ts';
import { until } from '../support/repo.ts';
import type { Tiny } from '../support/tiny.ts';
import { forgetTemplate } from '../support/tiny.ts';

let tiny: Tiny;
afterEach(() => tiny?.remove());
afterAll(forgetTemplate);

type Told = { all_over: boolean; problems: string[]; runs: { line: string }[] };
type Runs = { runs: { task_list: { step: string; state: string; failure: string | null; detail: string | null }[] }[] };

const { answered, order } = asking(() => tiny);
const told = () => answered<Told>('monitor');
const over = () => until('it is over', async () => ((await told()).all_over ? true : undefined));
const CONFIG = 'experiments/plan/tiny/updated_config.yaml';
const write = (text: string) => writeFileSync(join(tiny.path, CONFIG), text);
const go = () => writeFileSync(join(tiny.iteration, 'go'), '');
/** An array whose tasks wait for `go`, what gathers it, and what comes after that. */
const LAUNCH = `schema_version: "1"
site: local
resources: { cpus: 1, memory: 50MB, walltime: "00:10:00" }
inputs: ["experiments/plan/tiny/updated_*.yaml"]
steps:
  - { name: gen, script: gen.sh, array: { indices: "0-1" } }
  - { name: hist, script: hist.sh, after: [gen] }
  - { name: tidy, script: tidy.sh, after: [hist] }
`;
const WAITS = 'echo "gen $AUTOLAB_TASK_INDEX" >>runs/../order; while [ -d launch ] && [ ! -e runs/../go ]; do sleep 0.05; done\n';

async function start(launch = LAUNCH): Promise<string> {
  tiny = await makeChain({ gen: WAITS }, launch);
  writeFileSync(join(tiny.path, '.gitignore'), 'updated_*.yaml\n');
  write('seed: 1\n');
  const { run_id } = await answered<{ run_id: string }>('submit');
  await until('both tasks have begun', async () => {
    await told();
    return (await answered<Told>('runs', run_id)).runs[0]?.line.includes('2 running') || undefined;
  });
  return run_id;
}

test('a configuration that changes while jobs wait is told, and stops what has not begun, and what depends on it', async () => {
  const run = await start();
  expect((await told()).problems).toEqual([]);
  write('seed: 2\n');
  expect((await told()).problems).toEqual([
    `${run}: drift: input ${CONFIG} is not what it was at the submission; tasks that have not begun end for that`,
  ]);
  go();
  await over();
  expect(order().sort()).toEqual(['gen 0', 'gen 1']);
  const [its] = (await answered<Runs>('runs', run)).runs;
  expect(its?.task_list.map(({ step, failure }) => [step, failure])).toEqual([
    ['hist', 'drift'],
    ['tidy', 'dependency'],
    ['gen', null],
    ['gen', null],
  ]);
  expect(its?.task_list[0]?.detail).toBe(`its input ${CONFIG} is not what it was at the submission`);
  // What ran is of the one, and what would be run now of the other.
  expect(await tiny.run(['retry', run])).toMatchObject({ exit: 1, stderr: expect.stringContaining(`${CONFIG} changed since`) });
  write('seed: 1\n');
  expect((await tiny.run(['retry', run])).exit).toBe(0);
  await over();
  expect(order().slice(2)).toEqual(['hist', 'tidy']);
});

test('one that is put back in time, or written with the same words, stops nothing', async () => {
  const run = await start();
  write('seed: 2\n');
  write('seed: 1\n');
  expect((await told()).problems).toEqual([]);
  go();
  await over();
  expect(order().slice(2)).toEqual(['hist', 'tidy']);
  write('seed: 3\n');
  expect(await answered('sync', run)).toMatchObject({
    sync: 'ok',
    note: expect.stringContaining(`these inputs have changed: ${CONFIG}`),
  });
});

test('an input that git would add is in the snapshot, and may be edited', async () => {
  const run = await start(LAUNCH.replace('updated_*.yaml', 'launch/gen.sh'));
  writeFileSync(join(tiny.iteration, 'launch', 'gen.sh'), '#!/bin/sh\nexit 1\n');
  expect((await told()).problems).toEqual([]);
  go();
  await over();
  expect((await answered<Told>('runs', run)).runs[0]?.line).toContain('hist succeeded');
});

test('code of a live run that changes while tasks wait is told', async () => {
  const run = await start(`${LAUNCH}code: live\n`);
  writeFileSync(join(tiny.path, 'parse.sh'), 'echo\n');
  writeFileSync(join(tiny.path, '.gitignore'), '*.log\n');
  expect((await told()).problems).toEqual([
    `${run}: drift: .gitignore changed since the submission, and tasks that have not begun will run that (code: live)`,
  ]);
  go();
  await over();
});

test('while a run of an iteration is active, a second with another configuration is not submitted', async () => {
  const run = await start();
  write('seed: 2\n');
  const second = await answered<{ run_id: string; already: boolean; note: string }>('submit');
  expect(second).toMatchObject({ run_id: run, already: true, note: expect.stringContaining('Let it end or cancel_run it') });
  go();
  await over();
});

test.each([
  ['inputs: ["none.yaml"]', /"none.yaml" names no file/],
  ['inputs: ["../x"]', /without \.\./],
  ['inputs: [".autolab/*.yaml"]', /"\.autolab\/[\w.]+" is in \.autolab, which changes while runs wait/],
  ['inputs: []', /inputs/],
])('%s is refused', async (line, why) => {
  tiny = await makeChain({}, LAUNCH.replace(/^inputs.*$/m, line));
  expect(await tiny.run(['submit', '--dry-run'])).toMatchObject({ exit: 1, stderr: expect.stringMatching(why) });
});
