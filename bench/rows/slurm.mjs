import { execFileSync } from 'node:child_process';
import { chmodSync, cpSync, mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { ownSlurm } from '../../test/clusters/own-slurm.mjs';
import { run } from '../processes.mjs';
import { median } from '../stats.mjs';

const PROGRAMS = ['sbatch', 'squeue', 'sacct', 'scontrol', 'scancel', 'sinfo', 'sacctmgr'];

/** A submission and looks on a real Slurm of the benchmark's own. Without root there is none, and no rows. */
export async function slurmRows({ inside, counts }) {
  if (process.getuid?.() !== 0) {
    process.stderr.write('bench: no rows for Slurm: starting one needs root\n');
    return [];
  }
  const slurm = await ownSlurm('/tmp/autolab-bench-slurm-');
  try {
    const [node, main] = slurm.program;
    // The account of a test cluster may have 5,000 jobs; the benchmark wants more tasks.
    execFileSync('sacctmgr', ['-i', 'modify', 'user', 'where', 'name=autolab-user', 'set', 'MaxSubmitJobs=50000'], {
      env: { ...process.env, SLURM_CONF: slurm.conf },
      stdio: 'ignore',
    });
    const own = join(slurm.folder, 'inside');
    cpSync(dirname(inside('slurm')), own, { recursive: true });
    const work = join(slurm.folder, 'bench');
    const calls = join(slurm.folder, 'calls');
    mkdirSync(calls);
    for (const name of PROGRAMS) {
      const text = `#!/bin/sh\necho "${name} $1 $2" >>'${join(work, 'calls')}'\nexec /usr/bin/${name} "$@"\n`;
      writeFileSync(join(calls, name), text, { mode: 0o755 });
    }
    chmodSync(slurm.folder, 0o755);
    slurm.own(slurm.folder);
    const { submits, polls, tasks } = counts;
    const words = JSON.stringify({ main, folder: work, calls, submits, polls, tasks });
    const [program, ...args] = slurm.as([node, join(own, 'slurm.mjs'), words]);
    return rowsOf(JSON.parse(await run(program, args, { cwd: slurm.folder })), tasks);
  } finally {
    await slurm.close();
  }
}

function rowsOf({ submissions, looks }, tasks) {
  const group = 'On a real Slurm';
  const { ours, raw, dry, programs } = submissions;
  const raws = { name: 'sbatch --hold, scontrol show job, scontrol release', values: raw };
  const all = Object.values(looks).flatMap(({ ours: some }) => some.map(({ commands }) => commands));
  return [
    {
      group,
      what: 'submit_run, call to answer',
      unit: 'ms',
      ours,
      against: raws,
      compare: 'difference',
      budget: { of: 'difference', most: 40 },
      because:
        `one submission starts ${programs.length} programs of Slurm where three by hand do (${programs.map(shortly).join(', ')}): it also looks at ` +
        'the queue, has the job tested, looks its name up, and sees whether the release was one. Each is a process that connects to the controller.',
    },
    { group, what: 'submit_run as a dry run', unit: 'ms', ours: dry, against: raws, compare: 'difference' },
    ...Object.entries(looks).map(([count, { ours: seen, raw: squeue }]) => ({
      group,
      what: `poll of ${Number(count).toLocaleString('en-US')} task${count === '1' ? '' : 's'}`,
      unit: 'ms',
      ours: seen.map(({ ms }) => ms),
      against: { name: 'squeue by hand', values: squeue },
      compare: 'ratio',
    })),
    {
      group,
      what: `commands a poll, 1 to ${tasks.toLocaleString('en-US')} tasks`,
      unit: 'commands',
      ours: all,
      budget: { of: 'value', most: 3 },
      remark: `The median of all polls; the most was ${Math.max(...all)}, the median of the programs a submission starts ${median([programs.length])}.`,
    },
  ];
}

/** `sbatch --parsable --hold` is told as `sbatch --parsable`, `scontrol show job` whole. */
function shortly(line) {
  const [program, verb] = line.split(' ');
  return `${program} ${verb}`;
}
