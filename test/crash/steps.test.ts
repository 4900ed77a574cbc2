import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll } from 'vitest';
import { over } from '../support/asking.ts';
import type { Tiny } from '../support/tiny.ts';
import { forgetTemplate } from '../support/tiny.ts';
import { makeListed } from './listed-run.ts';
import { crashes } from './matrix.ts';
import { typing } from './operation.ts';
import { kept } from './scenes.ts';
import { executions, listed, submitted, toldOf, typedUntil } from './typed.ts';

afterAll(forgetTemplate);

const ended = async (tiny: Tiny) => ({ executions: executions(tiny), order: order(tiny), runs: await listed(tiny) });
/** Steps in the order in which they ran, the tasks of one as one. */
function order({ iteration }: Tiny): string[] {
  const path = join(iteration, 'executions.log');
  const steps = existsSync(path) ? readFileSync(path, 'utf8').trim().split('\n') : [];
  return steps.map((line) => line.split(' ')[0] ?? '').filter((step, at, all) => step !== all[at - 1]);
}
const noting = (step: string, more = '') =>
  `#!/bin/sh\n#SBATCH --time=00:01:00\necho "${step} $SLURM_ARRAY_TASK_ID" >>runs/../executions.log\n${more}`;

crashes({
  name: 'submit, an array',
  prepare: async () => ({ tiny: await makeListed({ script: noting('main'), launch: 'array: { indices: "1-3" }\n' }) }),
  act: typing('submit'),
  finish: submitted,
  ended,
  few: 8,
});

crashes({
  name: 'submit, an array with a canary',
  prepare: async () => ({
    tiny: await makeListed({ script: noting('main'), launch: 'canary: true\narray: { indices: "1-3" }\n' }),
  }),
  act: typing('submit'),
  finish: submitted,
  ended,
  few: 10,
});

/** Three steps, of which the last has a leg more than it needs. */
const STEPS = `resources: { cpus: 1, memory: 50MB, walltime: "00:01:00" }
steps:
  - { name: gen, script: gen.sh, array: { indices: "0-2", parallel: 2 } }
  - { name: hist, script: hist.sh, after: [gen] }
  - { name: tidy, script: tidy.sh, legs: 2, after: [{ step: hist, on: any }] }
`;
const scripts = (mended = '') => ({ 'gen.sh': noting('gen', mended), 'hist.sh': noting('hist'), 'tidy.sh': noting('tidy') });

crashes({
  name: 'submit, a chain',
  prepare: async () => ({ tiny: await makeListed({ launch: STEPS, scripts: scripts() }) }),
  act: typing('submit'),
  finish: submitted,
  ended,
  few: 10,
});

const DONE = /have tasks that have not ended|has tasks that have not ended|every task has ended well/;
crashes({
  name: 'retry',
  prepare: async () => {
    const mended = '[ "$SLURM_ARRAY_TASK_ID" != 1 ] || [ -e runs/../mended ]\n';
    const tiny = await makeListed({ launch: STEPS.replace('legs: 2, ', ''), scripts: scripts(mended) });
    await typedUntil(tiny, 'submit');
    await over(tiny);
    writeFileSync(join(tiny.iteration, 'mended'), '');
    rmSync(join(tiny.iteration, 'executions.log'));
    return kept(tiny);
  },
  act: typing('retry'),
  finish: async (tiny) => {
    await toldOf(tiny, 'retry');
    const done = await tiny.run(['retry']);
    if (done.exit !== 0 && !DONE.test(done.stderr)) await typedUntil(tiny, 'retry');
    await over(tiny);
  },
  ended,
  few: 10,
});
