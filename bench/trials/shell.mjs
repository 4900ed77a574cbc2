import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { call } from './call.mjs';
import { ITERATION, SHAPES } from './shapes.mjs';

/** What each shape is for a script of one's own. The options of sbatch come after the batch script's name. */
const WORDS = {
  single: ['main', 'launch/main.sh'],
  array: ['main', 'launch/main.sh', '--array=0-2'],
  chain: SHAPES.chain.steps.flatMap((step, at) => [...(at > 0 ? ['--'] : []), step, `launch/${step}.sh`]),
};

/** The careful script: called again while it says that something is not known, then asked for the state until that is known. */
export const shell = {
  name: 'careful-submit.sh',
  place: (folder) => join(folder, ITERATION),
  words: ({ cluster, folder, shape }) => [cluster.careful, 'submit', join(folder, 'work'), ...WORDS[shape]],
  settle,
};

async function settle(trial) {
  const said = [];
  const submitted = await again(trial, said, 15, shell.words(trial));
  if (submitted === 1) return { verdict: 'refused', said };
  if (submitted !== 0) return { verdict: 'unsure', said };
  const ended = await again(trial, said, 60, [trial.cluster.careful, 'status', join(trial.folder, 'work')]);
  return { verdict: ended === 0 ? 'succeeded' : 'unsure', said };
}

/** The exit code that it ends with at last; 75 asks for another call. */
async function again(trial, said, turns, words) {
  for (let turn = 0; turn < turns; turn++) {
    const { exit, stdout, stderr } = await call(trial, words);
    const told = `${words[1]} ${exit}: ${(stderr || stdout).trim().replaceAll('\n', ' ')}`.slice(0, 300);
    if (said.at(-1) !== told) said.push(told);
    if (exit !== 75) return exit;
    await sleep(1000);
  }
  return 75;
}
