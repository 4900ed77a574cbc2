import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import type { Repo } from '../support/repo.ts';
import { makeRepo, until } from '../support/repo.ts';
import type { Slurm } from '../support/slurm.ts';
import { startSlurm } from '../support/slurm.ts';
import { ITERATION, oneTask, SLURM_POLICY } from './experiment.ts';

const LIMIT = 600_000;
let slurm: Slurm;
let repo: Repo;
beforeAll(async () => {
  slurm = await startSlurm({});
}, LIMIT);
afterEach(async () => {
  await slurm.run('scancel', '-u', slurm.user);
  await repo?.cleanup();
});
afterAll(() => slurm?.close(), LIMIT);

type Told = { all_over: boolean; problems: string[]; runs: { state: string; line: string }[] };
type Runs = { runs: { task_list: { step: string; failure: string | null; detail: string | null }[] }[] };
const told = () => repo.json<Told>('monitor');
const ended = () => until('it is over', async () => ((await told()).all_over ? true : undefined), 300);
const put = (path: string, text: string) => writeFileSync(join(repo.path, path), text);
const CONFIG = `${ITERATION}/updated_config.json`;
const WAIT = 'while [ ! -e runs/../go ]; do sleep 0.2; done';
const GEN = `#!/bin/bash
mkdir -p "runs/$RUN_ID"
touch "runs/$RUN_ID/begun.$SLURM_ARRAY_TASK_ID"
${WAIT}
bash ../../../lib/answer.sh >"runs/$RUN_ID/answer.$SLURM_ARRAY_TASK_ID"
cat ../../../data/more >>"runs/$RUN_ID/answer.$SLURM_ARRAY_TASK_ID"
`;
const HIST =
  '#!/bin/bash\ncd "$SLURM_SUBMIT_DIR" && cat runs/"$RUN_ID"/answer.* >"runs/$RUN_ID/all" && bash ../../../lib/answer.sh >>"runs/$RUN_ID/all"\n';
const LAUNCH = `schema_version: "1"
resources: { cpus: 1, memory: 100MB, walltime: "00:05:00" }
inputs: ["${CONFIG}"]
steps:
  - { name: gen, script: gen.sh, array: { indices: "0-1" } }
  - { name: hist, script: hist.sh, after: [gen] }
  - { name: last, script: hist.sh, after: [hist] }
`;

/** Submitted, and both tasks of the array wait for `go`. */
async function start(): Promise<string> {
  repo = await makeRepo(
    SLURM_POLICY,
    (path) => {
      oneTask(path, 'echo unused');
      for (const folder of ['lib', 'data']) mkdirSync(join(path, folder), { recursive: true });
      writeFileSync(join(path, 'lib', 'answer.sh'), 'echo 42\n');
      writeFileSync(join(path, 'data', 'more'), 'data\n');
      writeFileSync(join(path, CONFIG), '1\n');
      writeFileSync(join(path, '.gitignore'), '/data/more\nupdated_config.json\n');
      for (const [name, text] of Object.entries({ 'launch.yaml': LAUNCH, 'gen.sh': GEN, 'hist.sh': HIST }))
        writeFileSync(join(path, ITERATION, 'launch', name), text, { mode: 0o755 });
    },
    slurm.identity,
  );
  const { run_id } = await repo.json<{ run_id: string }>('submit');
  await until('both tasks run', async () => (await told()).runs[0]?.line.includes('2 running') || undefined, 200);
  // A job runs before its script does: what it is of is looked at in between.
  const begun = (task: number) => existsSync(join(repo.iteration, 'runs', run_id, `begun.${task}`));
  await until('both scripts run', async () => (begun(0) && begun(1)) || undefined, 200);
  return run_id;
}

test('jobs that wait and run are of the code as it was submitted, as a user without privileges', { timeout: LIMIT }, async () => {
  const run = await start();
  put('lib/answer.sh', 'echo 43\n');
  put(`${ITERATION}/launch/hist.sh`, '#!/bin/bash\nexit 1\n');
  put(`${ITERATION}/go`, '');
  await ended();
  expect(readFileSync(join(repo.iteration, 'runs', run, 'all'), 'utf8')).toBe('42\ndata\n42\ndata\n42\n');
  expect(await repo.json('sync', run)).toMatchObject({ sync: 'ok', note: null });
  const code = join(repo.path, '.autolab', 'gate', 'code');
  const file = join(code, readdirSync(code)[0] ?? '', 'tree', 'lib', 'answer.sh');
  expect(statSync(file).mode & 0o222).toBe(0);
  // A job cannot write it by accident; who means to is found out.
  writeFileSync(file, 'echo 4x\n');
  expect(await repo.autolab('extract', run)).toMatchObject({
    exit: 1,
    stderr: expect.stringContaining('lib/answer.sh was changed'),
  });
});

test('a configuration that changes while jobs wait stops what has not begun, and what depends on it', {
  timeout: LIMIT,
}, async () => {
  const run = await start();
  put(CONFIG, '2\n');
  expect((await told()).problems).toEqual([expect.stringContaining(`${run}: drift: input ${CONFIG}`)]);
  put(`${ITERATION}/go`, '');
  await ended();
  const [its] = (await repo.json<Runs>('runs', run)).runs;
  const failures = its?.task_list.map(({ step, failure }) => `${step}: ${failure}`).sort();
  expect(failures).toEqual(['gen: null', 'gen: null', 'hist: drift', 'last: dependency']);
  expect(its?.task_list.find(({ step }) => step === 'hist')?.detail).toContain(CONFIG);
});
