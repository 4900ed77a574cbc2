import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { over } from '../support/asking.ts';
import { makeChain } from '../support/chains.ts';
import { subset } from '../support/places.ts';
import { until } from '../support/repo.ts';
import type { Tiny } from '../support/tiny.ts';
import { forgetTemplate } from '../support/tiny.ts';

const STARTS = 'clone,clone3,vfork,fork';
const GEN = 'echo "gen $AUTOLAB_TASK_INDEX" >>runs/../order\n[ "$AUTOLAB_TASK_INDEX" != 1 ] || [ -e runs/../mended ]\n';
const scratch = mkdtempSync(join(tmpdir(), 'retry-kill-'));
afterAll(async () => {
  rmSync(scratch, { recursive: true });
  await forgetTemplate();
});

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

async function countStarts(): Promise<number> {
  const tiny = await failed();
  const log = join(scratch, 'calls');
  expect(await tiny.run(['retry'], { prefix: ['strace', '-qq', '-o', log, '-e', `trace=${STARTS}`] })).toMatchObject({ exit: 0 });
  await over(tiny);
  tiny.remove();
  return readFileSync(log, 'utf8')
    .split('\n')
    .filter((line) => STARTS.split(',').includes(line.slice(0, line.indexOf('(')))).length;
}

async function killAt(nth: number): Promise<unknown> {
  const tiny = await failed();
  try {
    const inject = STARTS.split(',').map((name) => `-einject=${name}:signal=KILL:when=${nth}`);
    await tiny.run(['retry'], { prefix: ['strace', '-qq', '-o', '/dev/null', '-e', `trace=${STARTS}`, ...inject] });
    await finish(tiny);
    const { stdout } = await tiny.run(['runs']);
    return {
      order: readFileSync(join(tiny.iteration, 'order'), 'utf8').trim().split('\n'),
      well: stdout.includes('gen 3/3 tasks done;hist succeeded;tidy succeeded'),
      audit: (await tiny.run(['audit', 'verify'])).exit,
    };
  } finally {
    tiny.remove();
  }
}

test('a retry that is killed at any process start is finished by the next calls, each task exactly once', async () => {
  const all = Array.from({ length: await countStarts() }, (_, at) => at + 1);
  expect(all.length).toBeGreaterThan(10);
  const places = subset(all, 6);
  const results: Record<string, unknown> = {};
  const next = async (): Promise<void> => {
    for (let nth = places.shift(); nth !== undefined; nth = places.shift()) results[nth] = await killAt(nth);
  };
  await Promise.all([next(), next()]);
  const once = { order: ['gen 1', 'hist', 'tidy'], well: true, audit: 0 };
  expect(results).toEqual(Object.fromEntries(Object.keys(results).map((nth) => [nth, once])));
}, 900_000);
