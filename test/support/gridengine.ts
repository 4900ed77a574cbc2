import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { execa } from 'execa';
import { localTransport } from '../../src/sites/transports/local.ts';
import type { Transport } from '../../src/sites/transports/transport.ts';
import { ownGridEngine } from '../clusters/own-gridengine.mjs';
import { USER } from '../clusters/own-slurm.mjs';
import type { Identity } from './repo.ts';

/** State folders begin with this, then the id of the process that runs the tests: see test/global-setup.ts. */
export const GRIDENGINES = '/tmp/autolab-tests-gridengine-';

export type GridEngineVariant = { slots?: number; flush?: number; submits?: false };

/** A real Grid Engine of this test file's own, and the unprivileged account that uses it: root would hide what Grid Engine denies. */
export type GridEngine = {
  user: string;
  /** The account's home. */
  home: string;
  /** Where the user's jobs may write. */
  folder: string;
  transport: Transport;
  /** `NAME=VALUE` of what its programs find it by. */
  place: readonly string[];
  /** The account as what runs our own program: for makeRepo, legacyAgent and modernAgent. */
  identity: Identity;
  /** Runs a client as the user. */
  run(program: string, ...args: string[]): Promise<{ exit: number; stdout: string; stderr: string }>;
  /** Runs a client as the cluster's administrator. */
  admin(program: string, ...args: string[]): Promise<string>;
  stop(daemon: 'qmaster' | 'execd'): Promise<void>;
  start(daemon: 'qmaster' | 'execd'): Promise<void>;
  /** The daemon's process. */
  pid(daemon: 'qmaster' | 'execd'): number;
  close(): Promise<void>;
};

/** Starts a cluster and waits until it can take jobs. `path` is put before the user's PATH: for programs that get in the way. */
export async function startGridEngine(variant: GridEngineVariant = {}, path = ''): Promise<GridEngine> {
  const variables = {
    ...(variant.slots === undefined ? {} : { SLOTS: String(variant.slots) }),
    ...(variant.flush === undefined ? {} : { FLUSH: String(variant.flush) }),
    ...(variant.submits === false ? { SUBMIT_HOST: 'no' } : {}),
  };
  const { state, home, folder, program, place, as, own, cluster, close } = await ownGridEngine(
    `${GRIDENGINES}${process.ppid}-`,
    variables,
    path,
  );
  const local = localTransport();
  const pidFile = { qmaster: join(state, 'spool', 'qmaster', 'qmaster.pid'), execd: join(state, 'run', 'execd.pid') };
  const env = Object.fromEntries(place.map((one) => [one.slice(0, one.indexOf('=')), one.slice(one.indexOf('=') + 1)]));
  return {
    user: USER,
    home,
    folder,
    place,
    transport: { name: 'local', run: (command, limits) => local.run({ ...command, argv: as(command.argv) }, limits) },
    identity: { words: as(program), as, folder, own },
    run: async (name, ...args) => {
      const [first, ...rest] = as([name, ...args]);
      const { exitCode, stdout, stderr } = await execa(first, rest, { cwd: folder, reject: false, stdin: 'ignore' });
      return { exit: exitCode ?? -1, stdout, stderr };
    },
    admin: async (name, ...args) => (await execa(name, args, { env, stdin: 'ignore' })).stdout,
    stop: (daemon) => cluster('stop', daemon),
    start: (daemon) => cluster('start', daemon),
    pid: (daemon) => Number(readFileSync(pidFile[daemon], 'utf8')),
    close,
  };
}
