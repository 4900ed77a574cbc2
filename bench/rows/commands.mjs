import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { run } from '../processes.mjs';
import { writeManifest } from '../repository.mjs';
import { interleave, timed } from '../stats.mjs';

const GROUP = 'Whole commands';

/** Commands as a person types them, against a Node that does nothing. */
export async function commandRows({ main, repository, counts }) {
  // Before there is any run: what is judged then is the plan alone.
  const stage = await interleave(counts.commands, {
    ours: () => timed(() => run(process.execPath, [main, 'verify', '--stage', 'launch'], { cwd: repository.path })),
    node: () => timed(() => run(process.execPath, ['-e', '0'])),
  });
  const manifest = writeManifest(repository, 2);
  const list = (verb) => () =>
    timed(() => run(process.execPath, [main, 'slurm-job-list', verb, '--manifest', manifest], { cwd: repository.path }));
  const forget = () => rmSync(join(repository.path, 'docs', 'slurm_job_list.md'), { force: true });
  const seen = await interleave(counts.commands, {
    append: () => {
      forget();
      return list('append')();
    },
    verify: list('verify'),
    help: () => timed(() => run(process.execPath, [main, '--version'])),
    node: () => timed(() => run(process.execPath, ['-e', '0'])),
  });
  const row = (what, ours, most, remark = REFERENCE) => ({
    group: GROUP,
    what,
    unit: 'ms',
    ours,
    against: { name: 'node -e 0', values: seen.node },
    compare: 'difference',
    ...(most === undefined ? {} : { budget: { of: 'value', most }, because: WHY, remark }),
  });
  return [
    row('slurm-job-list append', seen.append, 95),
    row('slurm-job-list verify', seen.verify, 90),
    {
      ...row('verify --stage launch, no commands of the user', stage.ours, 250, STAGE),
      against: { name: 'node -e 0', values: stage.node },
    },
    row('--version', seen.help),
  ];
}

const REFERENCE =
  'The budgets are half of what the Python Autolab took for the same commands when it was measured: 190 ms to append and 180 ms to verify. ' +
  'That was another day and is not repeated here.';
const STAGE = 'The Python Autolab took about 1,400 ms for `verify --stage launch` when it was measured, on another day.';
const WHY = 'most of it is the program being loaded, all operations whichever is asked for; `--version` does nothing else.';
