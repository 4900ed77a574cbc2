import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { order, over } from '../support/asking.ts';
import { makeChain } from '../support/chains.ts';
import { killedAtEach } from '../support/killed-at.ts';
import { mostlyStarts, placesOf, startsOf } from '../support/places.ts';
import { until } from '../support/repo.ts';
import type { Tiny } from '../support/tiny.ts';
import { forgetTemplate } from '../support/tiny.ts';

const GEN = 'echo "gen $AUTOLAB_TASK_INDEX" >>runs/../order\n[ "$AUTOLAB_TASK_INDEX" != 1 ] || [ -e runs/../mended ]\n';
afterAll(forgetTemplate);

/** A chain of which task 1 has failed and what waited for it with it; mended since. */
async function failed(): Promise<Tiny> {
  const tiny = await makeChain({ gen: GEN });
  expect(await tiny.run(['submit'])).toMatchObject({ exit: 0 });
  await over(tiny);
  writeFileSync(join(tiny.iteration, 'mended'), '');
  rmSync(join(tiny.iteration, 'order'));
  return tiny;
}

/** What the next server does: the same call until all of it runs or has run. */
async function finish(tiny: Tiny): Promise<void> {
  await until('it is submitted again, whole', async () => {
    const { exit, stderr } = await tiny.run(['retry']);
    return (
      exit === 0 ||
      /have tasks that have not ended|has tasks that have not ended|every task has ended well/.test(stderr) ||
      undefined
    );
  });
  await over(tiny);
}

const retry = (tiny: Tiny, prefix: string[]) => tiny.run(['retry'], { prefix });

async function endOf(tiny: Tiny): Promise<unknown> {
  await finish(tiny);
  const { stdout } = await tiny.run(['runs']);
  return {
    order: order(tiny),
    well: stdout.includes('gen 3/3 tasks done;hist succeeded;tidy succeeded'),
    audit: (await tiny.run(['audit', 'verify'])).exit,
  };
}

test('a retry that is killed anywhere is finished by the next calls, each task exactly once', async () => {
  const whole = await failed();
  const places = await placesOf(async (prefix) => expect(await retry(whole, prefix)).toMatchObject({ exit: 0 }));
  await over(whole);
  whole.remove();
  expect(startsOf(places).length).toBeGreaterThan(10);
  const results = await killedAtEach(mostlyStarts(places, 4, 7), { made: failed, act: retry, after: endOf });
  const once = { order: ['gen 1', 'hist', 'tidy'], well: true, audit: 0 };
  expect(results).toEqual(Object.fromEntries(Object.keys(results).map((place) => [place, once])));
}, 900_000);
