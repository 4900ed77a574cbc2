import { chmodSync, cpSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { ownSlurm } from '../../test/clusters/own-slurm.mjs';
import { ownSshd } from '../../test/clusters/own-sshd.mjs';
import { run } from '../processes.mjs';

/** A submission and looks over a real sshd, whose login host has a real Slurm. Without root there is neither, and no rows. */
export async function sshRows({ inside, counts }) {
  if (process.getuid?.() !== 0) {
    process.stderr.write('bench: no rows over ssh: starting an sshd and a Slurm needs root\n');
    return [];
  }
  const slurm = await ownSlurm('/tmp/autolab-bench-slurm-');
  let sshd;
  try {
    sshd = await ownSshd('/tmp/autolab-bench-sshd-', { more: `SetEnv SLURM_CONF=${slurm.conf}` });
    const [user] = slurm.as([]).slice(2, 3);
    const config = await sshd.configFor(user, 'bench');
    const [node, main] = slurm.program;
    const own = join(slurm.folder, 'inside');
    cpSync(dirname(inside('ssh')), own, { recursive: true });
    chmodSync(slurm.folder, 0o755);
    slurm.own(slurm.folder);
    const { submits, polls } = counts;
    const words = JSON.stringify({ main, folder: join(slurm.folder, 'bench'), config, submits, polls });
    const [program, ...args] = slurm.as(['env', '-u', 'SLURM_CONF', node, join(own, 'ssh.mjs'), words]);
    return rowsOf(JSON.parse(await run(program, args, { cwd: slurm.folder })));
  } finally {
    await sshd?.close();
    await slurm.close();
  }
}

function rowsOf({ commands, submissions, looks }) {
  const row = (what, ours, name, values, more = {}) => ({
    group: 'Over ssh',
    what,
    unit: 'ms',
    ours,
    against: { name, values },
    compare: 'ratio',
    ...more,
  });
  const raw = ['ssh sbatch --hold, ssh scontrol show job, ssh scontrol release', submissions.raw];
  return [
    row('one command that does nothing', commands.ours, 'ssh true', commands.raw),
    row('submit_run over ssh, call to answer', submissions.ours, ...raw),
    row('submit_run over ssh as a dry run', submissions.dry, ...raw),
    ...Object.entries(looks).map(([count, { ours, raw: squeue }]) =>
      row(`poll over ssh of ${count} task${count === '1' ? '' : 's'}`, ours, 'ssh squeue', squeue),
    ),
  ];
}
