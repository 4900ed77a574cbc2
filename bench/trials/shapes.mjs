import { mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { run } from '../processes.mjs';
import { makeRepository } from '../repository.mjs';

/** What is submitted, by name: its launch.yaml, and which executions it is made of, as `STEP TASK`. */
export const SHAPES = {
  single: { launch: '', steps: ['main'], tasks: [''] },
  array: { launch: 'array: { indices: "0-2" }\n', steps: ['main'], tasks: ['0', '1', '2'] },
  chain: {
    launch: 'steps:\n  - { name: first, script: first.sh }\n  - { name: second, script: second.sh, after: [first] }\n',
    steps: ['first', 'second'],
    tasks: [''],
  },
};

/** The executions of a shape when everything has run once. */
export function executionsOf(shape) {
  const { steps, tasks } = SHAPES[shape];
  return steps.flatMap((step) => tasks.map((task) => `${step} ${task}`.trim()));
}

/** A job that does nothing but note that it was executed. */
function scriptOf(step) {
  return `#!/bin/sh\n#SBATCH --time=00:01:00\n#SBATCH --mem=50M\necho "${step} $SLURM_ARRAY_TASK_ID" >>runs/../executions.log\n`;
}

/** The folder, within a trial's own, that jobs of either design are submitted from. */
export const ITERATION = join('repo', 'experiments', 'plan', 'bench');

/**
 * A repository for each shape in `folder`, ready to be copied for a trial: for ours with policy and experiment, for a script of one's own
 * with the same batch scripts at the same place. They belong to whoever `folder` does. Gives what takes them away.
 */
export async function makeTemplates(main, folder) {
  const { uid, gid } = statSync(folder);
  const made = [];
  for (const [name, { launch, steps }] of Object.entries(SHAPES)) {
    const path = join(folder, name, 'repo');
    mkdirSync(join(folder, name), { recursive: true });
    const { iteration, remove } = await makeRepository(main, path, scriptOf('main'), 'slurm');
    made.push(remove);
    const file = join(iteration, 'launch', 'launch.yaml');
    writeFileSync(file, `${readFileSync(file, 'utf8')}${launch}`);
    for (const step of steps) writeFileSync(join(iteration, 'launch', `${step}.sh`), scriptOf(step), { mode: 0o755 });
    await run('git', ['add', '-A'], { cwd: path });
    await run('git', ['-c', 'user.name=bench', '-c', 'user.email=bench@localhost', 'commit', '-qm', name], { cwd: path });
    // Relative to it the script names its notes; ours makes it by itself.
    mkdirSync(join(iteration, 'runs'), { recursive: true });
    for (const part of ['bin', 'calls', 'callers', 'late', 'work']) mkdirSync(join(folder, name, part));
    await run('chown', ['-R', `${uid}:${gid}`, join(folder, name)]);
  }
  return () => {
    for (const remove of made) remove();
  };
}
