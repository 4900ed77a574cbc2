import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, expect, test } from 'vitest';
import { journalOf } from '../support/artifacts.ts';
import { until } from '../support/repo.ts';
import type { Tiny } from '../support/tiny.ts';
import { forgetTemplate, makeTiny } from '../support/tiny.ts';

let tiny: Tiny;
afterEach(() => tiny?.remove());
afterAll(forgetTemplate);

type Submitted = { run_id: string; code: string };
type Told = { all_over: boolean; problems: string[]; runs: { line: string }[] };

async function answered<T>(...args: string[]): Promise<T> {
  const done = await tiny.run([...args, '--json']);
  if (done.stdout === '') throw new Error(done.stderr);
  return JSON.parse(done.stdout) as T;
}
const over = () => until('it is over', async () => ((await answered<Told>('monitor')).all_over ? true : undefined));
const file = (...path: string[]) => join(tiny.path, ...path);
const snapshots = () => readdirSync(file('.autolab', 'gate', 'code')).sort();

/** What it computes is said in lib/answer.sh, which it calls by a path from its own folder on; it begins to look when it is let. */
const SCRIPT = `#!/bin/sh
#SBATCH --time=00:01:00
echo begun >runs/../begun
while [ -d launch ] && [ ! -e runs/../go ]; do sleep 0.05; done
mkdir -p "runs/$AUTOLAB_RUN_ID"
sh ../../../lib/answer.sh >"runs/$AUTOLAB_RUN_ID/answer"
cat ../../../data/big >>"runs/$AUTOLAB_RUN_ID/answer"
`;

function makeFrozen(launch = '', script = SCRIPT): Promise<Tiny> {
  return makeTiny((path) => {
    for (const folder of ['lib', 'data']) mkdirSync(join(path, folder));
    writeFileSync(join(path, 'lib', 'answer.sh'), 'echo 42\n');
    writeFileSync(join(path, 'data', 'big'), 'data\n');
    writeFileSync(join(path, '.gitignore'), 'data/\nconfig.yaml\n');
    const folder = join(path, 'experiments', 'plan', 'tiny', 'launch');
    writeFileSync(join(folder, 'run_local.sh'), script, { mode: 0o755 });
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
