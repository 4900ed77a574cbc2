// Everything that is measured on a real Slurm, in one process of the account that uses it. Prints one JSON object.
import { spawnSync } from 'node:child_process';
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { userInfo } from 'node:os';
import { join } from 'node:path';
import { slurmScheduler } from '../../src/sites/schedulers/slurm.ts';
import { openSite } from '../../src/sites/site.ts';
import { localTransport } from '../../src/sites/transports/local.ts';
import { run } from '../processes.mjs';
import { makeRepository } from '../repository.mjs';
import { interleave, timed } from '../stats.mjs';
import { connect } from '../wire.mjs';
import { HOLD, queueOf, SCRIPT } from './slurm-words.mjs';

const { main, folder, calls, submits, polls, tasks } = JSON.parse(process.argv[2]);
const user = userInfo().username;
/** A submission through a running server, and the three commands by hand, in turn. Every job is cancelled before the next. */
async function submissions() {
  const repository = await makeRepository(main, join(folder, 'repository'), SCRIPT, 'slurm');
  const server = await connect([main, 'serve'], { cwd: repository.path });
  const cancel = (id) => run('scancel', ['-Q', String(id)]);
  const script = join(folder, 'by-hand.sh');
  writeFileSync(script, SCRIPT, { mode: 0o755 });
  try {
    const submit = async (args = {}) => {
      let answer;
      const ms = await timed(async () => {
        answer = await server.call('submit_run', args);
      });
      if (answer.job_id) await cancel(answer.job_id);
      await repository.reset();
      return ms;
    };
    const byHand = async () => {
      let id;
      const ms = await timed(async () => {
        id = (await run('sbatch', [...HOLD, script])).trim();
        await run('scontrol', ['show', 'job', id]);
        await run('scontrol', ['release', id]);
      });
      await cancel(id);
      return ms;
    };
    const seen = await interleave(submits, { ours: submit, raw: byHand, dry: () => submit({ dry_run: true }) });
    return { ...seen, programs: await programsOf(repository) };
  } finally {
    await server.close();
    await repository.remove();
  }
}

/** The programs of Slurm that one submission starts, told by stand-ins on PATH that go on with the real ones. Not timed. */
async function programsOf(repository) {
  const server = await connect([main, 'serve'], {
    cwd: repository.path,
    env: { ...process.env, PATH: `${calls}:${process.env.PATH}` },
  });
  try {
    await server.call('submit_run', { dry_run: true });
    const log = join(folder, 'calls');
    writeFileSync(log, '');
    const { job_id: id } = await server.call('submit_run');
    await run('scancel', ['-Q', String(id)]);
    return readFileSync(log, 'utf8').trim().split('\n');
  } finally {
    await server.close();
  }
}

/** One look at 1, 100 and many waiting tasks, against squeue alone; how many commands each was. */
async function looks() {
  const transport = localTransport();
  let commands = 0;
  const counting = { name: 'local', run: (...args) => transport.run(...args, ++commands) };
  const site = openSite('slurm', slurmScheduler(), counting, user);
  const result = {};
  for (const count of [1, 100, tasks]) {
    const name = `al_bench.main.1.${String(count).padStart(12, '0')}`;
    const id = (await run('sbatch', [...HOLD, `--array=0-${count - 1}`, `--job-name=${name}`, '--wrap=:'])).trim();
    const seen = await interleave(polls, {
      ours: async () => {
        commands = 0;
        const ms = await timed(async () => {
          const look = await site.poll({ jobs: [{ id, name, open: count }], since: Math.floor(Date.now() / 1000) - 60 });
          if (look.jobs.length !== count) throw new Error(`${look.jobs.length} of ${count} tasks seen`);
        });
        return { ms, commands };
      },
      raw: () =>
        timed(() => {
          const { status, stderr } = spawnSync('squeue', queueOf(user), { maxBuffer: 2 ** 28 });
          if (status !== 0) throw new Error(`squeue ended with ${status}: ${stderr}`);
        }),
    });
    await run('scancel', ['-Q', id]);
    result[count] = seen;
  }
  return result;
}

mkdirSync(folder, { recursive: true });
try {
  console.log(JSON.stringify({ submissions: await submissions(), looks: await looks() }));
} finally {
  rmSync(folder, { recursive: true, force: true, maxRetries: 5 });
}
