import { execFile, execFileSync } from 'node:child_process';
import { chmodSync, mkdtempSync, realpathSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { freePorts, installed, USER } from './own-slurm.mjs';

const SCRIPT = join(import.meta.dirname, 'gridengine');
const execute = promisify(execFile);

/**
 * Starts a real Grid Engine in a folder of its own, `prefix` with a random end, and waits until it can take jobs. Needs root, since its daemons run
 * jobs as somebody else. `as` makes a command line that of an account without privileges, which would otherwise hide what Grid Engine denies;
 * `program` is ours, copied where that account may read it. `close` takes everything away.
 */
export async function ownGridEngine(prefix, variables = {}, path = '') {
  if (process.getuid?.() !== 0) throw new Error('starting a Grid Engine needs root: its daemons run jobs as somebody else');
  const made = [];
  const folderForAll = (start) => {
    const folder = realpathSync(mkdtempSync(start));
    made.push(folder);
    chmodSync(folder, 0o755);
    return folder;
  };
  const state = folderForAll(prefix);
  // Its jobs' processes are told by group ids from the port on: see the script.
  const port = await freePorts(2, 40);
  const env = { ...process.env, AS: USER, AUTOLAB_GRIDENGINE: state, AUTOLAB_GRIDENGINE_PORT: String(port), ...variables };
  const cluster = async (...words) => void (await execute('bash', [SCRIPT, ...words], { env }));
  const close = async () => {
    await cluster('wipe');
    for (const one of made) rmSync(one, { recursive: true, force: true, maxRetries: 5 });
  };
  try {
    await cluster('install');
    await cluster('up');
    const home = (await execute('getent', ['passwd', USER])).stdout.split(':')[5];
    const place = [`SGE_ROOT=${state}`, 'SGE_CELL=default', `SGE_QMASTER_PORT=${port}`, `SGE_EXECD_PORT=${port + 1}`];
    const who = [`HOME=${home}`, `USER=${USER}`, `LOGNAME=${USER}`, ...place];
    const found = `PATH=${path === '' ? '' : `${path}:`}${process.env.PATH ?? ''}`;
    const own = (target) => void execFileSync('chown', ['-R', `${USER}:`, target]);
    const folder = folderForAll('/tmp/autolab-user-');
    own(folder);
    const program = await installed(folderForAll('/tmp/autolab-program-'));
    const as = (words) => ['runuser', '-u', USER, '--', 'env', ...who, found, ...words];
    return { state, home, folder, program, place, as, own, cluster, close };
  } catch (error) {
    await close();
    throw error;
  }
}
