// What is measured over ssh to a login host with a Slurm, in one process of the account that uses it. Prints one JSON object.
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { userInfo } from 'node:os';
import { join } from 'node:path';
import { slurmScheduler } from '../../src/sites/schedulers/slurm.ts';
import { openSite } from '../../src/sites/site.ts';
import { sshTransport } from '../../src/sites/transports/ssh.ts';
import { run } from '../processes.mjs';
import { makeRepository } from '../repository.mjs';
import { interleave, timed } from '../stats.mjs';
import { connect } from '../wire.mjs';
import { HOLD, queueOf, SCRIPT } from './slurm-words.mjs';

const { main, folder, config, submits, polls } = JSON.parse(process.argv[2]);
const user = userInfo().username;
const SITES = `schema_version: "1"\nsites: { slurm: { scheduler: slurm, transport: { ssh: { host: lab, config: "${config}" } } } }\n`;
const socket = join(folder, 'by-hand');
const options = ['-F', config, '-o', 'BatchMode=yes', '-o', `ControlPath=${socket}`, '-o', 'ControlMaster=auto'];
/** By hand, over one shared connection of its own. */
const ssh = async (...words) => (await run('ssh', [...options, '-o', 'ControlPersist=60', 'lab', ...words])).trim();

/** A submission through a running server, and the three commands by hand, in turn. Every job is cancelled before the next. */
async function submissions() {
  const repository = await makeRepository(main, join(folder, 'repository'), SCRIPT, 'slurm', { sites: SITES });
  const server = await connect([main, 'serve'], { cwd: repository.path });
  const cancel = (id) => ssh('scancel', '-Q', String(id));
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
        id = await ssh('sbatch', ...HOLD, script);
        await ssh('scontrol', 'show', 'job', id);
        await ssh('scontrol', 'release', id);
      });
      await cancel(id);
      return ms;
    };
    return await interleave(submits, { ours: submit, raw: byHand, dry: () => submit({ dry_run: true }) });
  } finally {
    await server.close();
    await repository.remove();
  }
}

const transport = sshTransport({ host: 'lab', config });

/** One look at 1 and at 100 waiting tasks, against squeue over ssh. */
async function looks() {
  const site = openSite('slurm', slurmScheduler(), transport, user);
  const result = {};
  for (const count of [1, 100]) {
    const name = `al_bench.main.1.${String(count).padStart(12, '0')}`;
    const id = await ssh('sbatch', ...HOLD, `--array=0-${count - 1}`, `--job-name=${name}`, '--wrap=:');
    result[count] = await interleave(polls, {
      ours: () =>
        timed(async () => {
          const look = await site.poll({ jobs: [{ id, name, open: count }], since: Math.floor(Date.now() / 1000) - 60 });
          if (look.jobs.length !== count) throw new Error(`${look.jobs.length} of ${count} tasks seen`);
        }),
      raw: () => timed(() => ssh('squeue', ...queueOf(user))),
    });
    await ssh('scancel', '-Q', id);
  }
  return result;
}

/** What a command costs before it does anything. */
async function commands() {
  const nothing = async () => {
    const { exit, fault } = await transport.run({ argv: ['true'] }, { timeoutMs: 30_000 });
    if (exit !== 0) throw fault ?? new Error(`true ended with ${exit}`);
  };
  return interleave(polls, { ours: () => timed(nothing), raw: () => timed(() => ssh('true')) });
}

mkdirSync(folder, { recursive: true });
try {
  console.log(JSON.stringify({ commands: await commands(), submissions: await submissions(), looks: await looks() }));
} finally {
  await run('ssh', [...options, '-O', 'exit', 'lab']).catch(() => undefined);
  rmSync(folder, { recursive: true, force: true, maxRetries: 5 });
}
