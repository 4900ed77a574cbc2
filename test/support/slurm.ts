import { execFileSync } from 'node:child_process';
import {
  accessSync,
  chmodSync,
  constants,
  copyFileSync,
  cpSync,
  mkdtempSync,
  readFileSync,
  realpathSync,
  rmSync,
  statSync,
} from 'node:fs';
import { createServer } from 'node:net';
import { dirname, join, resolve } from 'node:path';
import { execa } from 'execa';
import { localTransport } from '../../src/sites/transports/local.ts';
import type { Transport } from '../../src/sites/transports/transport.ts';
import type { Identity } from './repo.ts';

const ROOT = resolve(import.meta.dirname, '../..');
const SCRIPT = join(ROOT, 'test', 'clusters', 'slurm');
const USER = 'autolab-user';
/**
 * State folders begin with this, then the id of the process that runs the tests, so that what a killed test left behind is found, and
 * nobody else's: see test/global-setup.ts.
 */
export const CLUSTERS = '/tmp/autolab-tests-slurm-';

export type Variant = { minJobAge?: number; comments?: boolean; accounting?: boolean; zone?: string };
export type Daemon = 'slurmctld' | 'slurmdbd' | 'munged' | 'n1' | 'n2';

/** A real Slurm of this test file's own, and the unprivileged account that uses it: root would hide what Slurm denies. */
export type Slurm = {
  user: string;
  /** Where the user's jobs may write; the same path on every node. */
  folder: string;
  transport: Transport;
  /** The account as what runs our own program: for makeRepo, legacyAgent and modernAgent. */
  identity: Identity;
  /** Runs a client as the user. */
  run(program: string, ...args: string[]): Promise<{ exit: number; stdout: string; stderr: string }>;
  /** Runs a client as the cluster's administrator. */
  admin(program: string, ...args: string[]): Promise<string>;
  stop(daemon: Daemon): Promise<void>;
  start(daemon: Daemon): Promise<void>;
  /** Sends a signal to a daemon. */
  signal(daemon: Daemon, signal: 'STOP' | 'CONT' | 'KILL'): void;
  close(): Promise<void>;
};

/** Starts a cluster and waits until it can take jobs. `path` is put before the user's PATH: for programs that get in the way. */
export async function startSlurm(variant: Variant = {}, path = ''): Promise<Slurm> {
  if (process.getuid?.() !== 0) throw new Error('tests on a real Slurm start its daemons, so they must run as root');
  const state = mkdtempSync(`${CLUSTERS}${process.ppid}-`);
  chmodSync(state, 0o755);
  const environment = {
    AUTOLAB_SLURM: state,
    AUTOLAB_SLURM_PORT: String(await freePorts(4)),
    AS: USER,
    ...(variant.minJobAge === undefined ? {} : { MIN_JOB_AGE: String(variant.minJobAge) }),
    ...(variant.comments === false ? { COMMENTS: 'no' } : {}),
    ...(variant.accounting === false ? { ACCOUNTING: 'none' } : {}),
    ...(variant.zone === undefined ? {} : { CLUSTER_TZ: variant.zone }),
  };
  const cluster = (...words: string[]) => execa('bash', [SCRIPT, ...words], { env: environment, stdin: 'ignore' });
  await cluster('up');
  const conf = join(state, 'etc', 'slurm.conf');
  const home = `/home/${USER}`;
  const own = (target: string) => void execFileSync('chown', ['-R', `${USER}:`, target]);
  const folder = realpathSync(mkdtempSync('/tmp/autolab-user-'));
  chmodSync(folder, 0o755);
  own(folder);
  const program = await installedProgram();
  const as = (words: readonly string[]): [string, ...string[]] => [
    'runuser',
    '-u',
    USER,
    '--',
    'env',
    `HOME=${home}`,
    `USER=${USER}`,
    `LOGNAME=${USER}`,
    `SLURM_CONF=${conf}`,
    `PATH=${path === '' ? '' : `${path}:`}${process.env.PATH ?? ''}`,
    ...words,
  ];
  const local = localTransport();
  return {
    user: USER,
    folder,
    transport: { name: 'local', run: (command, limits) => local.run({ ...command, argv: as(command.argv) }, limits) },
    identity: { words: as([program.node, program.main]), as, folder, own },
    run: async (name, ...args) => {
      const [first, ...rest] = as([name, ...args]);
      const { exitCode, stdout, stderr } = await execa(first, rest, { cwd: folder, reject: false, stdin: 'ignore' });
      return { exit: exitCode ?? -1, stdout, stderr };
    },
    admin: async (name, ...args) => (await execa(name, args, { env: { SLURM_CONF: conf } })).stdout,
    stop: async (daemon) => void (await cluster('stop', daemon)),
    start: async (daemon) => void (await cluster('start', daemon)),
    signal: (daemon, signal) =>
      void process.kill(Number(readFileSync(join(state, 'run', `${daemon}.pid`), 'utf8')), `SIG${signal}`),
    close: async () => {
      await cluster('wipe');
      for (const one of [folder, program.folder]) rmSync(one, { recursive: true, force: true, maxRetries: 5 });
    },
  };
}

/** Our program where everybody may read it: the checkout, and Node, may lie in folders of root's alone. */
async function installedProgram(): Promise<{ folder: string; node: string; main: string }> {
  const folder = mkdtempSync('/tmp/autolab-program-');
  chmodSync(folder, 0o755);
  for (const name of ['dist', 'presets', 'examples', 'package.json'])
    cpSync(join(ROOT, name), join(folder, name), { recursive: true });
  await execa('chmod', ['-R', 'a+rX', folder]);
  let node = realpathSync(process.execPath);
  if (!isForAll(node)) {
    copyFileSync(node, join(folder, 'node'));
    node = join(folder, 'node');
    chmodSync(node, 0o755);
  }
  return { folder, node, main: join(folder, 'dist', 'main.mjs') };
}

function isForAll(path: string): boolean {
  for (let one = path; one !== '/'; one = dirname(one)) if ((statSync(one).mode & 0o005) !== 0o005) return false;
  accessSync(path, constants.X_OK);
  return true;
}

/** The first of so many free ports in a row, below the range the kernel hands out by itself. */
async function freePorts(many: number): Promise<number> {
  for (let turn = 0; turn < 100; turn++) {
    const base = 20_000 + Math.floor(Math.random() * 10_000);
    const free = await Promise.all(Array.from({ length: many }, (_, at) => isFree(base + at)));
    if (free.every(Boolean)) return base;
  }
  throw new Error(`no ${many} free ports in a row`);
}

function isFree(port: number): Promise<boolean> {
  return new Promise((done) => {
    const server = createServer();
    server.once('error', () => done(false));
    server.listen(port, () => server.close(() => done(true)));
  });
}
