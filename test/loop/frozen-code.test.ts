import { chmodSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, expect, test } from 'vitest';
import { journalOf } from '../support/artifacts.ts';
import { asking } from '../support/asking.ts';
import { until } from '../support/repo.ts';
import type { Tiny } from '../support/tiny.ts';
import { forgetTemplate, makeTiny } from '../support/tiny.ts';

let tiny: Tiny;
afterEach(() => tiny?.remove());
afterAll(forgetTemplate);

type Submitted = { run_id: string; code: string };
type Synced = { sync: string; missing: string[]; note: string | null };
type Told = { all_over: boolean; problems: string[]; runs: { line: string }[] };

const { answered } = asking(() => tiny);
const over = () => until('it is over', async () => ((await answered<Told>('monitor')).all_over ? true : undefined));
const file = (...path: string[]) => join(tiny.path, ...path);
const snapshots = () => readdirSync(file('.autolab', 'gate', 'code')).sort();

/** What it computes is said in lib/answer.sh, which it calls by a path from its own folder on; it begins to look when it is let. */
const SCRIPT = `#!/bin/sh
#SBATCH --time=00:01:00
while [ -d launch ] && [ ! -e runs/../go ]; do sleep 0.05; done
mkdir -p "runs/$AUTOLAB_RUN_ID"
sh ../../../lib/answer.sh >"runs/$AUTOLAB_RUN_ID/answer"
cat ../../../data/big >>"runs/$AUTOLAB_RUN_ID/answer"
`;

const PARSER = `printf '{"metrics":{"schema_version":"1.0","iteration_id":"tiny","run_id":"%s","status":"completed","primary_metric":{"name":"executions","value":1,"delta_vs_baseline":1}}}' "$1"
`;
const edit = (path: string, change: (text: string) => string) => writeFileSync(path, change(readFileSync(path, 'utf8')));

function makeFrozen(launch = '', script = SCRIPT): Promise<Tiny> {
  return makeTiny((path) => {
    for (const folder of ['lib', 'data']) mkdirSync(join(path, folder));
    writeFileSync(join(path, 'lib', 'answer.sh'), 'echo 42\n');
    writeFileSync(join(path, 'data', 'big'), 'data\n');
    writeFileSync(join(path, '.gitignore'), 'data/\nconfig.yaml\n');
    const folder = join(path, 'experiments', 'plan', 'tiny', 'launch');
    writeFileSync(join(folder, 'run_local.sh'), script, { mode: 0o755 });
    edit(join(path, '.autolab', 'verifier_policy.yaml'), (text) => `${text}  allow: { commands: [[sh, parse.sh]] }\n`);
    edit(join(folder, '..', 'design.yaml'), (text) => text.replace('cat metrics.json', 'sh parse.sh {run_id}'));
    writeFileSync(join(path, 'parse.sh'), PARSER);
    writeFileSync(join(folder, 'launch.yaml'), `schema_version: "1"\nsite: local\n${launch}`);
  });
}
const go = () => writeFileSync(join(tiny.iteration, 'go'), '');
const answer = (run: string) => readFileSync(join(tiny.iteration, 'runs', run, 'answer'), 'utf8');

test('a run is of the code as it was submitted, whatever is edited while it waits; data and results are where they are', async () => {
  tiny = await makeFrozen();
  const { run_id } = await answered<Submitted>('submit');
  writeFileSync(file('lib', 'answer.sh'), 'echo 43\n');
  writeFileSync(file('data', 'big'), 'more\n');
  go();
  await over();
  expect(answer(run_id)).toBe('42\nmore\n');
  expect(snapshots()).toHaveLength(1);
  expect(journalOf(join(tiny.iteration, 'runs', run_id))[0]).toMatchObject({ event: 'intent', code: { id: snapshots()[0] } });
});

test('one byte changed after submit is found before metrics are accepted, and so is a file that has gone', async () => {
  tiny = await makeFrozen();
  const { run_id } = await answered<Submitted>('submit');
  const frozen = file('.autolab', 'gate', 'code', snapshots()[0] ?? '', 'tree', 'lib', 'answer.sh');
  chmodSync(frozen, 0o644);
  writeFileSync(frozen, 'echo 41\n');
  go();
  await over();
  const synced = await answered<Synced>('sync', run_id);
  expect(synced).toMatchObject({
    sync: 'failed',
    missing: ['drift: of the code it executed, lib/answer.sh was changed'],
  });
  rmSync(frozen);
  expect((await answered<Synced>('sync', run_id)).missing).toEqual(['drift: of the code it executed, lib/answer.sh is gone']);
  expect((await tiny.run(['extract', run_id])).exit).toBe(1);
  writeFileSync(frozen, 'echo 42\n', { mode: 0o444 });
  expect(await answered<Synced>('sync', run_id)).toMatchObject({ sync: 'ok', note: null });
  // Between the two looks, too.
  chmodSync(frozen, 0o644);
  writeFileSync(frozen, 'echo 4x\n');
  const extracted = await tiny.run(['extract', run_id]);
  expect(extracted).toMatchObject({ exit: 1, stderr: expect.stringContaining('lib/answer.sh was changed') });
  expect(extracted.stderr).toContain('again: true');
  writeFileSync(frozen, 'echo 42\n');
  expect((await tiny.run(['extract', run_id])).exit).toBe(0);
});

test('runs of the same code share a snapshot, another code shares what is the same, and what no run needs is taken away', async () => {
  tiny = await makeFrozen('', SCRIPT.replace(/^while.*$/m, ':'));
  const ids: string[] = [];
  for (const change of [() => {}, () => {}, () => writeFileSync(file('lib', 'answer.sh'), 'echo 43\n')]) {
    change();
    ids.push((await answered<Submitted>('submit', '--again')).run_id);
    await over();
  }
  expect(ids.map(answer)).toEqual(['42\ndata\n', '42\ndata\n', '43\ndata\n']);
  const kept = snapshots();
  expect(kept).toHaveLength(2);
  const inodes = (path: string) => kept.map((id) => statSync(file('.autolab/gate/code', id, 'tree', path)).ino);
  expect([new Set(inodes('.gitignore')).size, new Set(inodes('lib/answer.sh')).size]).toEqual([1, 2]);
  for (const id of ids) for (const step of ['sync', 'extract']) expect((await tiny.run([step, id])).exit).toBe(0);
  // A submission cut off in between leaves something half made.
  mkdirSync(file('.autolab/gate/code/.making-0/tree'), { recursive: true });
  writeFileSync(file('lib', 'answer.sh'), 'echo 44\n');
  const { run_id } = await answered<Submitted>('submit', '--again');
  await over();
  expect(answer(run_id)).toBe('44\ndata\n');
  expect(snapshots()).toHaveLength(1);
  expect(readFileSync(file('data', 'big'), 'utf8')).toBe('data\n');
});

test('what a run leaves beside its code is told, and its snapshot stays', async () => {
  tiny = await makeFrozen('', SCRIPT.replace(/^while.*$/m, 'echo lost >beside.txt'));
  const { run_id } = await answered<Submitted>('submit');
  await over();
  const { sync, note } = await answered<Synced>('sync', run_id);
  expect([sync, note]).toEqual(['ok', expect.stringContaining('it has left experiments/plan/tiny/beside.txt')]);
  expect((await tiny.run(['extract', run_id])).exit).toBe(0);
  writeFileSync(file('lib', 'answer.sh'), 'echo 43\n');
  await answered<Submitted>('submit', '--again');
  await over();
  expect(snapshots()).toHaveLength(2);
});

test('a retry runs in the snapshot of its run, and in an equal one where that has gone', async () => {
  tiny = await makeFrozen('', `${SCRIPT.replace(/^while.*$/m, ':')}[ -e runs/../mended ]\n`);
  const { run_id } = await answered<Submitted>('submit');
  await over();
  const codes = () =>
    journalOf(join(tiny.iteration, 'runs', run_id)).flatMap(({ event, code }) => (event === 'intent' ? [code] : []));
  expect((await tiny.run(['retry', run_id])).exit).toBe(0);
  await over();
  rmSync(file('.autolab', 'gate', 'code'), { recursive: true });
  writeFileSync(join(tiny.iteration, 'mended'), '');
  expect((await tiny.run(['retry', run_id])).exit).toBe(0);
  await over();
  const [first, second, third] = codes();
  expect(second).toEqual(first);
  expect(third).toBeDefined();
  expect(answer(run_id)).toBe('42\ndata\n');
  expect((await answered<Synced>('sync', run_id)).sync).toBe('ok');
});

test('where the snapshot of a run has gone, the code of its iteration is not taken for the same either', async () => {
  const script = `${SCRIPT.replace(/^while.*$/m, ':').replace('sh ../../../lib/answer.sh', 'sh own.sh')}[ -e runs/../mended ]\n`;
  tiny = await makeFrozen('', script);
  writeFileSync(join(tiny.iteration, 'own.sh'), 'echo 1\n');
  const { run_id } = await answered<Submitted>('submit');
  await over();
  writeFileSync(join(tiny.iteration, 'own.sh'), 'echo 2\n');
  // In the snapshot that is there nothing else runs.
  expect((await tiny.run(['retry', run_id, '--dry-run'])).exit).toBe(0);
  rmSync(file('.autolab', 'gate', 'code'), { recursive: true });
  const { exit, stderr } = await tiny.run(['retry', run_id]);
  expect([exit, stderr]).toEqual([1, expect.stringMatching(/snapshot of run \S+ is gone or altered.*own\.sh changed since/)]);
  writeFileSync(join(tiny.iteration, 'own.sh'), 'echo 1\n');
  expect((await tiny.run(['retry', run_id])).exit).toBe(0);
  await over();
});

test('the runs of a group and the steps of a chain are each of one snapshot', async () => {
  const steps = 'steps:\n  - { name: one, script: one.sh }\n  - { name: two, script: two.sh, after: [one] }\n';
  tiny = await makeFrozen(steps);
  for (const name of ['one', 'two'])
    writeFileSync(
      join(tiny.iteration, 'launch', `${name}.sh`),
      SCRIPT.replaceAll('/answer', `/${name}`).replace(`lib/${name}`, 'lib/answer'),
      { mode: 0o755 },
    );
  const { run_id } = await answered<Submitted>('submit');
  writeFileSync(file('lib', 'answer.sh'), 'echo 43\n');
  go();
  await over();
  expect(['one', 'two'].map((name) => readFileSync(join(tiny.iteration, 'runs', run_id, name), 'utf8'))).toEqual([
    '42\ndata\n',
    '42\ndata\n',
  ]);
  expect(snapshots()).toHaveLength(1);
});

test('code: live executes the repository as it is then, which monitor and sync tell; without git nothing else can be', async () => {
  tiny = await makeFrozen('code: live\n');
  expect((await answered<Submitted>('submit', '--dry-run')).code).toBe('the code as it is when it runs, as launch.yaml says');
  const { run_id } = await answered<Submitted>('submit');
  writeFileSync(file('lib', 'answer.sh'), 'echo 43\n');
  go();
  await over();
  expect(answer(run_id)).toBe('43\ndata\n');
  expect(existsSync(file('.autolab', 'gate', 'code'))).toBe(false);
  const { sync, note } = await answered<Synced>('sync', run_id);
  expect([sync, note]).toEqual(['ok', expect.stringContaining('which of the two ran is not known: lib/answer.sh')]);
  rmSync(file('.git'), { recursive: true });
  writeFileSync(join(tiny.iteration, 'launch', 'launch.yaml'), 'schema_version: "1"\nsite: local\n');
  expect((await answered<Submitted>('submit', '--dry-run')).code).toMatch(/no snapshot can be taken \(.*not a git repository/);
  writeFileSync(join(tiny.iteration, 'launch', 'launch.yaml'), 'schema_version: "1"\nsite: local\ncode: snapshot\n');
  expect(await tiny.run(['submit', '--dry-run'])).toMatchObject({ exit: 1, stderr: expect.stringContaining('git init') });
});
