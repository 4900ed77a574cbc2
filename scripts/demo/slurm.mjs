import { spawnSync } from 'node:child_process';
import { accessSync, chmodSync, constants, copyFileSync, cpSync, mkdtempSync, realpathSync, rmSync, statSync } from 'node:fs';
import { createServer } from 'node:net';
import { dirname, join, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { indent, must, say, title } from './say.mjs';

const ROOT = resolve(import.meta.dirname, '../..');
const SCRIPT = join(ROOT, 'test', 'clusters', 'slurm');
const USER = 'autolab-user';

/** A real Slurm of the demo's own, with accounting, and an account without privileges that runs everything else. */
export async function slurmSite() {
  if (process.getuid?.() !== 0) throw new Error('starting a Slurm needs root: its daemons run jobs as somebody else');
  const state = folderForAll('/tmp/autolab-demo-slurm-');
  const made = [state];
  const environment = { ...process.env, AS: USER, AUTOLAB_SLURM: state, AUTOLAB_SLURM_PORT: String(await freePorts(4)) };
  const cluster = (word) => run('bash', [SCRIPT, word], { env: environment, stdio: ['ignore', 'inherit', 'inherit'] });
  const close = () => {
    cluster('wipe');
    for (const one of made) rmSync(one, { recursive: true, force: true, maxRetries: 5 });
  };
  try {
    title('A Slurm is started: two nodes, accounting, a user without privileges');
    cluster('install');
    cluster('up');
    const conf = join(state, 'etc', 'slurm.conf');
    const home = run('getent', ['passwd', USER]).split(':')[5];
    const who = [`HOME=${home}`, `USER=${USER}`, `LOGNAME=${USER}`, `SLURM_CONF=${conf}`];
    const as = (words) => ['runuser', '-u', USER, '--', 'env', ...who, ...words];
    const own = (path) => run('chown', ['-R', `${USER}:`, path]);
    const client = (...words) => run('runuser', as(words).slice(1), { cwd: '/' });
    indent(client('sinfo').trim());
    const installed = folderForAll('/tmp/autolab-demo-program-');
    made.push(installed);
    return {
      preset: 'slurm',
      limits: '\n  limits: { scheduler: { poll_seconds: 2, calls_per_hour: 3600 } }   # the cluster is mine alone',
      folder: '/tmp',
      as,
      program: as(install(installed)),
      own,
      moveHere: (launch) => launch.replace(/^site: local.*\n/m, ''),
      report: (jobId, tasks) => accounted(client, jobId, tasks),
      close,
    };
  } catch (error) {
    close();
    throw error;
  }
}

/** What accounting says of the job's tasks; it hears of an end a moment later than the queue. */
async function accounted(client, jobId, tasks) {
  title('What the accounting of Slurm says of the jobs');
  const sacct = (...words) => client('sacct', '-X', '-j', jobId, ...words);
  let done = [];
  for (let look = 0; look < 60 && done.length < tasks; look++) {
    if (look > 0) await sleep(1000);
    done = sacct('-n', '-P', '-o', 'JobID,State')
      .split('\n')
      .filter((row) => row.endsWith('|COMPLETED'));
  }
  say(`   $ sacct -X -j ${jobId} -o JobID,JobName,State,Elapsed`);
  indent(sacct('-o', 'JobID%10,JobName%55,State,Elapsed').trimEnd());
  must(done.length === tasks, `accounting shows all ${tasks} tasks as completed`);
}

/** The program where everybody may read it: the checkout, and Node, may lie in folders of root's alone. Gives its command line. */
function install(folder) {
  for (const name of ['dist', 'presets', 'examples', 'package.json'])
    cpSync(join(ROOT, name), join(folder, name), { recursive: true });
  run('chmod', ['-R', 'a+rX', folder]);
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

function folderForAll(prefix) {
  const folder = mkdtempSync(prefix);
  chmodSync(folder, 0o755);
  return folder;
}

function run(command, args, options = {}) {
  const done = spawnSync(command, args, { encoding: 'utf8', ...options });
  if (done.status !== 0)
    throw new Error(`${command} ${args.join(' ')} ended with ${done.status}: ${done.stderr || done.error || ''}`);
  return done.stdout;
}

/** The first of so many free ports in a row, below the range the kernel hands out by itself. */
async function freePorts(many) {
  for (let turn = 0; turn < 100; turn++) {
    const base = 20_000 + Math.floor(Math.random() * 10_000);
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
