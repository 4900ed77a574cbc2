import { execFile, execFileSync } from 'node:child_process';
import { accessSync, chmodSync, constants, copyFileSync, cpSync, mkdtempSync, realpathSync, rmSync, statSync } from 'node:fs';
import { createServer } from 'node:net';
import { dirname, join, resolve } from 'node:path';
import { promisify } from 'node:util';

const ROOT = resolve(import.meta.dirname, '../..');
const SCRIPT = join(import.meta.dirname, 'slurm');
export const USER = 'autolab-user';
const execute = promisify(execFile);

/**
 * Starts a real Slurm in a folder of its own, `prefix` with a random end, and waits until it can take jobs: for tests, demo and bench.
 * Needs root, since its daemons run jobs as somebody else. `as` makes a command line that of an account without privileges, which would
 * otherwise hide what Slurm denies; `program` is ours, copied where that account may read it. `through` are words before the command lines of
 * daemons and clients, which put them into another network. `close` takes everything away.
 */
export async function ownSlurm(prefix, variables = {}, path = '', through = []) {
  if (process.getuid?.() !== 0) throw new Error('starting a Slurm needs root: its daemons run jobs as somebody else');
  const made = [];
  const folderForAll = (start) => {
    const folder = realpathSync(mkdtempSync(start));
    made.push(folder);
    chmodSync(folder, 0o755);
    return folder;
  };
  const state = folderForAll(prefix);
  const env = { ...process.env, AS: USER, AUTOLAB_SLURM: state, AUTOLAB_SLURM_PORT: String(await freePorts(4)), ...variables };
  const cluster = async (...words) => {
    const [program, ...args] = [...through, 'bash', SCRIPT, ...words];
    await execute(program, args, { env });
  };
  const close = async () => {
    await cluster('wipe');
    for (const one of made) rmSync(one, { recursive: true, force: true, maxRetries: 5 });
  };
  try {
    await cluster('install');
    await cluster('up');
    const conf = join(state, 'etc', 'slurm.conf');
    const home = (await execute('getent', ['passwd', USER])).stdout.split(':')[5];
    const who = [`HOME=${home}`, `USER=${USER}`, `LOGNAME=${USER}`, `SLURM_CONF=${conf}`];
    const found = `PATH=${path === '' ? '' : `${path}:`}${process.env.PATH ?? ''}`;
    const own = (target) => void execFileSync('chown', ['-R', `${USER}:`, target]);
    const folder = folderForAll('/tmp/autolab-user-');
    own(folder);
    const program = await installed(folderForAll('/tmp/autolab-program-'));
    const as = (words) => [...through, 'runuser', '-u', USER, '--', 'env', ...who, found, ...words];
    return { state, conf, folder, program, as, own, cluster, close };
  } catch (error) {
    await close();
    throw error;
  }
}

/** Our program where everybody may read it: the checkout, and Node, may lie in folders of root's alone. Gives its command line. */
export async function installed(folder) {
  for (const name of ['dist', 'presets', 'examples', 'package.json'])
    cpSync(join(ROOT, name), join(folder, name), { recursive: true });
  await execute('chmod', ['-R', 'a+rX', folder]);
  let node = realpathSync(process.execPath);
  if (!isForAll(node)) {
    copyFileSync(node, join(folder, 'node'));
    node = join(folder, 'node');
    chmodSync(node, 0o755);
  }
  return [node, join(folder, 'dist', 'main.mjs')];
}

function isForAll(path) {
  for (let one = path; one !== '/'; one = dirname(one)) if ((statSync(one).mode & 0o005) !== 0o005) return false;
  accessSync(path, constants.X_OK);
  return true;
}

/** The first of so many free ports in a row, a multiple of `step`, below the range the kernel hands out by itself. */
export async function freePorts(many, step = 1) {
  for (let turn = 0; turn < 100; turn++) {
    const base = Math.ceil((20_000 + Math.floor(Math.random() * 10_000)) / step) * step;
    const free = await Promise.all(Array.from({ length: many }, (_, at) => isFree(base + at)));
    if (free.every(Boolean)) return base;
  }
  throw new Error(`no ${many} free ports in a row`);
}

function isFree(port) {
  return new Promise((done) => {
    const server = createServer();
    server.once('error', () => done(false));
    server.listen(port, () => server.close(() => done(true)));
  });
}
