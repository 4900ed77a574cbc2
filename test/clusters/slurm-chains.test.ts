import { chmodSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { journalOf } from '../support/artifacts.ts';
import type { Repo } from '../support/repo.ts';
import { makeRepo, until } from '../support/repo.ts';
import type { Slurm } from '../support/slurm.ts';
import { startSlurm } from '../support/slurm.ts';
import { oneTask, SLURM_POLICY } from './experiment.ts';

const LIMIT = 600_000;
/** Programs that get in the way stand here, first on the user's PATH; the real ones are in /usr/bin. */
const bin = mkdtempSync('/tmp/autolab-in-the-way-');
let slurm: Slurm;
let repo: Repo;
beforeAll(async () => {
  chmodSync(bin, 0o755);
  slurm = await startSlurm({}, bin);
}, LIMIT);
afterEach(async () => {
  rmSync(join(bin, 'sbatch'), { force: true });
  await slurm.run('scancel', '-u', slurm.user);
  await repo?.cleanup();
});
afterAll(async () => {
  await slurm?.close();
  rmSync(bin, { recursive: true, force: true });
}, LIMIT);

type Submitted = { run_id: string; state: string; note: string | null; steps: { step: string; job_id: string | null }[] };
type Told = { all_over: boolean; runs: { state: string; line: string; blocked: boolean }[] };

const STEPS = `schema_version: "1"
resources: { cpus: 1, memory: 100MB, walltime: "00:05:00" }
steps:
  - { name: gen-0, script: gen.sh, args: ["0"], array: { indices: "0-7", parallel: 4 } }
  - { name: hist-0, script: hist.sh, args: ["0"], after: [gen-0] }
  - { name: gen-1, script: gen.sh, args: ["1"], array: { indices: "0-7", parallel: 4 }, after: [hist-0] }
  - { name: hist-1, script: hist.sh, args: ["1"], after: [gen-1] }
`;
const GEN =
  'exec >"runs/../out.gen.$1.$SLURM_ARRAY_TASK_ID" 2>&1\necho "gen $1 $SLURM_ARRAY_TASK_ID" >>runs/../order; echo "task $SLURM_ARRAY_TASK_ID of $1 speaks"';

/** An array, what gathers it, and the same once more: the shape of the pipeline that this is for. */
function experiment(gen = GEN, launch = STEPS): Promise<Repo> {
  return makeRepo(
    SLURM_POLICY,
    (path) => {
      oneTask(path, 'echo unused');
      const folder = join(path, 'experiments', 'plan', 'penguins-softmax', 'launch');
      writeFileSync(join(folder, 'launch.yaml'), launch);
      writeFileSync(join(folder, 'gen.sh'), `#!/bin/bash\n${gen}\n`, { mode: 0o755 });
      writeFileSync(join(folder, 'hist.sh'), '#!/bin/bash\necho "hist $1" >>runs/../order\n', { mode: 0o755 });
    },
    slurm.identity,
  );
}
const told = () => repo.json<Told>('monitor');
const ended = () => until('it is over', async () => ((await told()).all_over ? (await told()).runs : undefined), 400);
const order = () => readFileSync(join(repo.iteration, 'order'), 'utf8').trim().split('\n');
const ids = ({ steps }: Submitted) => steps.map(({ job_id }) => job_id ?? 'none');
async function accounted(jobs: readonly string[]): Promise<string[]> {
  const { stdout } = await slurm.run('sacct', '-n', '-X', '-P', '-j', jobs.join(','), '-o', 'JobID,State,ExitCode');
  return stdout.trim().split('\n');
}

test('a pipeline of arrays and what gathers them runs in order, each task once', { timeout: LIMIT }, async () => {
  repo = await experiment();
  const submitted = await repo.json<Submitted>('submit');
  expect(submitted.steps.map(({ step }) => step)).toEqual(['gen-0', 'hist-0', 'gen-1', 'hist-1']);
  expect(await ended()).toMatchObject([
    {
      state: 'running',
      line: expect.stringContaining('gen-0 8/8 tasks done;hist-0 succeeded;gen-1 8/8 tasks done;hist-1 succeeded'),
    },
  ]);
  const tasks = (step: number) => Array.from({ length: 8 }, (_, task) => `gen ${step} ${task}`);
  const ran = order();
  expect([ran.slice(0, 8).sort(), ran[8], ran.slice(9, 17).sort(), ran[17]]).toEqual([tasks(0), 'hist 0', tasks(1), 'hist 1']);
  expect((await accounted(ids(submitted))).every((row) => row.includes('|COMPLETED|0:0'))).toBe(true);
});

test('one failed task ends the rest of the chain, and is told as its cause with the log it wrote elsewhere', {
  timeout: LIMIT,
}, async () => {
  repo = await experiment(`${GEN}\n[ "$1.$SLURM_ARRAY_TASK_ID" != 0.7 ] || { ls table.dat; sleep 0.3; exit 1; }`);
  const submitted = await repo.json<Submitted>('submit');
  const [run] = await ended();
  expect(run).toMatchObject({
    state: 'partial',
    line: expect.stringContaining('gen-0 7/8 tasks done, 1 failed: 7;hist-0 failed'),
  });
  expect(order().some((line) => line.startsWith('hist') || line.startsWith('gen 1'))).toBe(false);
  const { runs } = await repo.json<{ runs: { failure: object; task_list: { step: string; failure: string | null }[] }[] }>(
    'runs',
    submitted.run_id,
  );
  expect(runs[0]?.failure).toMatchObject({ class: 'exit_code', detail: 'step gen-0, task 7: exit code 1' });
  const others = runs[0]?.task_list.filter(({ step }) => step !== 'gen-0') ?? [];
  expect(new Set(others.map(({ failure }) => failure))).toEqual(new Set(['dependency']));
  // Slurm itself says CANCELLED with exit code 0:0 of all of them, and the file it knows is empty.
  expect((await accounted(ids(submitted).slice(1))).every((row) => /\|CANCELLED[^|]*\|0:0$/.test(row))).toBe(true);
  expect(await repo.json('logs', submitted.run_id)).toMatchObject({
    step: 'gen-0',
    task: 7,
    log_text: expect.stringContaining('table.dat'),
  });
});

test('while it waits and runs, a poll tells every task, and throttling is nothing wrong', { timeout: LIMIT }, async () => {
  repo = await experiment(`${GEN}; while [ ! -e runs/../go ]; do sleep 0.2; done`);
  const { run_id } = await repo.json<Submitted>('submit');
  const line = await until(
    'four run',
    async () => {
      const [run] = (await told()).runs;
      return run?.line.includes('4 running') ? run : undefined;
    },
    120,
  );
  expect(line).toMatchObject({
    state: 'running',
    blocked: false,
    line: expect.stringContaining('gen-0 0/8 tasks done, 4 running;hist-0 pending'),
  });
  const { runs } = await repo.json<{ runs: { task_list: { step: string; state: string; detail: string | null }[] }[] }>(
    'runs',
    run_id,
  );
  expect(runs[0]?.task_list.filter(({ step, state }) => step === 'gen-0' && state === 'pending')).toHaveLength(4);
  expect(runs[0]?.task_list.find(({ step }) => step === 'hist-0')?.detail).toContain('Dependency');
  writeFileSync(join(repo.iteration, 'go'), '');
  await ended();
});

test('a step that Slurm refuses takes the others back: nothing of the chain runs', { timeout: LIMIT }, async () => {
  repo = await experiment(GEN, STEPS);
  writeFileSync(
    join(bin, 'sbatch'),
    '#!/bin/bash\ncase " $* " in *" --test-only "*) ;; *gen-1*) set -- --partition=nowhere "${@//--partition=*/--qos=nowhere}" ;; esac\nexec /usr/bin/sbatch "$@"\n',
    { mode: 0o755 },
  );
  const submitted = await repo.json<Submitted>('submit');
  expect(submitted).toMatchObject({ state: 'failed', note: expect.stringContaining('the scheduler refused step gen-1') });
  const lines = journalOf(join(repo.iteration, 'runs', submitted.run_id));
  const rows = lines.map(({ event, step }) => `${event} ${step ?? ''}`.trim());
  expect(lines.some((line) => 'begun' in line)).toBe(false);
  expect(rows).toEqual(expect.arrayContaining(['refused gen-1', 'withdrawn gen-0', 'withdrawn hist-0', 'absent hist-1']));
  await until('the queue is empty', async () =>
    (await slurm.run('squeue', '-h', '-u', slurm.user)).stdout === '' ? true : undefined,
  );
  expect(existsSync(join(repo.iteration, 'order'))).toBe(false);
});

test('of a chain that is taken back, a step that somebody let go by hand counts as begun', { timeout: LIMIT }, async () => {
  repo = await experiment('sleep 300', STEPS);
  const free = 'scontrol release "$(squeue -h -u "$(id -un)" -o %A | sort -nu | head -1)"';
  const runs = 'until [ -n "$(squeue -h -t R -u "$(id -un)")" ]; do sleep 0.2; done';
  writeFileSync(
    join(bin, 'sbatch'),
    `#!/bin/bash\ncase " $* " in *" --test-only "*) ;; *gen-1*) ${free}; ${runs}; echo 'sbatch: error: invalid partition' >&2; exit 1 ;; esac\nexec /usr/bin/sbatch "$@"\n`,
    { mode: 0o755 },
  );
  const { run_id, state } = await repo.json<Submitted>('submit');
  const withdrawn = journalOf(join(repo.iteration, 'runs', run_id)).filter(({ event }) => event === 'withdrawn');
  expect([state, withdrawn.map(({ step, begun }) => [step, begun])]).toEqual([
    'failed',
    [
      ['gen-0', true],
      ['hist-0', undefined],
    ],
  ]);
});

test.each([
  ['the reply is lost', '/usr/bin/sbatch "$@" >/dev/null 2>&1; exit 1'],
  ['it dies after the job was taken', '/usr/bin/sbatch "$@" >/dev/null 2>&1; kill -9 $$'],
])('a step of which %s is found by its name, and the chain runs once', { timeout: LIMIT }, async (_what, lines) => {
  repo = await experiment();
  writeFileSync(
    join(bin, 'sbatch'),
    `#!/bin/bash\ncase " $* " in *" --test-only "*) ;; *hist-0*) ${lines} ;; esac\nexec /usr/bin/sbatch "$@"\n`,
    { mode: 0o755 },
  );
  const submitted = await repo.json<Submitted>('submit');
  expect(ids(submitted).every((id) => /^\d+$/.test(id))).toBe(true);
  await ended();
  expect(order()).toHaveLength(18);
  expect(new Set(order()).size).toBe(18);
});

test('the failed task runs again as if it had been there from the start, and the chain goes on from it', {
  timeout: LIMIT,
}, async () => {
  // As real pipelines do, each task takes its share by the width of the array.
  const share =
    'echo "gen $1 $SLURM_ARRAY_TASK_ID share $((3200 / (SLURM_ARRAY_TASK_MAX + 1))) of $SLURM_ARRAY_TASK_COUNT" >>runs/../order; echo "attempt $AUTOLAB_ATTEMPT"';
  repo = await experiment(`${share}\n[ "$1.$SLURM_ARRAY_TASK_ID" != 0.3 ] || [ -e runs/../mended ]`);
  const { run_id } = await repo.json<Submitted>('submit');
  const [run] = await ended();
  expect(run?.line).toContain('gen-0 7/8 tasks done, 1 failed: 3;hist-0 failed');
  writeFileSync(join(repo.iteration, 'mended'), '');
  rmSync(join(repo.iteration, 'order'));
  const retried = await repo.json<{ attempt: number; what: string; state: string }>('retry', run_id);
  expect(retried).toMatchObject({ attempt: 2, what: 'gen-0 3; hist-0; gen-1 0-7; hist-1', state: 'submitted' });
  expect(await ended()).toMatchObject([
    {
      state: 'running',
      line: expect.stringContaining('gen-0 8/8 tasks done;hist-0 succeeded;gen-1 8/8 tasks done;hist-1 succeeded'),
    },
  ]);
  const log = (...args: string[]) => repo.json('logs', run_id, '--step', 'gen-0', '--task', '3', ...args);
  expect(await log('--attempt', '1')).toMatchObject({
    file: expect.stringMatching(/gen-0\.3\.out$/),
    log_text: expect.stringContaining('attempt 1'),
  });
  expect(await log()).toMatchObject({
    file: expect.stringMatching(/gen-0\.3\.attempt-2\.out$/),
    log_text: expect.stringContaining('attempt 2'),
  });
  const ran = order();
  expect(ran.slice(0, 2)).toEqual(['gen 0 3 share 400 of 8', 'hist 0']);
  expect(ran.slice(2, 10).every((line) => line.endsWith('share 400 of 8'))).toBe(true);
  expect(ran.slice(10)).toEqual(['hist 1']);
  expect((await repo.autolab('audit', 'verify')).exit).toBe(0);
});

test('after out of memory the double is asked for, and only of what ran out', { timeout: LIMIT }, async () => {
  const launch = 'schema_version: "1"\nresources: { cpus: 1, memory: 60MB, walltime: "00:05:00" }\narray: { indices: "0-3" }\n';
  repo = await experiment('unused', launch);
  writeFileSync(
    join(repo.iteration, 'launch', 'run_slurm.sbatch'),
    '#!/bin/bash\n[ "$SLURM_ARRAY_TASK_ID" = 2 ] || exit 0\n[ ! -e runs/../mended ] || exec sleep 600\nexec perl -e \'$x = "x" x 400_000_000; sleep 60\'\n',
  );
  const { run_id } = await repo.json<Submitted>('submit');
  const [run] = await ended();
  expect(run?.line).toContain('3/4 tasks done, 1 failed: 2');
  const { runs } = await repo.json<{ runs: { failure: { class: string } }[] }>('runs', run_id);
  expect(runs[0]?.failure.class).toBe('out_of_memory');
  expect(await repo.json('retry', run_id, '--dry-run')).toMatchObject({ what: 'main 2 with memory 60 → 120 MB' });
  // What fits and goes on until it is cancelled is seen running by whoever looks.
  writeFileSync(join(repo.iteration, 'mended'), '');
  expect(await repo.json('retry', run_id)).toMatchObject({ attempt: 2, state: 'submitted' });
  await until('it is seen at the scheduler', async () => ((await told()).runs[0]?.state === 'running' ? true : undefined), 60);
  await repo.autolab('cancel', run_id);
  await ended();
});
