import { execFileSync } from 'node:child_process';
import { setTimeout as sleep } from 'node:timers/promises';
import { ownSlurm } from '../../test/clusters/own-slurm.mjs';
import { indent, must, say, title } from './say.mjs';

/** A real Slurm of the demo's own, with accounting, and an account without privileges that runs everything else. */
export async function slurmSite() {
  title('A Slurm is started: two nodes, accounting, a user without privileges');
  const { program, as, own, close } = await ownSlurm('/tmp/autolab-demo-slurm-');
  const client = (...words) => execFileSync('runuser', as(words).slice(1), { cwd: '/', encoding: 'utf8' });
  indent(client('sinfo').trim());
  return {
    preset: 'slurm',
    limits: '\n  limits: { scheduler: { poll_seconds: 2, calls_per_hour: 3600 } }   # the cluster is mine alone',
    folder: '/tmp',
    as,
    program: as(program),
    own,
    moveHere: (launch) => launch.replace(/^site: local.*\n/m, ''),
    report: (jobId, tasks) => accounted(client, jobId, tasks),
    close,
  };
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
