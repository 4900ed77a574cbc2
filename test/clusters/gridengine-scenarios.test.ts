import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { readJsonFile } from '../support/artifacts.ts';
import type { GridEngine } from '../support/gridengine.ts';
import { startGridEngine } from '../support/gridengine.ts';
import { inTheWay } from '../support/in-the-way.ts';
import type { Repo } from '../support/repo.ts';
import { until } from '../support/repo.ts';
import { ended, GRIDENGINE_POLICY, gridExperiment, PLAIN } from './gridengine-experiment.ts';

const LIMIT = 150_000;
const way = inTheWay();
let grid: GridEngine;
let repo: Repo;
beforeAll(async () => {
  grid = await startGridEngine({}, way.folder);
}, LIMIT);
afterEach(async () => {
  way.clear();
  rmSync(join(grid.home, '.sge_request'), { force: true });
  await grid.run('qdel', '-u', grid.user);
  await repo?.cleanup();
  await until('the queue is empty', async () => ((await queued()).length === 0 ? true : undefined));
});
afterAll(async () => {
  await grid?.close();
  way.remove();
}, LIMIT);

type Submitted = { run_id: string; job_id: string };
type Told = {
  runs: { state: string; line: string; blocked: boolean; failure: { class: string; detail: string } | null; task_list: Task[] }[];
};
type Task = { index: number; state: string; failure: string | null; detail: string | null };

/** The ids of the user's jobs in the queue. */
async function queued(): Promise<string[]> {
  const { stdout } = await grid.run('qstat', '-u', grid.user);
  return stdout.split('\n').flatMap((line) => /^\s*(\d+) /.exec(line)?.[1] ?? []);
}
/** A job of the user's by other means, which runs until it is ended. */
async function another(...options: string[]): Promise<string> {
  const sleep = ['-b', 'y', '-o', '/dev/null', '-e', '/dev/null', 'sleep', '600'];
  return (await grid.run('qsub', '-terse', '-N', 'other', ...options, ...sleep)).stdout.trim();
}
const running = (many: number) =>
  until('the others run', async () => {
    const { stdout } = await grid.run('qstat', '-u', grid.user, '-s', 'r');
    return stdout.split('\n').filter((line) => /^\s*\d+ /.test(line)).length === many ? true : undefined;
  });
const run = (script: string, launch = PLAIN, policy = GRIDENGINE_POLICY) =>
  gridExperiment(grid, launch, { 'run_slurm.sbatch': `#!/bin/bash\n${script}\n` }, policy);
const told = async (id: string) => (await repo.json<Told>('runs', '--run-id', id)).runs[0] ?? expect.fail('no run');
const submit = () => repo.json<Submitted>('submit');
/** What a submission that must not happen said; no job is there afterwards that was not there before. */
async function refused(): Promise<string> {
  const before = await queued();
  const { exit, stdout, stderr } = await repo.autolab('submit', '--json');
  expect([exit, await queued()]).toEqual([1, before]);
  return stdout + stderr;
}

test('C1-1 and C1-18, good: what passes the scheduler’s own test runs; what it is given stands in no list', {
  timeout: LIMIT,
}, async () => {
  const launch = `${PLAIN}environment: { pass: [LAB_VALUE] }\n`;
  repo = await run('until [ -e runs/../go ]; do sleep 0.1; done; echo "$LAB_VALUE" >runs/../seen', launch);
  const [program, ...rest] = grid.identity.as([
    'env',
    'LAB_VALUE=a,b c="d"',
    ...grid.identity.words.slice(-2),
    'submit',
    '--json',
  ]);
  const { execa } = await import('execa');
  const submitted = JSON.parse((await execa(program, rest, { cwd: repo.path, stdin: 'ignore' })).stdout) as Submitted;
  const { stdout } = await grid.run('qstat', '-j', submitted.job_id);
  expect(stdout).toContain(submitted.job_id);
  expect(stdout).not.toContain('a,b c');
  writeFileSync(join(repo.iteration, 'go'), '');
  await ended(repo);
  expect(readFileSync(join(repo.iteration, 'seen'), 'utf8')).toBe('a,b c="d"\n');
});

test('C1-18, good: what a generator writes in its event log is told while it runs, and no end that stands there counts', {
  timeout: LIMIT,
}, async () => {
  const secret = 'ghp_abcdefghij0123456789ABCDEFGHIJ';
  const say = (action: string, metrics: string) =>
    `printf '{"timestamp_utc":"%s","action":"${action}","args":{"token":"${secret}"},"metrics":{${metrics}}}\\n' "$(date -u +%FT%TZ)" >>outputs/usr/.events.log`;
  const health = say('densegen_health', `"rows":128,"${secret}":7`);
  const done = say('run_complete', '"rows_written":0');
  repo = await run(
    `mkdir -p outputs/usr\n${health}\nuntil [ -e runs/../go ]; do sleep 0.1; done\n${done}\nexit 3`,
    `${PLAIN}events: outputs/usr/.events.log\n`,
  );
  const { run_id, job_id } = await submit();
  const look = () => repo.json<{ runs: { state: string; events?: string }[] }>('monitor');
  const seen = await until('it has said something', async () => {
    const told = await look();
    return told.runs[0]?.events?.startsWith('1 event') ? told : undefined;
  });
  expect(seen.runs[0]).toMatchObject({
    state: 'running',
    events: expect.stringMatching(/^1 event, .*: densegen_health \(rows 128\)$/),
  });
  const { stdout } = await grid.run('qstat', '-j', job_id);
  expect(stdout).toContain(job_id);
  writeFileSync(join(repo.iteration, 'go'), '');
  expect(await ended(repo)).toMatchObject([{ state: 'failed' }]);
  const detail = await repo.json<object>('runs', '--run-id', run_id);
  expect(detail).toMatchObject({
    runs: [{ events: { count: 2, last: { action: 'run_complete', metrics: { rows_written: 0 } } } }],
  });
  const ledger = readFileSync(join(repo.path, 'docs', 'slurm_job_list.md'), 'utf8');
  expect(ledger).toContain(run_id);
  expect([stdout, ledger, JSON.stringify([seen, detail])].filter((text) => text.includes(secret))).toEqual([]);
});

test('C1-18, bad: the generator’s own diagnostics are no event log', { timeout: LIMIT }, async () => {
  repo = await run('true', `${PLAIN}events: outputs/meta/events.jsonl\n`);
  expect(await refused()).toMatch(/events is .*outputs\/meta\/events\.jsonl.*; expected the event log of a dataset/);
});

test.each([
  [
    'project',
    'resources: { cpus: 1, walltime: "00:05:00", account: nope, names: { memory: h_rss } }\n',
    /the requested project \\"nope\\" does not exist/,
  ],
  [
    'access',
    'resources: { cpus: 1, walltime: "00:05:00", account: staff, names: { memory: h_rss } }\n',
    /no access to project \\"staff\\"/,
  ],
  [
    'queue',
    'resources: { cpus: 1, walltime: "00:05:00", partition: nope.q, names: { memory: h_rss } }\n',
    /unknown queue \\"nope.q\\"/,
  ],
  [
    'host with 16 slots',
    'resources: { cpus: 16, walltime: "00:05:00", names: { pe: omp, memory: h_rss } }\n',
    /because it only offers 0 slots/,
  ],
  [
    'queue for as long',
    'resources: { cpus: 1, walltime: "03:00:00", partition: short.q, names: { memory: h_rss } }\n',
    /cannot run in queue \\"short.q\\"/,
  ],
  ['parallel environment', 'resources: { cpus: 2, walltime: "00:05:00" }\n', /no parallel environment/],
  ['name for memory', 'resources: { cpus: 1, memory: 1GB, walltime: "00:05:00" }\n', /no name for that which is known here/],
])('C1-1, bad: without a %s there is no job', { timeout: LIMIT }, async (_what, launch, words) => {
  repo = await run('true', launch);
  expect(await refused()).toMatch(words);
});

test('C1-2, good: others run and wait, which is counted, and the run begins', { timeout: LIMIT }, async () => {
  await another();
  await another('-h');
  await running(1);
  repo = await run('true', PLAIN, GRIDENGINE_POLICY.replace('active: 200, pending: 200', 'active: 3, pending: 3'));
  const { decision } = await repo.json<{ decision: { reasons: { rule: string; actual?: string }[] } }>('submit', '--dry-run');
  const actual = (rule: string) => decision.reasons.find((one) => one.rule === rule)?.actual;
  expect([actual('limits.jobs.active'), actual('limits.jobs.pending')]).toEqual(['3 jobs', '2 jobs']);
  await submit();
  await ended(repo);
});

test.each([
  ['ends with 1', 'exit 1'],
  ['says nothing', 'exit 0'],
  ['gives half a list', `"$real" "$@" | head -n 3; exit 0`],
])('C1-2, bad: where qstat %s nothing is submitted', { timeout: LIMIT }, async (_what, lines) => {
  repo = await run('true');
  way.put('qstat', lines);
  const { exit, stdout, stderr } = await repo.autolab('submit', '--json');
  way.clear();
  expect([exit, await queued()]).toEqual([1, []]);
  expect(stdout + stderr).toMatch(/the queue of gridengine cannot be read/);
});

test('C1-2, bad: a host that may look and not submit is told as that', { timeout: LIMIT }, async () => {
  repo = await run('true');
  const { stdout: hosts } = await grid.run('qconf', '-ss');
  const all = hosts.trim().split('\n');
  for (const host of all) await grid.admin('qconf', '-ds', host);
  try {
    expect(await refused()).toMatch(/is not a submit host/);
  } finally {
    for (const host of all) await grid.admin('qconf', '-as', host);
  }
});

test('C1-3: over the limit a person is asked, far over it nothing is asked', { timeout: LIMIT }, async () => {
  for (let at = 0; at < 4; at++) await another();
  await running(4);
  const policy = (active: string) => GRIDENGINE_POLICY.replace('active: 200', `active: ${active}`);
  repo = await run('true', PLAIN, policy('{ ask: 3, deny: 8 }'));
  expect(JSON.parse(await refused())).toMatchObject({ kind: 'pending' });
  await repo.cleanup();
  repo = await run('true', PLAIN, policy('4'));
  expect(JSON.parse(await refused())).toMatchObject({ kind: 'refused' });
});

test('C1-4, bad: with a job in an error state nothing is submitted, and its reason is told; cleared by hand it goes on', {
  timeout: LIMIT,
}, async () => {
  const script = join(grid.folder, 'err.sh');
  writeFileSync(script, '#!/bin/sh\nexit 100\n', { mode: 0o755 });
  const id = (await grid.run('qsub', '-terse', '-N', 'bad', '-o', '/dev/null', '-e', '/dev/null', script)).stdout.trim();
  await until('it is in an error state', async () =>
    (await grid.run('qstat', '-u', grid.user)).stdout.includes('Eqw') ? true : undefined,
  );
  repo = await run('true');
  const words = await refused();
  expect(words).toContain(`your job ${id} (bad) is in an error state`);
  expect(words).toContain('exit_status of job start = 100');
  await grid.run('qdel', id);
  await submit();
  await ended(repo);
});

test('C1-4: a job of ours in an error state is told as blocked, with the reason, and cleared by a person alone', {
  timeout: LIMIT,
}, async () => {
  repo = await run('true', PLAIN);
  for (let at = 0; at < 8; at++) await another();
  await running(8);
  const { job_id, run_id } = await submit();
  // Its owner changes the job behind our back to a folder that is not there, as a folder vanishes.
  await grid.run('qalter', '-wd', '/nonexistent', job_id);
  await grid.run('qdel', 'other');
  const blocked = await until('it is blocked', async () => {
    const { runs } = await repo.json<Told>('monitor');
    return runs[0]?.blocked ? await told(run_id) : undefined;
  });
  expect(JSON.stringify(blocked)).toMatch(/in an error state: .*nonexistent/);
  // Clearing it is a person's, and does not mend what was wrong.
  expect(await repo.autolab('clear', run_id)).toMatchObject({ exit: 0, stdout: expect.stringContaining(`job ${job_id}`) });
  await until('it is in an error state again', async () => {
    const { runs } = await repo.json<Told>('monitor');
    return runs[0]?.blocked || undefined;
  });
  await grid.run('qalter', '-wd', grid.folder, job_id);
  expect(await repo.autolab('clear', run_id)).toMatchObject({ exit: 0 });
  await ended(repo);
  expect((await repo.autolab('clear', run_id)).stderr).toContain('no job of run');
});

test('a file of defaults that adds what nobody asked for: the job never runs', { timeout: LIMIT }, async () => {
  for (const line of ['-t 1-4', '-l mem_total=1k', '-v LD_PRELOAD=/tmp/x.so', '-pe omp 2']) {
    repo = await run('echo ran >runs/../ran');
    writeFileSync(join(grid.home, '.sge_request'), `${line}\n`);
    grid.identity.own(join(grid.home, '.sge_request'));
    const { stdout, stderr } = await repo.autolab('submit', '--json');
    rmSync(join(grid.home, '.sge_request'));
    expect(stdout + stderr).toMatch(/more than its plan|would not take this job/);
    await until('nothing is left', async () => ((await queued()).length === 0 ? true : undefined));
    expect(existsSync(join(repo.iteration, 'ran'))).toBe(false);
    await repo.cleanup();
  }
});

test('C1-14: at its limit a job is told to end, and fails as that; ended by hand it is cancelled', {
  timeout: LIMIT,
}, async () => {
  repo = await run(`trap 'echo term >runs/../term' TERM; while :; do sleep 0.1; done`, PLAIN.replace('00:05:00', '00:00:08'));
  const limit = await submit();
  await ended(repo);
  expect((await told(limit.run_id)).failure).toMatchObject({ class: 'time_limit' });
  expect(readFileSync(join(repo.iteration, 'term'), 'utf8')).toBe('term\n');
  await repo.cleanup();
  repo = await run('touch runs/../up; exec sleep 600');
  const cut = await submit();
  await until('it runs', async () => existsSync(join(repo.iteration, 'up')) || undefined);
  await grid.run('qdel', cut.job_id);
  await ended(repo);
  expect((await told(cut.run_id)).failure).toMatchObject({ class: 'cancelled' });
});

test('C1-16, bad: exit code 0 without what it should leave is not accepted', { timeout: LIMIT }, async () => {
  repo = await run('true', `${PLAIN}artifacts: { expect: [{ json: result.json, required: [rows] }] }\n`);
  await submit();
  await ended(repo);
  expect(await repo.autolab('sync')).toMatchObject({ exit: 1, stdout: expect.stringContaining('result.json') });
});

test('C1-15: a second job under the name of one of ours, which nobody recorded, is found', { timeout: LIMIT }, async () => {
  repo = await run('true');
  const { run_id } = await submit();
  await ended(repo);
  expect((await repo.json<{ ok: boolean }>('audit', 'verify')).ok).toBe(true);
  const manifest = readJsonFile(join(repo.iteration, 'runs', run_id, 'run_manifest.json'));
  await another('-h', '-N', (manifest.autolab_mcp as { job_name: string }).job_name);
  expect((await repo.json<{ ok: boolean }>('audit', 'verify')).ok).toBe(false);
});

test('a site of sites.yaml is looked at by doctor, and takes runs under its own name', { timeout: LIMIT }, async () => {
  repo = await run('true', PLAIN);
  const sites = join(repo.path, '.autolab', 'sites.yaml');
  writeFileSync(sites, 'schema_version: "1"\nsites: { scc: { scheduler: gridengine } }\n');
  const launch = join(repo.iteration, 'launch', 'launch.yaml');
  writeFileSync(launch, readFileSync(launch, 'utf8').replace('site: gridengine', 'site: scc'));
  const { stdout } = await repo.autolab('doctor', '--detail', 'site');
  expect(stdout).toMatch(/scc.*SGE 8\.1\.9/);
  expect(stdout).toMatch(
    /partition short\.q UP; walltime up to 02:00:00; .*free cpus 8\/8.*; parallel environments make, omp, mpi/,
  );
  expect(stdout).toMatch(
    /limits: max_aj_instances=2000, finished_jobs=100, schedule_interval=0:0:1, accounting_flush_time=00:00:01/,
  );
  type Site = { findings: { code: string; severity: string; what: string }[]; sites: { description: unknown }[] };
  const told = await repo.json<Site>('doctor', '--detail', 'site');
  expect(told.sites).toMatchObject([
    { description: { accounting: 'answers', max_array_index: 75_000, requeues: false, unread: [] } },
  ]);
  const about = async (code: string) => (await repo.json<Site>('doctor')).findings.filter((one) => one.code === code);
  expect(await about('partitions')).toMatchObject([{ severity: 'ok', what: 'site scc has main.q, short.q' }]);
  await grid.admin('qmod', '-d', '*');
  try {
    expect(await about('partitions')).toMatchObject([
      { severity: 'error', what: 'no queue of site scc starts jobs: main.q is DOWN, short.q is DOWN' },
    ]);
  } finally {
    await grid.admin('qmod', '-e', '*');
  }
  await submit();
  expect(await ended(repo)).toMatchObject([{ state: 'running' }]);
  await grid.stop('qmaster');
  try {
    expect((await repo.autolab('doctor')).stdout).toMatch(/scc.*cannot be reached/);
  } finally {
    await grid.start('qmaster');
  }
});

test('with the qmaster away states stay as they were, and the run goes on afterwards', { timeout: LIMIT }, async () => {
  repo = await run('until [ -e runs/../go ]; do sleep 0.1; done');
  const { run_id } = await submit();
  await until('it runs', async () => {
    await repo.json('monitor');
    return (await told(run_id)).task_list[0]?.state === 'running' ? true : undefined;
  });
  await grid.stop('qmaster');
  try {
    await repo.autolab('monitor');
    expect((await told(run_id)).task_list[0]?.state).toBe('running');
    const { exit, stdout, stderr } = await repo.autolab('submit', '--again', '--json');
    expect([exit, stdout + stderr]).toEqual([1, expect.stringContaining('cannot be reached')]);
  } finally {
    await grid.start('qmaster');
  }
  writeFileSync(join(repo.iteration, 'go'), '');
  await ended(repo);
  expect((await told(run_id)).task_list[0]?.state).toBe('succeeded');
});
