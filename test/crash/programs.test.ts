import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { over } from '../support/asking.ts';
import { until } from '../support/repo.ts';
import { forgetTemplate } from '../support/tiny.ts';
import { killer } from './killer.ts';
import { makeListed } from './listed-run.ts';
import { eachOf, endOf, judged } from './matrix.ts';
import type { Operation } from './operation.ts';
import { typing } from './operation.ts';
import { report } from './trials.ts';
import { executions, listed, submitted, typedUntil } from './typed.ts';
import { runsOf } from './whole.ts';

const scratch = mkdtempSync(join(tmpdir(), 'crash-programs-'));
afterAll(async () => {
  rmSync(scratch, { recursive: true });
  await forgetTemplate();
});

const ENDLESS =
  '#!/bin/sh\n#SBATCH --time=00:05:00\necho "$AUTOLAB_RUN_ID $AUTOLAB_ATTEMPT" >>runs/../executions.log\nwhile :; do sleep 0.2; done\n';

/** What talks to the scheduler: strace hits neither its work nor the time before its reply. */
const OPERATIONS: readonly Omit<Operation, 'few'>[] = [
  {
    name: 'submit',
    prepare: async () => ({ tiny: await makeListed() }),
    act: typing('submit'),
    finish: submitted,
    ended: async (tiny) => ({ executions: executions(tiny), runs: await listed(tiny) }),
  },
  {
    name: 'cancel',
    prepare: async () => {
      const tiny = await makeListed({ script: ENDLESS });
      await typedUntil(tiny, 'submit');
      await until('it runs', async () => existsSync(join(tiny.iteration, 'executions.log')) || undefined);
      return { tiny };
    },
    act: (tiny, prefix, env) => tiny.run(['cancel', runsOf(tiny)[0] ?? ''], { prefix, ...(env ? { env } : {}) }),
    finish: async (tiny) => {
      await typedUntil(tiny, 'cancel', runsOf(tiny)[0] ?? '');
      await over(tiny);
    },
    ended: async (tiny) => ({ executions: executions(tiny), runs: await listed(tiny) }),
  },
  {
    name: 'monitor',
    prepare: async () => {
      const tiny = await makeListed();
      await typedUntil(tiny, 'submit');
      await until('it has run', async () => existsSync(join(tiny.iteration, 'executions.log')) || undefined);
      return { tiny };
    },
    act: typing('monitor'),
    finish: async (tiny) => void (await over(tiny)),
    ended: async (tiny) => ({ executions: executions(tiny), runs: await listed(tiny) }),
  },
];

let count = 0;
const folder = () => join(scratch, String(++count));

test.each(OPERATIONS)(
  '$name, killed while the scheduler does what it was told, ends as if it had not been',
  async (one) => {
    const operation: Operation = { ...one, few: 0 };
    const { tiny } = await operation.prepare();
    const watching = killer(folder(), 0, 'after');
    expect(await operation.act(tiny, [], { PATH: watching.path })).toMatchObject({ exit: 0 });
    await operation.finish(tiny);
    const expected = await endOf(operation, tiny, true);
    tiny.remove();
    const commands = watching.commands();
    const places = commands.flatMap((verb, at) => (['before', 'after'] as const).map((when) => ({ verb, nth: at + 1, when })));
    console.info(`${operation.name}: before and after each of ${commands.join(', ')}`);
    const wrong: Record<string, string> = {};
    await eachOf(operation, places, async (trial, { verb, nth, when }) => {
      const done = await operation.act(trial, [], { PATH: killer(folder(), nth, when).path });
      const detail = done.signal === 'SIGKILL' ? await judged(operation, trial, expected, nth === 1) : 'nobody was killed';
      const call = `${when} ${verb}`;
      report({ operation: operation.name, call, nth, outcome: detail === '' ? 'once' : 'wrong', detail });
      if (detail !== '') wrong[`${call} ${nth}`] = detail;
    });
    expect(wrong).toEqual({});
    expect(commands.length).toBeGreaterThan(0);
  },
  900_000,
);
