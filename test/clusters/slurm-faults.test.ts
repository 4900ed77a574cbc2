import { chmodSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { journalOf, readJsonFile } from '../support/artifacts.ts';
import type { Repo } from '../support/repo.ts';
import { makeRepo, until } from '../support/repo.ts';
import type { Slurm } from '../support/slurm.ts';
import { startSlurm } from '../support/slurm.ts';
import { oneTask, SLURM_POLICY } from './experiment.ts';

const LIMIT = 400_000;
/** Programs that get in the way stand here, first on the user's PATH; the real ones are in /usr/bin. */
const bin = mkdtempSync('/tmp/autolab-in-the-way-');
let slurm: Slurm;
let repo: Repo;
beforeAll(async () => {
  chmodSync(bin, 0o755);
  slurm = await startSlurm({ requeueWait: 10 }, bin);
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

type Submitted = { run_id: string; state: string; job_id: string | null; already: boolean };
type Told = {
  all_over: boolean;
  sites: { healthy: boolean | null; note: string | null }[];
  runs: { state: string; line: string; blocked: boolean }[];
};

const experiment = (lines: string): Promise<Repo> => makeRepo(SLURM_POLICY, (path) => oneTask(path, lines), slurm.identity);

function inTheWay(lines: string): void {
  writeFileSync(
    join(bin, 'sbatch'),
    `#!/bin/bash\ncase " $* " in *" --test-only "*) exec /usr/bin/sbatch "$@" ;; esac\n${lines}\n`,
    { mode: 0o755 },
  );
}

const told = () => repo.json<Told>('monitor');
const folderOf = (run: string) => join(repo.iteration, 'runs', run);
const eventsOf = (run: string) => journalOf(folderOf(run)).map((row) => row.event);
const executions = () => readFileSync(join(repo.iteration, 'ran'), 'utf8');
async function ours(): Promise<string[]> {
  const { stdout } = await slurm.run('squeue', '-h', '-t', 'all', '-u', slurm.user, '-o', '%A %T %j');
  return stdout.split('\n').filter((line) => / al_/.test(line));
}
const ended = () => until('it is over', async () => ((await told()).all_over ? (await told()).runs : undefined), 300);
const seenAs = (state: string) =>
  until(`it is ${state}`, async () => (await told()).runs.find((run) => run.state === state), 120);
/** Slurm says RUNNING before the script has begun. */
const hasBegun = () => until('the script has begun', async () => existsSync(join(repo.iteration, 'ran')) || undefined);
/** What the run says of its task. */
async function detail(run: string): Promise<string> {
  const { runs } = await repo.json<{ runs: { task_rows?: object[] }[] }>('runs', '--run-id', run);
  return JSON.stringify(runs[0]);
}

test.each([
  [
    'the reply is lost',
    `/usr/bin/sbatch "$@" >/dev/null 2>&1; echo 'sbatch: error: Batch job submission failed: Socket timed out on send/recv operation' >&2; exit 1`,
    'ambiguous',
  ],
  ['it dies after the job was taken', '/usr/bin/sbatch "$@" >/dev/null 2>&1; kill -9 $$', 'ambiguous'],
  [
    'the id comes with noise and a bad exit code',
    `echo 'sbatch: warning: 12 of 99' >&2; /usr/bin/sbatch "$@"; echo 'lua: plugin complains' >&2; exit 3`,
    'submitted',
  ],
  ['it never answers', '/usr/bin/sbatch "$@" >/dev/null 2>&1; sleep 300', 'ambiguous'],
])('a submission that was accepted and %s is one job that runs once', { timeout: LIMIT }, async (_what, lines, event) => {
  repo = await experiment('echo ran >>runs/../ran');
  inTheWay(lines);
  const before = (await ours()).length;
  const submitted = await repo.json<Submitted>('submit');
  expect(submitted.job_id).toMatch(/^\d+$/);
  expect(await repo.json<Submitted>('submit')).toMatchObject({
    run_id: submitted.run_id,
    job_id: submitted.job_id,
    already: true,
  });
  await ended();
  expect(executions()).toBe('ran\n');
  expect((await ours()).length).toBe(before + 1);
  expect(eventsOf(submitted.run_id)).toContain(event);
});

test('a job that Slurm changed beyond its plan while it was held is withdrawn and never runs', { timeout: LIMIT }, async () => {
  repo = await experiment('echo ran >>runs/../ran');
  inTheWay('id=$(/usr/bin/sbatch "$@") || exit; /usr/bin/scontrol update JobId="$id" MinMemoryNode=4000 >&2; echo "$id"');
  const submitted = await repo.json<Submitted>('submit');
  expect(submitted).toMatchObject({ state: 'failed' });
  expect(await detail(submitted.run_id)).toContain('memory MiB 4000 instead of 1024');
  expect(eventsOf(submitted.run_id)).toEqual(expect.arrayContaining(['read_back', 'withdrawn']));
  await until('the job is cancelled', async () =>
    (await ours()).some((line) => line.startsWith(`${submitted.job_id} CANCELLED`)) ? true : undefined,
  );
  expect(() => executions()).toThrow('ENOENT');
});

test.each([
  ['the job is read back', 'scontrol', 'show job'],
  ['the job is released', 'scontrol', 'release '],
  ['the queue is looked at after the release', 'squeue', '-h -a'],
])(
  'the controller goes away just when %s: the next call goes on with the same job',
  { timeout: LIMIT },
  async (_what, program, words) => {
    repo = await experiment('echo ran >>runs/../ran');
    const before = (await ours()).length;
    const away = join(bin, 'away');
    // It is there until sbatch has accepted, and away for one call after that.
    inTheWay(`/usr/bin/sbatch "$@" || exit; : >${away}`);
    writeFileSync(
      join(bin, program),
      `#!/bin/sh\nif [ -e ${away} ]; then case "$*" in "${words}"*) rm -f ${away}; echo 'slurm_load_jobs error: Unable to contact slurm controller (connect failure)' >&2; exit 1 ;; esac; fi\nexec /usr/bin/${program} "$@"\n`,
      { mode: 0o755 },
    );
    chmodSync(bin, 0o777);
    try {
      const first = await repo.autolab('submit', '--json');
      expect(`${first.stdout}${first.stderr}`).toContain('the next call goes on with it');
      const then = await repo.json<Submitted>('submit');
      expect(then.job_id).toMatch(/^\d+$/);
      await ended();
      expect(executions()).toBe('ran\n');
      expect((await ours()).length).toBe(before + 1);
      expect(eventsOf(then.run_id).filter((event) => event === 'submitted')).toHaveLength(1);
    } finally {
      for (const name of [program, 'away']) rmSync(join(bin, name), { force: true });
    }
  },
);

test('what Slurm refuses is refused before anything is submitted, in its own words', { timeout: LIMIT }, async () => {
  repo = await experiment('echo ran >>runs/../ran');
  const launch = join(repo.iteration, 'launch', 'launch.yaml');
  const plain = readFileSync(launch, 'utf8');
  const before = (await ours()).length;
  for (const [asked, words] of [
    ['partition: nowhere', /invalid partition specified/i],
    ['account: nobody', /Invalid account/],
    ['qos: never', /Invalid qos/],
    ['walltime: "2:00:00"', /over the 3600 s that partition debug allows/],
    ['memory: 200GB', /Requested node configuration is not available/],
  ] as const) {
    writeFileSync(launch, plain.replace('cpus: 1 }', `cpus: 1, ${asked} }`));
    slurm.identity.own(launch);
    const refused = await repo.autolab('submit');
    expect(refused.exit, asked).toBe(1);
    expect(`${refused.stdout}${refused.stderr}`, asked).toMatch(words);
  }
  expect((await ours()).length).toBe(before);
});

test('a job cancelled behind our back is cancelled, and by whom is said', { timeout: LIMIT }, async () => {
  repo = await experiment('sleep 300');
  const { run_id, job_id } = await repo.json<Submitted>('submit');
  await seenAs('running');
  await slurm.admin('scancel', String(job_id));
  expect(await ended()).toMatchObject([{ state: 'failed' }]);
  expect(await detail(run_id)).toMatch(/"failure":"cancelled".*|CANCELLED by 0 \(by an administrator\)/);
  expect(readJsonFile(join(folderOf(run_id), 'run_manifest.json'))).toMatchObject({ status: 'failed' });
});

test('a job that somebody enlarges after its release is told at the next look', { timeout: LIMIT }, async () => {
  repo = await experiment('sleep 300');
  const { run_id, job_id } = await repo.json<Submitted>('submit');
  await seenAs('running');
  expect((await repo.json<{ problems: string[] }>('monitor')).problems).toEqual([]);
  await slurm.admin('scontrol', 'update', `JobId=${job_id}`, 'TimeLimit=45');
  const problems = await until('it is told', async () => {
    const seen = await repo.json<{ problems: string[] }>('monitor');
    return seen.problems.length > 0 ? seen.problems : undefined;
  });
  expect(problems).toEqual([
    expect.stringMatching(new RegExp(`^${run_id}: its job may use walltime seconds 2700 instead of 300: it was changed`)),
  ]);
});

test('a hold by an administrator is told as one that only they can lift, and the run goes on after it', {
  timeout: LIMIT,
}, async () => {
  repo = await experiment('echo ran >>runs/../ran');
  const { stdout: other } = await slurm.run(
    'sbatch',
    '--parsable',
    '--nodes=2',
    '--exclusive',
    '--mem=0',
    '--time=10',
    '--output=/dev/null',
    '--wrap=sleep 600',
  );
  await until('the nodes are taken', async () =>
    (await slurm.run('squeue', '-h', '-j', other, '-o', '%T')).stdout === 'RUNNING' ? true : undefined,
  );
  const { job_id } = await repo.json<Submitted>('submit');
  await slurm.admin('scontrol', 'hold', String(job_id));
  const seen = await until('the hold is seen', async () => (await told()).runs.find((run) => run.blocked), 120);
  expect(seen.line).toContain('held by an administrator');
  await slurm.admin('scontrol', 'release', String(job_id));
  await slurm.run('scancel', other);
  await ended();
  expect(executions()).toBe('ran\n');
});

test('who waits for a slow queue keeps nobody else from submitting', { timeout: LIMIT }, async () => {
  repo = await experiment('echo ran >>runs/../ran');
  const other = await makeRepo(SLURM_POLICY, (path) => oneTask(path, 'echo ran >>runs/../ran'), slurm.identity);
  const looks = join(slurm.folder, 'looks');
  const slow = `#!/bin/bash\nif [ "$PWD" = '${repo.path}' ]; then echo look >>'${looks}'; sleep 12; fi\nexec /usr/bin/squeue "$@"\n`;
  writeFileSync(join(bin, 'squeue'), slow, { mode: 0o755 });
  try {
    let isDone = false;
    const first = repo.json<Submitted>('submit').finally(() => {
      isDone = true;
    });
    // The second look is the last one before the act, under the repository's lock.
    await until('it looks a second time', async () =>
      existsSync(looks) && readFileSync(looks, 'utf8').length > 'look\n'.length ? true : undefined,
    );
    const second = await other.json<Submitted>('submit');
    expect({ isDone, job: second.job_id }).toEqual({ isDone: false, job: expect.stringMatching(/^\d+$/) });
    expect((await first).job_id).toMatch(/^\d+$/);
  } finally {
    rmSync(join(bin, 'squeue'));
    await other.cleanup();
  }
});

test('a job that is made to start again beyond what is granted ends itself', { timeout: LIMIT }, async () => {
  repo = await experiment('echo ran >>runs/../ran; sleep 300');
  const { run_id, job_id } = await repo.json<Submitted>('submit');
  await seenAs('running');
  await hasBegun();
  await slurm.admin('scontrol', 'update', `JobId=${job_id}`, 'Requeue=1');
  await slurm.admin('scontrol', 'requeue', String(job_id));
  // Slurm starts it again after a while. A StartTime of now would do at once, but slurmd may still hold the old credential revoked then,
  // and the job ends without having started.
  expect(await ended()).toMatchObject([{ state: 'failed' }]);
  expect(executions()).toBe('ran\n');
  expect(await detail(run_id)).toContain('started again more often than the policy grants');
});

test('a node that dies is a node failure', { timeout: LIMIT }, async () => {
  repo = await experiment('echo ran >>runs/../ran; sleep 300');
  const { run_id, job_id } = await repo.json<Submitted>('submit');
  await seenAs('running');
  await hasBegun();
  const { stdout: node } = await slurm.run('squeue', '-h', '-j', String(job_id), '-o', '%N');
  if (node !== 'n1' && node !== 'n2') throw new Error(`it runs on ${node}`);
  slurm.signal(node, 'KILL');
  try {
    expect(await ended()).toMatchObject([{ state: 'failed' }]);
    expect(await detail(run_id)).toContain('node_failure');
  } finally {
    await slurm.start(node);
  }
});
