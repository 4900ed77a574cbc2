import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { run } from '../processes.mjs';
import { writeManifest } from '../repository.mjs';
import { interleave, timed } from '../stats.mjs';

const GROUP = 'Whole commands';

/** Commands as a person types them, against a Node that does nothing. */
export async function commandRows({ main, repository, counts }) {
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
  const row = (what, ours, most) => ({
    group: GROUP,
    what,
    unit: 'ms',
    ours,
    against: { name: 'node -e 0', values: seen.node },
    compare: 'difference',
    ...(most === undefined ? {} : { budget: { of: 'value', most }, because: WHY, remark: REFERENCE }),
  });
  return [
    row('slurm-job-list append', seen.append, 95),
    row('slurm-job-list verify', seen.verify, 90),
    row('--version', seen.help),
  ];
}

const REFERENCE =
  'The budgets are half of what the Python Autolab took for the same commands when it was measured: 190 ms to append and 180 ms to verify. ' +
  'That was another day and is not repeated here.';
const WHY = 'most of it is the program being loaded, all operations whichever is asked for; `--version` does nothing else.';
