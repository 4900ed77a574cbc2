import { randomInt } from 'node:crypto';
import { chmodSync, cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { execa } from 'execa';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Networks } from '../support/networks.ts';
import { makeNetworks } from '../support/networks.ts';
import type { Identity, Repo } from '../support/repo.ts';
import { makeRepo, until } from '../support/repo.ts';
import type { Slurm } from '../support/slurm.ts';
import { startSlurm } from '../support/slurm.ts';
import type { Sshd } from '../support/sshd.ts';
import { startSshd } from '../support/sshd.ts';
import type { Call } from './cut-line.ts';
import { cutting, table } from './cut-line.ts';
import { edit, ITERATION, oneTask, SLURM_POLICY } from './experiment.ts';

/** How long the line fails and comes back, in seconds; and what it does is drawn from the seed, which is told. */
const SECONDS = Number(process.env.AUTOLAB_LINK_SECONDS ?? 60);
const SEED = Number(process.env.AUTOLAB_LINK_SEED ?? randomInt(1, 2 ** 31 - 1));
const LIMIT = (SECONDS + 900) * 1000;
/** Who has the laptop: another account than the one at the site. */
const LAPTOP = 'autolab-laptop';

let networks: Networks;
let slurm: Slurm;
let sshd: Sshd;
let repo: Repo;
let desk = '';
/** What stands for the repository at the site, and what its scripts write down. */
let there = '';
const calls: Call[] = [];

beforeAll(async () => {
  networks = await makeNetworks();
  slurm = await startSlurm({}, '', networks.into('far'));
  const place = { through: networks.into('far'), address: networks.address.far };
  sshd = await startSshd(`SetEnv SLURM_CONF=${slurm.conf}`, [slurm.user, LAPTOP], place);
  const config = await sshd.configFor(LAPTOP, 'laptop');
  desk = mkdtempSync('/tmp/autolab-laptop-');
  chmodSync(desk, 0o700);
  await execa('chown', [`${LAPTOP}:`, desk]);
  there = join(slurm.folder, 'their project');
  mkdirSync(join(slurm.folder, 'once'));
  mkdirSync(there);
  slurm.identity.own(slurm.folder);
  repo = await makeRepo(POLICY, (path) => prepare(path, config), onLaptop());
}, LIMIT);
afterAll(async () => {
  await sshd?.close();
  await slurm?.close();
  await repo?.cleanup();
  await networks?.close();
  if (desk !== '') rmSync(desk, { recursive: true, force: true });
}, LIMIT);

const POLICY = SLURM_POLICY.replace('cancel: allow', 'cancel: allow, push: allow').replace('hour: 200 }', 'hour: 2000 }');

/** The laptop's account, in a network where there is nothing but the line to the login host. */
function onLaptop(): Identity {
  const home = `/home/${LAPTOP}`;
  const who = [`HOME=${home}`, `USER=${LAPTOP}`, `LOGNAME=${LAPTOP}`, `PATH=${process.env.PATH}`];
  const bare = ['env', '-i', ...who];
  const [program, ...start] = [...networks.into('near'), 'runuser', '-u', LAPTOP, '--', ...bare];
  const as = (words: readonly string[]): [string, ...string[]] => [program ?? 'env', ...start, ...words];
  const own = (path: string) => void execa('chown', ['-R', `${LAPTOP}:`, path]);
  return { words: as(slurm.identity.words.slice(-2)), as, folder: desk, own };
}

/** What each kind of run does, as lines of bash; the number of times that its tasks execute. */
const KINDS = {
  plain: { lines: '', array: '', executions: { 0: 1 } },
  // Its second task fails the first time.
  failing: {
    lines: '[ "$AUTOLAB_TASK_INDEX" = 0 ] || ! mkdir "@ONCE@/$AUTOLAB_RUN_ID" 2>/dev/null || exit 3\n',
    array: 'array: { indices: "0-1" }\n',
    executions: { 0: 1, 1: 2 },
  },
  lasting: { lines: 'sleep 900\n', array: '', executions: { 0: 1 } },
} as const;
type Kind = keyof typeof KINDS;

const log = () => join(slurm.folder, 'executions');

function prepare(path: string, config: string): void {
  oneTask(path, '@LINES@');
  const from = join(path, ITERATION);
  edit(join(from, 'launch', 'launch.yaml'), (text) => text.replace(/^logs:.*\n/m, ''));
  for (const [kind, { lines, array }] of Object.entries(KINDS)) {
    const to = join(from, '..', kind);
    cpSync(from, to, { recursive: true });
    const body = [
      `echo "$AUTOLAB_RUN_ID \${AUTOLAB_TASK_INDEX:-0}" >>'${log()}'`,
      `${lines.replace('@ONCE@', join(slurm.folder, 'once'))}mkdir -p "runs/$AUTOLAB_RUN_ID/data"`,
      'head -c 1000000 /dev/urandom >"runs/$AUTOLAB_RUN_ID/data/a ${AUTOLAB_TASK_INDEX:-0}.bin"',
    ].join('\n');
    edit(join(to, 'launch', 'run_slurm.sbatch'), (text) => text.replace('@LINES@', () => body).replace('--mem=1G', '--mem=100M'));
    edit(join(to, 'launch', 'launch.yaml'), (text) => `${text}${array}artifacts: { expect: [{ file: "data/a 0.bin" }] }\n`);
    edit(join(to, 'design.yaml'), (text) =>
      text.replace('iteration_id: penguins-softmax', `iteration_id: ${kind}`).replace('"1GB"', '"100MB"'),
    );
    edit(join(to, 'review_result.json'), (text) => text.replaceAll('penguins-softmax', kind));
  }
  rmSync(from, { recursive: true });
  edit(join(path, '.autolab', 'state.json'), (text) => text.replaceAll('penguins-softmax', 'plain'));
  const way = `scheduler: slurm, transport: { ssh: { host: lab, config: "${config}" } }, root: "${there}"`;
  writeFileSync(join(path, '.autolab', 'sites.yaml'), `schema_version: "1"\nsites: { far: { ${way} } }\n`);
}

/** One call, as a person makes it; its answer, where there is one. */
async function ask<T>(...args: string[]): Promise<T | undefined> {
  const began = performance.now();
  const { exit, stdout, stderr } = await repo.autolab(...args, '--json');
  calls.push({ command: args[0] ?? '', ms: performance.now() - began, exit, stderr });
  return stdout === '' ? undefined : (JSON.parse(stdout) as T);
}

type Submitted = { run_id: string; job_id: string | null; state: string };
type Told = { runs: { run_id: string; state: string; next_tool: string | null }[] };
const PATIENCE = SECONDS + 600;
/** Looks until a run is in this state, or waits for this operation. */
const seen = (run: string, what: string) =>
  until(
    `${run}: ${what}`,
    async () => {
      const one = (await ask<Told>('monitor', '--run-id', run))?.runs[0];
      return one?.state === what || one?.next_tool === what ? true : undefined;
    },
    PATIENCE,
  );

/** Makes the same call again until it says that the run is there; only then is another one asked for. */
async function submitted(kind: Kind, isFirst: boolean): Promise<string> {
  let again = isFirst ? [] : ['--again'];
  return until(
    `a ${kind} run is submitted`,
    async () => {
      const run = await ask<Submitted>('submit', '--iteration', kind, ...again);
      if (run === undefined) return undefined;
      again = [];
      return run.job_id !== null && run.state !== 'pending' ? run.run_id : undefined;
    },
    PATIENCE,
  );
}

const collected = (run: string) =>
  until(
    `${run} is collected`,
    async () => ((await ask<{ sync: string }>('sync', run))?.sync === 'ok' ? true : undefined),
    PATIENCE,
  );
const isDone = (what: string, run: string) =>
  until(`${what} ${run}`, async () => {
    await ask(what, run);
    return calls.at(-1)?.exit === 0 ? true : undefined;
  });

/** A run's whole life. */
const LIVES: Readonly<Record<Kind, (run: string) => Promise<unknown>>> = {
  plain: async (run) => {
    await seen(run, 'sync_artifacts');
    await collected(run);
  },
  failing: async (run) => {
    await seen(run, 'partial');
    await isDone('retry', run);
    await seen(run, 'sync_artifacts');
    await collected(run);
  },
  lasting: async (run) => {
    await seen(run, 'running');
    await isDone('cancel', run);
    await seen(run, 'failed');
  },
};

test('between two networks whose line fails and comes back at random, nothing is lost, and nothing runs twice', {
  timeout: LIMIT,
}, async () => {
  console.log(`the line fails for ${SECONDS} s, by seed ${SEED}`);
  const end = Date.now() + SECONDS * 1000;
  const line = cutting(networks, SEED, end);
  const lives = async (kind: Kind) => {
    const runs: string[] = [];
    while (runs.length === 0 || Date.now() < end) {
      const run = await submitted(kind, runs.length === 0);
      runs.push(run);
      await LIVES[kind](run);
    }
    return runs;
  };
  const [plain, failing, lasting] = await Promise.all([lives('plain'), lives('failing'), lives('lasting')]);
  const { cuts, seconds } = await line;
  const runs = { plain, failing, lasting };
  console.log(table(calls, cuts, seconds, runs));

  const expected = Object.entries(runs).flatMap(([kind, ids]) =>
    ids.flatMap((id) =>
      Object.entries(KINDS[kind as Kind].executions).flatMap(([task, times]) => Array(times).fill(`${id} ${task}`)),
    ),
  );
  expect(readFileSync(log(), 'utf8').trim().split('\n').sort()).toEqual(expected.sort());
  const all = [...plain, ...failing, ...lasting];
  expect(new Set(all).size).toBe(all.length);
  const listed = await repo.json<Told & { total: number }>('runs', '--limit', '200');
  expect(listed.runs.map(({ run_id }) => run_id).sort()).toEqual(all.sort());
  // Otherwise the line was not in anybody's way.
  expect(calls.filter(({ exit }) => exit !== 0).length).toBeGreaterThan(0);
  expect((await slurm.run('squeue', '-h', '-u', slurm.user)).stdout).toBe('');
  const failed = (await repo.autolab('audit', 'verify')).stdout;
  expect(failed).toMatch(/ok/);
  for (const [kind, ids] of Object.entries(runs))
    for (const id of ids) {
      const manifest = join('experiments', 'plan', kind, 'runs', id, 'run_manifest.json');
      expect(await repo.autolab('slurm-job-list', 'verify', '--manifest', manifest)).toMatchObject({ exit: 0 });
      const file = join('experiments', 'plan', kind, 'runs', id, 'data', 'a 0.bin');
      if (kind !== 'lasting') expect(readFileSync(join(repo.path, file)).equals(readFileSync(join(there, file)))).toBe(true);
      else expect(existsSync(join(repo.path, file))).toBe(false);
    }
});
