import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import type { Repo } from '../support/repo.ts';
import { makeRepo, until } from '../support/repo.ts';
import type { Slurm } from '../support/slurm.ts';
import { startSlurm } from '../support/slurm.ts';
import { oneTask, SLURM_POLICY } from './experiment.ts';

const LIMIT = 600_000;
let slurm: Slurm;
let repo: Repo;
beforeAll(async () => {
  slurm = await startSlurm();
}, LIMIT);
afterEach(async () => {
  await slurm.run('scancel', '-u', slurm.user);
  await repo?.cleanup();
});
afterAll(() => slurm?.close(), LIMIT);

type Told = {
  all_over: boolean;
  problems: string[];
  runs: { state: string; line: string; blocked: boolean; next_tool: string | null; next: string }[];
};
type Submitted = { run_id: string; state: string; price: { cpu_hours: number } };

const POLICY = SLURM_POLICY.replace('  allow:\n', '    children: { per_run: 12 }\n  allow:\n');
const LAUNCH = `schema_version: "1"
resources: { cpus: 1, memory: 100MB, walltime: "00:10:00" }
submits: { jobs: 5, each: { cpus: 1, memory: 100MB, walltime: "00:05:00", array_tasks: 4 } }
`;
/** Two steps of an array and what gathers it, all submitted at once, each waiting for the one before. */
const MASTER = `cd launch
previous=
for step in 0 1; do
  gen=$(sbatch --parsable $previous gen.sh $step) || exit 3
  answer=$(sbatch --dependency=afterok:$gen --kill-on-invalid-dep=yes hist.sh $step) || exit 4
  hist=\${answer##* }
  previous="--dependency=afterok:$hist --kill-on-invalid-dep=yes"
done
echo "last $hist"`;
const GEN =
  '#SBATCH --job-name=gen\n#SBATCH --array=0-3%2\n#SBATCH --time=00:02:00\necho "gen $1 $SLURM_ARRAY_TASK_ID" >>../runs/../order';
const HIST = '#SBATCH -J hist\necho "hist $1" >>../runs/../order';

function experiment({ master = MASTER, gen = GEN, launch = LAUNCH, policy = POLICY } = {}): Promise<Repo> {
  return makeRepo(
    policy,
    (path) => {
      oneTask(path, master);
      const folder = join(path, 'experiments', 'plan', 'penguins-softmax', 'launch');
      writeFileSync(join(folder, 'launch.yaml'), launch);
      writeFileSync(join(folder, 'gen.sh'), `#!/bin/bash -l\n${gen}\n`, { mode: 0o755 });
      writeFileSync(join(folder, 'hist.sh'), `#!/bin/bash\n${HIST}\n`, { mode: 0o755 });
    },
    slurm.identity,
  );
}
const told = () => repo.json<Told>('monitor');
const ended = () =>
  until(
    'it is over',
    async () => {
      const now = await told();
      return now.all_over ? now.runs : undefined;
    },
    400,
  );
const order = () => readFileSync(join(repo.iteration, 'order'), 'utf8').trim().split('\n');

const queued = async () =>
  (await slurm.run('squeue', '-h', '-a', '-u', slurm.user, '-o', '%i')).stdout.trim().split('\n').filter(Boolean);
type Child = {
  job_id: string | null;
  role: string;
  state: string;
  after: string[];
  submitted_by: string | null;
  detail: string | null;
};
async function tree(run_id: string): Promise<Child[]> {
  const { runs } = await repo.json<{ runs: { children?: Child[] }[] }>('runs', run_id);
  return runs[0]?.children ?? [];
}
async function refusal(...args: string[]): Promise<string> {
  const { exit, stdout, stderr } = await repo.autolab(...args);
  expect(exit).toBe(1);
  return stdout + stderr;
}

test('by default a script that submits is refused, declared or not, and told how to go on', { timeout: LIMIT }, async () => {
  repo = await experiment({ launch: LAUNCH.replace(/^submits.*\n/m, '') });
  const seen = await refusal('submit');
  expect(seen).toMatch(/^script_submits: .*run_slurm\.sbatch line \d+ calls sbatch/);
  expect(seen).toContain('steps: [{ name: gen, script: gen.sh }, { name: hist, script: hist.sh, after: [gen] }]');
  await repo.cleanup();
  repo = await experiment({ policy: SLURM_POLICY });
  const declared = await refusal('submit');
  expect(declared).toMatch(
    /deny\s+limits\.children\.per_run \[.*\]: scripts of one run may submit 5 jobs by themselves; the policy allows none/,
  );
  expect(declared).toContain('write what they submit as steps');
  await repo.cleanup();
  repo = await experiment({ launch: LAUNCH.replace('jobs: 5', 'jobs: 13') });
  expect(await refusal('submit')).toContain('may submit 13 jobs by themselves; the policy allows at most 12');
  expect(await queued()).toEqual([]);
});

test('a master and all that it submitted are one run, which is over when all of it is', { timeout: LIMIT }, async () => {
  repo = await experiment();
  const { price } = await repo.json<Submitted>('submit', '--dry-run');
  // Ten minutes of its own, and five jobs of four tasks of five minutes.
  expect(price.cpu_hours).toBeCloseTo(10 / 60 + (5 * 4 * 5) / 60, 5);
  const { run_id } = await repo.json<Submitted>('submit');
  expect(await repo.json('submit')).toMatchObject({ already: true, run_id });
  const [run] = await ended();
  expect(run).toMatchObject({ state: 'running', line: expect.stringMatching(/children: 4 done \(every task has ended well/) });
  const steps = ['gen 0', 'gen 0', 'gen 0', 'gen 0', 'hist 0', 'gen 1', 'gen 1', 'gen 1', 'gen 1', 'hist 1'];
  expect(order().map((line) => line.replace(/^(gen \d) \d$/, '$1'))).toEqual(steps);
  const all = await tree(run_id);
  expect(all.map(({ role, state }) => `${role} ${state}`)).toEqual(['gen done', 'hist done', 'gen done', 'hist done']);
  expect(all.slice(1).map(({ after }) => after)).toEqual(all.slice(0, 3).map(({ job_id }) => [job_id]));
  // The output of sbatch went through as it was.
  expect((await repo.json<{ log_text: string }>('logs', run_id)).log_text).toContain(`last ${all[3]?.job_id}`);
  expect((await repo.autolab('audit', 'verify')).exit).toBe(0);
});

test('above the bound nothing is submitted, which is no success whatever the script makes of it', {
  timeout: LIMIT,
}, async () => {
  const master = `set +e
cd launch
sbatch --hold gen.sh 0
sbatch --time=6 hist.sh 0 || echo "said $?"
sbatch --array=0-4 gen.sh 0
sbatch hist.sh 0
sbatch hist.sh 1
true`;
  repo = await experiment({ master, launch: LAUNCH.replace('jobs: 5', 'jobs: 2') });
  const { run_id } = await repo.json<Submitted>('submit');
  const run = await until(
    'the calls are seen',
    async () => {
      const [now] = (await told()).runs;
      return now?.line.includes('3 failed') ? now : undefined;
    },
    120,
  );
  expect(run.line).toMatch(/3 failed: call no\.1 hist, call no\.2 gen, call no\.3 hist/);
  expect((await tree(run_id)).flatMap(({ detail, state }) => (state === 'failed' ? [detail] : []))).toEqual([
    expect.stringContaining('--time=6 is more than the 5 minutes'),
    expect.stringContaining('--array=0-4 (5 tasks) is more than the 4 tasks'),
    expect.stringContaining('launch.yaml declares 2 jobs (submits.jobs), and as many were submitted'),
  ]);
  await repo.autolab('cancel', run_id);
  expect((await ended())[0]?.state).toBe('partial');
  expect(order()).toEqual(['hist 0']);
});

test('a child that fails is the cause, and what waits for it for ever is told, with the command that ends it', {
  timeout: LIMIT,
}, async () => {
  const master = `cd launch
gen=$(sbatch --parsable gen.sh 0)
sbatch --dependency=afterok:$gen --kill-on-invalid-dep=no hist.sh 0`;
  repo = await experiment({ master, gen: `${GEN}\n[ $SLURM_ARRAY_TASK_ID != 2 ] || [ -e ../runs/../mended ]` });
  const { run_id } = await repo.json<Submitted>('submit');
  const run = await until(
    'it is blocked',
    async () => {
      const [now] = (await told()).runs;
      return now?.blocked ? now : undefined;
    },
    200,
  );
  const [gen, hist] = await tree(run_id);
  expect(run).toMatchObject({
    state: 'running',
    next_tool: 'cancel_run',
    next: expect.stringContaining(`job ${hist?.job_id} hist will never start: cancel_run ${run_id}`),
    line: expect.stringMatching(/children: 1 waiting, 1 failed: job \d+ gen BLOCKED: .*\(DependencyNeverSatisfied\)/),
  });
  const { cancelled } = await repo.json<{ cancelled: string[] }>('cancel', run_id);
  expect(cancelled).toContain(hist?.job_id);
  expect((await ended())[0]).toMatchObject({ state: 'partial', next_tool: 'extract_results' });
  const { runs } = await repo.json<{ runs: { failure: object }[] }>('runs', run_id);
  expect(runs[0]?.failure).toMatchObject({ class: 'exit_code', detail: `job ${gen?.job_id} gen, task 2: exit code 1` });
  expect(await queued()).toEqual([]);

  writeFileSync(join(repo.iteration, 'mended'), '');
  expect(await repo.json('retry', run_id)).toMatchObject({ attempt: 2, state: 'submitted' });
  expect((await ended())[0]).toMatchObject({ state: 'running', line: expect.stringContaining('children: 2 done') });
  expect((await tree(run_id)).map(({ job_id }) => job_id)).not.toContain(gen?.job_id);
  expect((await repo.autolab('audit', 'verify')).exit).toBe(0);
});

test('cancelled with it is all that it submitted, and all that those did', { timeout: LIMIT }, async () => {
  const gen = '#SBATCH -J gen\nsbatch hist.sh 5\nsleep 300';
  const master = 'cd launch\nsbatch gen.sh 0\nsbatch --hold hist.sh 1\nsleep 300';
  repo = await experiment({ master, gen });
  const { run_id } = await repo.json<Submitted>('submit');
  const all = await until(
    'three children are seen',
    async () => {
      await told();
      const seen = await tree(run_id);
      return seen.filter(({ job_id }) => job_id !== null).length === 3 ? seen : undefined;
    },
    120,
  );
  const [first] = all;
  expect(all.map(({ role, submitted_by }) => [role, submitted_by])).toEqual(
    expect.arrayContaining([
      ['gen', null],
      ['hist', null],
      ['hist', first?.job_id],
    ]),
  );
  const { cancelled } = await repo.json<{ cancelled: string[] }>('cancel', run_id);
  expect(cancelled).toEqual(expect.arrayContaining(all.filter(({ state }) => state !== 'done').map(({ job_id }) => job_id)));
  const [run] = await ended();
  expect(['failed', 'partial']).toContain(run?.state);
  await until('the queue is empty', async () =>
    (await slurm.run('squeue', '-h', '-u', slurm.user)).stdout === '' ? true : undefined,
  );
});

test('a child that was accepted when the call was killed is found by its comment', { timeout: LIMIT }, async () => {
  // What stands behind the recording program takes the job in and kills that program before it has heard of it.
  const setup =
    'mkdir -p way && printf "#!/bin/bash\\n/usr/bin/sbatch \\"\\$@\\" >/dev/null; kill -9 \\$PPID\\n" >way/sbatch && chmod +x way/sbatch && PATH=$PWD/way:$PATH';
  const launch = `${LAUNCH}environment:\n  setup: ['${setup}']\n`;
  repo = await experiment({ master: 'cd launch\nsbatch hist.sh 7 || true', launch });
  const { run_id } = await repo.json<Submitted>('submit');
  const [run] = await ended();
  expect(run).toMatchObject({ state: 'running', line: expect.stringContaining('children: 1 done') });
  const [child] = await tree(run_id);
  expect(child).toMatchObject({ job_id: expect.stringMatching(/^\d+$/), role: 'hist' });
  expect(order()).toEqual(['hist 7']);
  expect((await repo.autolab('audit', 'verify')).exit).toBe(0);
});

test('what goes around it is found by audit verify: by a path of its own, or where a child was given no environment', {
  timeout: LIMIT,
}, async () => {
  const gen = '#SBATCH -J gen\nsbatch hist.sh 8';
  const master = 'cd launch\nbin=/usr/bin; name=sbat\n"$bin/${name}ch" hist.sh 9\nsbatch --export=NONE gen.sh';
  repo = await experiment({ master, gen });
  await repo.json<Submitted>('submit');
  const [run] = await ended();
  expect(run?.line).toContain('children: 1 done');
  const found = await until(
    'both are found',
    async () => {
      const { exit, stdout } = await repo.autolab('audit', 'verify');
      const lines = stdout.split('\n').filter((line) => line.includes('nobody recorded it'));
      return exit === 1 && lines.length === 2 ? lines : undefined;
    },
    60,
  );
  expect(found.every((line) => /hist was submitted from .*\/launch while scripts of run \S+ could submit/.test(line))).toBe(true);
});
