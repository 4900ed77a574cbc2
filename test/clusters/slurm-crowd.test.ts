import {
  chmodSync,
  cpSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { hostname, tmpdir } from 'node:os';
import { join } from 'node:path';
import { execa } from 'execa';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import type { Place } from '../crowd/crowd.ts';
import { allAtOnce, failures, runsOf, troubles, untilOver } from '../crowd/crowd.ts';
import { answered } from '../support/asking.ts';
import { killing } from '../support/cut.mjs';
import type { Identity, Repo } from '../support/repo.ts';
import { makeRepo } from '../support/repo.ts';
import type { Slurm } from '../support/slurm.ts';
import { startSlurm } from '../support/slurm.ts';
import type { Done } from '../support/tiny.ts';
import { edit, ITERATION, oneTask, SLURM_POLICY } from './experiment.ts';

const LIMIT = 400_000;
const NAMES = Array.from({ length: 8 }, (_, at) => (at === 0 ? 'penguins-softmax' : `penguins-${at}`));
let slurm: Slurm;
let repo: Repo;
/** The account whose state is this file's own: nobody else waits for a lock that is left behind here. */
let user: Identity;
let state: string;
/** The ids of the boots of the other machines. */
const scratch = mkdtempSync(join(realpathSync(tmpdir()), 'autolab-boots-'));
beforeAll(async () => {
  chmodSync(scratch, 0o755);
  slurm = await startSlurm();
  const usual = (await slurm.run('sh', '-c', 'mkdir -p ~/.local/state/autolab && cd ~/.local/state/autolab && pwd')).stdout;
  state = join(slurm.folder, 'state');
  mkdirSync(state, { mode: 0o700 });
  slurm.identity.own(state);
  const apart = ['unshare', '--mount', 'sh', '-c', 'mount --bind "$0" "$1" && shift && exec "$@"', state, usual] as const;
  user = { ...slurm.identity, words: [...apart, ...slurm.identity.words] };
}, LIMIT);
afterEach(async () => {
  await slurm.run('scancel', '-u', slurm.user);
  await repo?.cleanup();
});
afterAll(async () => {
  await slurm?.close();
  rmSync(scratch, { recursive: true, force: true });
}, LIMIT);

/** A repository with so many iterations, each of one task that notes its executions, as the user's processes work in it. */
async function place(iterations: number): Promise<Place & Repo> {
  repo = await makeRepo(
    SLURM_POLICY,
    (path) => {
      oneTask(path, 'echo "$AUTOLAB_RUN_ID $AUTOLAB_ATTEMPT" >>runs/../executions.log');
      for (const name of NAMES.slice(1, iterations)) {
        const folder = join(path, 'experiments', 'plan', name);
        cpSync(join(path, ITERATION), folder, { recursive: true });
        edit(join(folder, 'design.yaml'), (text) => text.replace('iteration_id: penguins-softmax', `iteration_id: ${name}`));
      }
    },
    user,
  );
  const run: Place['run'] = (args, { prefix = [] } = {}) => started([...prefix, ...user.words, ...args]);
  return { ...repo, run };
}

async function started([program = '', ...words]: string[]): Promise<Done> {
  const done = await execa(program, words, { cwd: repo.path, reject: false, stdin: 'ignore', timeout: 120_000 });
  return { exit: done.exitCode ?? -1, signal: done.signal ?? '', stdout: done.stdout, stderr: done.stderr };
}

/** What stands before a command so that it runs as on another login node of the cluster: another name and another boot. */
function on(name: string): string[] {
  const boot = join(scratch, name);
  writeFileSync(boot, `00000000-0000-4000-8000-${Buffer.from(name).toString('hex').padStart(12, '0').slice(-12)}\n`);
  const set = 'hostname "$0" && mount --bind "$1" /proc/sys/kernel/random/boot_id && shift && exec "$@"';
  return ['unshare', '--uts', '--mount', 'sh', '-c', set, name, boot];
}

const fromEverywhere = (many: number, args: (at: number) => string[]) =>
  Array.from({ length: many }, (_, at) => ({ args: args(at), prefix: at % 2 === 0 ? [] : on(`login${(at % 3) + 2}`) }));

test('from several login nodes at once one iteration is submitted once', { timeout: LIMIT }, async () => {
  const at = await place(1);
  const answers = await allAtOnce(
    at,
    fromEverywhere(8, () => ['submit', '--json']),
  );
  expect(failures(answers)).toEqual([]);
  expect(new Set(answers.map(({ stdout }) => (JSON.parse(stdout) as { run_id: string }).run_id)).size).toBe(1);
  await untilOver(at);
  expect(await troubles(at, NAMES.slice(0, 1))).toEqual([]);
});

test('from several login nodes at once many iterations are submitted, each once, and the ledger has a row of each', {
  timeout: LIMIT,
}, async () => {
  const at = await place(8);
  expect(
    failures(
      await allAtOnce(
        at,
        fromEverywhere(16, (nth) => ['submit', '--iteration', NAMES[nth % 8] ?? '', '--json']),
      ),
    ),
  ).toEqual([]);
  await untilOver(at);
  await allAtOnce(
    at,
    fromEverywhere(8, () => ['monitor', '--json']),
  );
  expect(await troubles(at, NAMES)).toEqual([]);
  const ledger = readFileSync(join(at.path, 'docs', 'slurm_job_list.md'), 'utf8');
  const ids = NAMES.flatMap((name) => runsOf(at, name));
  expect(ids.map((id) => ledger.split('\n').filter((line) => line.includes(`run_id=${id} `)).length)).toEqual(ids.map(() => 1));
});

test('a submission that was killed on another login node while it held the lock is named, and gone on with after 30 minutes of silence', {
  timeout: LIMIT,
}, async () => {
  const at = await place(1);
  await heldWhenKilled(at);
  const refused = await at.run(['submit']);
  expect(refused.exit).toBe(1);
  expect(refused.stderr).toMatch(/^lock_held: .*\n?.*login9/);
  expect(refused.stderr).toContain('after 30 minutes of silence its lock is taken over');
  expect(hostname()).not.toBe('login9');
  for (const name of locksIn(at.path)) utimesSync(name, new Date(), new Date(Date.now() - 31 * 60_000));
  const { run_id } = await answered<{ run_id: string }>(at, 'submit');
  await untilOver(at);
  expect(runsOf(at, 'penguins-softmax')).toEqual([run_id]);
  expect(await troubles(at, NAMES.slice(0, 1))).toEqual([]);
});

/** Kills submissions on login9 as they rename something, one after the other, until one has died while it held a lock. */
async function heldWhenKilled(at: Place): Promise<void> {
  // What is killed is our program itself, and not who starts it as the user.
  const { words } = slurm.identity;
  const own = words.indexOf('--') + 1;
  const before = [...on('login9'), ...user.words.slice(0, user.words.length - words.length)];
  for (let nth = 1; nth <= 60; nth++) {
    await started([...before, ...words.slice(0, own), ...killing('rename', nth), ...words.slice(own), 'submit']);
    if (locksIn(at.path).some((path) => readFileSync(path, 'utf8').includes('"login9"'))) return;
  }
  throw new Error('no submission died while it held a lock');
}

/** The locks of the repository and of its state folder. */
function locksIn(path: string): string[] {
  return [join(path, '.autolab'), join(path, 'experiments'), state].flatMap((top) =>
    readdirSync(top, { recursive: true, encoding: 'utf8' })
      .filter((name) => /(^|[/.])lock$/.test(name) && !name.includes('runner/'))
      .map((name) => join(top, name)),
  );
}
