import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { journalOf } from '../support/artifacts.ts';
import type { InTheWay } from '../support/in-the-way.ts';
import { inTheWay } from '../support/in-the-way.ts';
import type { Link } from '../support/link.ts';
import { startLink } from '../support/link.ts';
import type { Identity, Repo } from '../support/repo.ts';
import { makeRepo, until } from '../support/repo.ts';
import type { Slurm } from '../support/slurm.ts';
import { startSlurm } from '../support/slurm.ts';
import type { Sshd } from '../support/sshd.ts';
import { startSshd } from '../support/sshd.ts';
import { oneTask, SLURM_POLICY } from './experiment.ts';

const LIMIT = 400_000;
let slurm: Slurm;
let sshd: Sshd;
let link: Link;
let way: InTheWay;
/** The account on a machine that knows no Slurm: everything has to go over ssh. */
let identity: Identity;
let config = '';
let repo: Repo;
beforeAll(async () => {
  way = inTheWay();
  slurm = await startSlurm();
  sshd = await startSshd(`SetEnv SLURM_CONF=${slurm.conf} PATH=${way.folder}:/usr/bin:/bin`);
  link = await startLink(sshd.port);
  const known = readFileSync(join(sshd.state, 'known_hosts'), 'utf8');
  writeFileSync(join(sshd.state, 'known_hosts'), known.replace(`:${sshd.port} `, `:${link.port} `));
  config = await sshd.configFor(slurm.user, 'program');
  writeFileSync(config, readFileSync(config, 'utf8').replace(/Port .*/, `Port ${link.port}`));
  const bare = ['env', '-u', 'SLURM_CONF'];
  const [node = '', main = ''] = slurm.identity.words.slice(-2);
  const as = (words: readonly string[]) => slurm.identity.as([...bare, ...words]) as [string, ...string[]];
  identity = { ...slurm.identity, as, words: as([node, main]) };
}, LIMIT);
afterEach(async () => {
  way.clear();
  await slurm.run('scancel', '-u', slurm.user);
  await repo?.cleanup();
});
afterAll(async () => {
  await link?.close();
  await sshd?.close();
  await slurm?.close();
  way?.remove();
}, LIMIT);

type Submitted = { run_id: string; state: string; job_id: string | null; already: boolean };
type Told = { all_over: boolean; sites: { polled: boolean; note: string | null }[]; runs: { state: string; line: string }[] };

function onFar(path: string, lines: string, ssh = `{ host: lab, config: ${config} }`): void {
  oneTask(path, lines);
  mkdirSync(join(path, '.autolab'), { recursive: true });
  writeFileSync(
    join(path, '.autolab', 'sites.yaml'),
    `schema_version: "1"\nsites:\n  far: { scheduler: slurm, transport: { ssh: ${ssh} } }\n`,
  );
}
const POLICY = SLURM_POLICY;
const experiment = (lines: string): Promise<Repo> => makeRepo(POLICY, (path) => onFar(path, lines), identity);
const told = () => repo.json<Told>('monitor');
const eventsOf = (run: string) => journalOf(join(repo.iteration, 'runs', run)).map((row) => row.event);
const executions = () => (existsSync(join(repo.iteration, 'ran')) ? readFileSync(join(repo.iteration, 'ran'), 'utf8') : '');
const ended = () => until('it is over', async () => ((await told()).all_over ? (await told()).runs : undefined), 200);
async function ours(): Promise<string[]> {
  const { stdout } = await slurm.run('squeue', '-h', '-t', 'all', '-u', slurm.user, '-o', '%A %T %j');
  return stdout.split('\n').filter((line) => / al_/.test(line));
}
/** Slurm forgets those that are over. */
async function newSince(before: readonly string[]): Promise<string[]> {
  const known = new Set(before.map((line) => line.split(' ')[0]));
  return (await ours()).filter((line) => !known.has(line.split(' ')[0]));
}
/** Kills what serves the connection that this runs over: its session, and with it every session of the shared connection. */
const HANG_UP = `pid=$$; until [ "$(cat /proc/$pid/comm)" = sshd ]; do pid=$(ps -o ppid= -p $pid | tr -d ' '); done; kill -9 $pid`;

test('a run goes its whole way over ssh: one login, and one session a look', { timeout: LIMIT }, async () => {
  repo = await experiment('echo ran >>runs/../ran; while ! [ -e runs/../go ]; do sleep 0.1; done');
  const logins = sshd.logins();
  const doctor = await repo.json<{ findings: { code: string; severity: string; what: string }[] }>('doctor');
  expect(doctor.findings.filter((one) => one.code === 'sites')).toEqual([
    expect.objectContaining({
      severity: 'ok',
      what: expect.stringMatching(/^site far: slurm\S* [\d.]+ \(slurm over ssh lab, as autolab-user\)$/),
    }),
  ]);
  const { run_id, job_id } = await repo.json<Submitted>('submit');
  expect(job_id).toMatch(/^\d+$/);
  await until('it runs', async () => executions() || undefined);
  await until('it is seen running', async () => ((await told()).runs[0]?.state === 'running' ? true : undefined));
  const sessions = sshd.sessions();
  expect(await until('a look is allowed', async () => ((await told()).sites[0]?.polled ? true : undefined))).toBe(true);
  expect(sshd.sessions() - sessions).toBe(1);
  writeFileSync(join(repo.iteration, 'go'), '');
  await ended();
  expect(executions()).toBe('ran\n');
  expect(eventsOf(run_id)).toContain('released');
  expect(sshd.logins() - logins).toBe(1);
});

describe('a submission whose connection is cut', () => {
  test.each([
    ['after Slurm has taken the job', `/usr/bin/sbatch "$@" >/dev/null; ${HANG_UP}; sleep 60`],
    ['after its answer was on the way', `/usr/bin/sbatch "$@"; ${HANG_UP}`],
    ['before Slurm has the job', `if mkdir "$way/once" 2>/dev/null; then ${HANG_UP}; sleep 60; fi; exec /usr/bin/sbatch "$@"`],
  ])('%s is one job that runs once', { timeout: LIMIT }, async (_what, lines) => {
    repo = await experiment('echo ran >>runs/../ran');
    way.submission(lines);
    const before = await ours();
    await repo.autolab('submit', '--json');
    const submitted = await until('it is submitted', async () => {
      const again = await repo.json<Submitted>('submit').catch(() => undefined);
      return again?.job_id ? again : undefined;
    });
    await ended();
    expect(executions()).toBe('ran\n');
    expect((await newSince(before)).length).toBe(1);
    expect(eventsOf(submitted.run_id)).toContain('ambiguous');
  });
});

test('a submission during which the line goes dead is found when it is back, and runs once', { timeout: LIMIT }, async () => {
  repo = await experiment('echo ran >>runs/../ran');
  way.submission(': >"$way/begun"; until [ -e "$way/on" ]; do sleep 0.1; done; exec /usr/bin/sbatch "$@"');
  const before = await ours();
  const first = repo.autolab('submit', '--json');
  await until('it is being submitted', async () => way.has('begun') || undefined);
  link.freeze();
  way.leave('on');
  await until('Slurm has it', async () => ((await newSince(before)).length > 0 ? true : undefined));
  const [run = ''] = readdirSync(join(repo.iteration, 'runs')).filter((name) => !name.startsWith('.'));
  await until('the time limit has passed', async () => eventsOf(run).includes('ambiguous') || undefined, 120);
  link.thaw();
  await first;
  await until('it is submitted', async () => (await repo.json<Submitted>('submit').catch(() => undefined))?.job_id ?? undefined);
  await ended();
  expect(executions()).toBe('ran\n');
  expect((await newSince(before)).length).toBe(1);
});

/**
 * Cuts the line, or lets it carry nothing for a while, so many times, always in the same order, and goes on until it has been in the way;
 * gives how many connections that ended.
 */
async function foulWeather(gusts: number): Promise<number> {
  let ended = 0;
  let seed = 1;
  const next = () => {
    // A linear congruential generator, with the constants of Numerical Recipes.
    seed = (seed * 1_664_525 + 1_013_904_223) % 2 ** 32;
    return seed / 2 ** 32;
  };
  for (let gust = 0; gust < gusts || (ended < 3 && gust < 4 * gusts); gust++) {
    await sleep(next() * 700);
    if (next() < 0.5) ended += link.cut();
    else {
      link.freeze();
      await sleep(next() * 1_500);
      link.thaw();
    }
  }
  return ended;
}

test('while the line is cut and goes dead at random, nothing is lost and nothing runs twice', { timeout: LIMIT }, async () => {
  const all = await Promise.all([1, 2, 3].map(() => experiment('echo "$AUTOLAB_RUN_ID" >>runs/../ran')));
  [repo] = all as [Repo];
  try {
    const before = await ours();
    const weather = foulWeather(24);
    const done = all.map(async (one) => {
      const { run_id } = await until(
        'it is submitted',
        async () => {
          const { stdout } = await one.autolab('submit', '--json');
          const said = stdout === '' ? undefined : (JSON.parse(stdout) as Submitted);
          return said?.job_id ? said : undefined;
        },
        300,
      );
      await until('it is over', async () => ((await one.json<Told>('monitor')).all_over ? true : undefined), 300);
      return run_id;
    });
    const [ended, ...ids] = await Promise.all([weather, ...done]);
    expect(all.map((one) => readFileSync(join(one.iteration, 'ran'), 'utf8'))).toEqual(ids.map((id) => `${id}\n`));
    expect((await newSince(before)).length).toBe(all.length);
    // Otherwise it was no foul weather.
    expect(ended).toBeGreaterThan(2);
  } finally {
    for (const one of all.slice(1)) await one.cleanup();
  }
});

test('a look and a cancellation whose connection is cut change nothing, and can be repeated', { timeout: LIMIT }, async () => {
  repo = await experiment('echo ran >>runs/../ran; sleep 300');
  const { run_id, job_id } = await repo.json<Submitted>('submit');
  await until('it is seen running', async () => ((await told()).runs[0]?.state === 'running' ? true : undefined));
  way.put('squeue', HANG_UP);
  const cut = await until('a look was tried', async () => {
    const seen = await told();
    return seen.sites[0]?.note?.includes('broke before the answer') ? seen : undefined;
  });
  expect(cut.runs[0]?.state).toBe('running');
  way.clear();
  way.put('scancel', `/usr/bin/scancel "$@"; ${HANG_UP}`);
  const first = await repo.autolab('cancel', run_id, '--json');
  expect(`${first.stdout}${first.stderr}`).toContain('broke before the answer');
  way.clear();
  await repo.autolab('cancel', run_id, '--json');
  await ended();
  expect((await ours()).filter((line) => line.startsWith(`${job_id} `))).toEqual([expect.stringContaining('CANCELLED')]);
  expect(executions()).toBe('ran\n');
});

test('a site that cannot be reached, or wants a login, is told as that; nothing is submitted, and it goes on by itself', {
  timeout: LIMIT,
}, async () => {
  repo = await experiment('echo ran >>runs/../ran');
  const keys = join(sshd.state, 'authorized_keys');
  const key = readFileSync(keys);
  const before = await ours();
  await sshd.server('down');
  const unreachable = await repo.autolab('submit');
  expect(unreachable.exit).toBe(1);
  expect(`${unreachable.stdout}${unreachable.stderr}`).toMatch(/host lab cannot be reached/);
  writeFileSync(keys, '');
  await sshd.server('start');
  const refused = await repo.autolab('submit');
  expect(refused.exit).toBe(1);
  expect(`${refused.stdout}${refused.stderr}`).toMatch(/host lab wants you to log in/);
  const doctor = await repo.json<{ ok: boolean; findings: { code: string; what: string; next: string }[] }>('doctor');
  expect(doctor.findings.filter((one) => one.code === 'sites')).toEqual([
    expect.objectContaining({
      severity: 'error',
      what: expect.stringContaining('host lab wants you to log in'),
      next: expect.stringContaining(`ssh -F ${config} `),
    }),
  ]);
  expect(await newSince(before)).toEqual([]);
  writeFileSync(keys, key);
  const { job_id } = await repo.json<Submitted>('submit');
  expect(job_id).toMatch(/^\d+$/);
  await ended();
  expect(executions()).toBe('ran\n');
});
