import { createHash } from 'node:crypto';
import { chmodSync, copyFileSync, mkdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { ownSlurm, USER } from '../../test/clusters/own-slurm.mjs';
import { run } from '../processes.mjs';
import { makeTemplates } from './shapes.mjs';

/** What Slurm is by itself: a job that is over is forgotten after five minutes (slurm.conf(5), MinJobAge). */
const USUAL = { EAGER: 'yes', MIN_JOB_AGE: '300' };
const LIVE = /^(PENDING|RUNNING|CONFIGURING|COMPLETING|SUSPENDED|STOPPED|REQUEUE|SPECIAL_EXIT|RESV_DEL_HOLD)/;

/** A Slurm for the trials, folders for them, and what is seen of them from outside, as an administrator sees it. `variables`: see test/clusters/slurm. */
export async function startCluster(variables = {}) {
  const slurm = await ownSlurm('/tmp/autolab-bench-slurm-', { ...USUAL, ...variables });
  const env = { ...process.env, SLURM_CONF: slurm.conf };
  const client = (program, ...words) => run(program, words, { env });
  let forget = () => undefined;
  const close = async () => {
    forget();
    await slurm.close();
  };
  try {
    await client('sacctmgr', '-i', 'modify', 'user', 'where', `name=${USER}`, 'set', 'MaxSubmitJobs=50000');
    const templates = join(slurm.folder, 'templates');
    mkdirSync(templates);
    chmodSync(slurm.folder, 0o755);
    slurm.own(slurm.folder);
    const [node, main] = slurm.program;
    forget = await makeTemplates(main, templates);
    const careful = join(slurm.folder, 'careful-submit.sh');
    copyFileSync(join(import.meta.dirname, 'careful-submit.sh'), careful);
    chmodSync(careful, 0o755);
    const home = (await run('getent', ['passwd', USER])).split(':')[5];
    return {
      conf: slurm.conf,
      as: slurm.as,
      program: [node, main],
      client,
      close,
      queue: queueOf(client),
      careful,
      restarting: (work) => restarting(slurm, work),
      /** The folder of a trial: a copy of the shape's. */
      make: async (name, shape) => {
        const folder = join(slurm.folder, name);
        await run('cp', ['-a', join(templates, shape), folder]);
        return folder;
      },
      remove: async (folder) => {
        rmSync(stateFolder(home, join(folder, 'repo')), { recursive: true, force: true });
        await run('rm', ['-rf', folder]).catch(() => sleep(2000).then(() => run('rm', ['-rf', folder])));
      },
    };
  } catch (error) {
    await close();
    throw error;
  }
}

/** While the work goes on, the controller is stopped and started again and again; what is asked meanwhile finds nobody. */
async function restarting({ cluster }, work) {
  let isOver = false;
  const ended = work().finally(() => {
    isOver = true;
  });
  while (!isOver) {
    await cluster('stop', 'slurmctld');
    await sleep(500);
    await cluster('start', 'slurmctld');
    await Promise.race([ended, sleep(2000 + 6000 * Math.random())]);
  }
  await ended;
}

/** As src/runs/home.ts names it, without making it. */
function stateFolder(home, repo) {
  const { id } = JSON.parse(readFileSync(join(repo, '.autolab', 'gate', 'id'), 'utf8'));
  const name = createHash('sha256')
    .update(JSON.stringify({ id, path: repo }))
    .digest('hex')
    .slice(0, 24);
  return join(home, '.local', 'state', 'autolab', name);
}

/**
 * One look at the queue for all who ask within half a second. A look that fails is made again: the judge waits for the controller. Gives
 * the jobs that were submitted from below a folder, those that are over too.
 */
function queueOf(client) {
  let last = { at: 0, rows: Promise.resolve([]) };
  const look = async () => {
    for (let turn = 0; ; turn++) {
      try {
        return rowsOf(await client('squeue', '-h', '-a', '-t', 'all', '-u', USER, '-o', '%F|%T|%r|%j|%Z'));
      } catch (error) {
        if (turn === 30) throw error;
        await sleep(1000);
      }
    }
  };
  return async (folder) => {
    if (Date.now() - last.at > 500) last = { at: Date.now(), rows: look() };
    return (await last.rows).filter((row) => row.folder.startsWith(`${folder}/`));
  };
}

function rowsOf(text) {
  return text
    .split('\n')
    .filter(Boolean)
    .map((line) => {
      const [id, state, reason, name, folder = ''] = line.split('|');
      return { id, state, reason, name, folder, live: LIVE.test(state) };
    });
}
