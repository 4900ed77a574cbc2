import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll } from 'vitest';
import { answered, over } from '../support/asking.ts';
import { until } from '../support/repo.ts';
import type { Tiny } from '../support/tiny.ts';
import { forgetTemplate, makeTiny } from '../support/tiny.ts';
import { crashes } from './matrix.ts';
import { onTerminal, typing } from './operation.ts';
import { executions, listed, typedUntil } from './typed.ts';

afterAll(forgetTemplate);

/** Three tasks, one at a time, of which one runs until the file `go` is there. */
async function running(): Promise<Tiny> {
  const tiny = await makeTiny((path) => {
    const launch = join(path, 'experiments', 'plan', 'tiny', 'launch');
    const lines = ['schema_version: "1"', 'site: local', 'array: { indices: "0-2", parallel: 1 }', 'code: live'];
    writeFileSync(join(launch, 'launch.yaml'), `${lines.join('\n')}\n`);
    const wait = 'until [ -e runs/../go ]; do sleep 0.1; done; echo "$SLURM_ARRAY_TASK_ID" >>runs/../executions.log';
    writeFileSync(join(launch, 'run_local.sh'), `#!/bin/sh\n#SBATCH --time=00:05:00\n${wait}\n`, { mode: 0o755 });
  });
  await typedUntil(tiny, 'submit');
  await until('a task runs', async () => {
    const { runs } = await answered<{ runs: { tasks: { running: number } }[] }>(tiny, 'monitor');
    return runs[0]?.tasks.running === 1 || undefined;
  });
  return tiny;
}

/** Whatever was held is let go, and every task runs once. */
async function finish(tiny: Tiny): Promise<void> {
  const done = await onTerminal(tiny, [], ['resume'], 'yes\n');
  if (done.exit !== 0) throw new Error(`resume: ${done.stdout}`);
  writeFileSync(join(tiny.iteration, 'go'), '');
  await over(tiny);
}

const ended = async (tiny: Tiny) => ({
  executions: executions(tiny),
  runs: await listed(tiny),
  paused: (await answered<{ paused?: string }>(tiny, 'runs')).paused ?? null,
});

crashes({
  name: 'pause',
  prepare: async () => ({ tiny: await running() }),
  act: typing('pause'),
  finish,
  ended,
  few: 4,
  evenly: true,
});

crashes({
  name: 'resume',
  prepare: async () => {
    const tiny = await running();
    await typedUntil(tiny, 'pause');
    return { tiny };
  },
  act: (tiny, prefix) => onTerminal(tiny, prefix, ['resume'], 'yes\n'),
  finish,
  ended,
  few: 4,
  evenly: true,
});
