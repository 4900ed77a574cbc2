import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll } from 'vitest';
import { over } from '../support/asking.ts';
import { until } from '../support/repo.ts';
import type { Tiny } from '../support/tiny.ts';
import { forgetTemplate } from '../support/tiny.ts';
import { makeListed } from './listed-run.ts';
import { crashes } from './matrix.ts';
import { executions, listed, typedUntil } from './typed.ts';
import { runsOf } from './whole.ts';

afterAll(forgetTemplate);

const ENDLESS =
  '#!/bin/sh\n#SBATCH --time=00:05:00\necho "$AUTOLAB_RUN_ID $AUTOLAB_ATTEMPT" >>runs/../executions.log\nwhile :; do sleep 0.2; done\n';

/** A run whose script goes on until it is ended. */
async function running(): Promise<Tiny> {
  const tiny = await makeListed({ script: ENDLESS });
  await typedUntil(tiny, 'submit');
  await until('it runs', async () => existsSync(join(tiny.iteration, 'executions.log')) || undefined);
  return tiny;
}

crashes({
  name: 'cancel',
  prepare: async () => ({ tiny: await running() }),
  act: (tiny, prefix, env) => tiny.run(['cancel', runsOf(tiny)[0] ?? ''], { prefix, ...(env ? { env } : {}) }),
  finish: async (tiny) => {
    await typedUntil(tiny, 'cancel', runsOf(tiny)[0] ?? '');
    await over(tiny);
  },
  ended: async (tiny) => ({ executions: executions(tiny), runs: await listed(tiny) }),
  few: 10,
});
