import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { execa } from 'execa';
import { localTransport } from '../../src/sites/transports/local.ts';
import type { Transport } from '../../src/sites/transports/transport.ts';
import { ownSlurm, USER } from '../clusters/own-slurm.mjs';
import type { Identity } from './repo.ts';

/**
 * State folders begin with this, then the id of the process that runs the tests, so that what a killed test left behind is found, and
 * nobody else's: see test/global-setup.ts.
 */
export const CLUSTERS = '/tmp/autolab-tests-slurm-';

export type Variant = {
  minJobAge?: number;
  comments?: boolean;
  accounting?: boolean;
  zone?: string;
  threads?: 2;
  eager?: true;
  requeueWait?: number;
};
export type Daemon = 'slurmctld' | 'slurmdbd' | 'munged' | 'n1' | 'n2';

/** A real Slurm of this test file's own, and the unprivileged account that uses it: root would hide what Slurm denies. */
export type Slurm = {
  user: string;
  /** Its slurm.conf. */
  conf: string;
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

/**
 * Starts a cluster and waits until it can take jobs. `path` is put before the user's PATH: for programs that get in the way. `through` are
 * words before every command line of it, which put it into another network.
 */
export async function startSlurm(variant: Variant = {}, path = '', through: readonly string[] = []): Promise<Slurm> {
  const variables = {
    ...(variant.minJobAge === undefined ? {} : { MIN_JOB_AGE: String(variant.minJobAge) }),
    ...(variant.comments === false ? { COMMENTS: 'no' } : {}),
    ...(variant.accounting === false ? { ACCOUNTING: 'none' } : {}),
    ...(variant.threads === undefined ? {} : { THREADS: String(variant.threads) }),
    ...(variant.eager ? { EAGER: 'yes' } : {}),
    ...(variant.requeueWait === undefined ? {} : { REQUEUE_WAIT: String(variant.requeueWait) }),
    ...(variant.zone === undefined ? {} : { CLUSTER_TZ: variant.zone }),
  };
  const { state, conf, folder, program, as, own, cluster, close } = await ownSlurm(
    `${CLUSTERS}${process.ppid}-`,
    variables,
    path,
    through,
  );
  const local = localTransport();
  return {
    user: USER,
    conf,
    folder,
    transport: { name: 'local', run: (command, limits) => local.run({ ...command, argv: as(command.argv) }, limits) },
    identity: { words: as(program), as, folder, own },
    run: async (name, ...args) => {
      const [first, ...rest] = as([name, ...args]);
      const { exitCode, stdout, stderr } = await execa(first, rest, { cwd: folder, reject: false, stdin: 'ignore' });
      return { exit: exitCode ?? -1, stdout, stderr };
    },
    admin: async (name, ...args) => {
      const [program = name, ...words] = [...through, name, ...args];
      return (await execa(program, words, { env: { SLURM_CONF: conf } })).stdout;
    },
    stop: (daemon) => cluster('stop', daemon),
    start: (daemon) => cluster('start', daemon),
    signal: (daemon, signal) =>
      void process.kill(Number(readFileSync(join(state, 'run', `${daemon}.pid`), 'utf8')), `SIG${signal}`),
    close,
  };
}
