import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { journalOf } from '../support/artifacts.ts';
import { answered } from '../support/asking.ts';
import { makeChain, STEPS } from '../support/chains.ts';
import { subset } from '../support/places.ts';
import { until } from '../support/repo.ts';
import type { Tiny } from '../support/tiny.ts';
import { forgetTemplate } from '../support/tiny.ts';

/** The usual chain, whose last step has a leg more, which is not needed. */
const LAUNCH = STEPS.replace('script: tidy.sh', 'script: tidy.sh, legs: 2');
/** How processes are started: git, the scheduler, and ours beside it. */
const CALLS = 'clone,clone3,vfork,fork';
const scratch = mkdtempSync(join(tmpdir(), 'chain-kill-'));
afterAll(async () => {
  rmSync(scratch, { recursive: true });
  await forgetTemplate();
});

/** What the next server does: the same call until every step has its job, then looks until nothing is waited for. */
async function finish(tiny: Tiny): Promise<string> {
  const { run_id } = await until('every step is submitted', async () => {
    const answer = await answered<{ run_id: string; steps: { job_id: string | null }[] }>(tiny, 'submit');
    return answer.steps.length === 4 && answer.steps.every((one) => one.job_id !== null) ? answer : undefined;
  });
  await until(
    'nothing is waited for',
    async () => (await answered<{ all_over: boolean }>(tiny, 'monitor')).all_over || undefined,
  );
  return run_id;
}

/** How many such calls one undisturbed submission makes: the places where it is cut off. */
async function countCalls(): Promise<Record<string, number>> {
  const tiny = await makeChain({}, LAUNCH);
  const log = join(scratch, 'calls');
  const done = await tiny.run(['submit'], { prefix: ['strace', '-qq', '-o', log, '-e', `trace=${CALLS}`] });
  expect(done).toMatchObject({ exit: 0 });
  await finish(tiny);
  tiny.remove();
  const names = readFileSync(log, 'utf8')
    .split('\n')
    .map((line) => line.slice(0, line.indexOf('(')));
  return Object.fromEntries(CALLS.split(',').map((call) => [call, names.filter((name) => name === call).length]));
}

async function killAt(call: string, nth: number): Promise<{ cut: number; ended: unknown }> {
  const tiny = await makeChain({}, LAUNCH);
  try {
    await tiny.run(['submit'], {
      prefix: ['strace', '-qq', '-o', '/dev/null', '-e', `trace=${call}`, `-einject=${call}:signal=KILL:when=${nth}`],
    });
    const { runs } = await answered<{ runs: { run_id: string }[] }>(tiny, 'runs');
    const before = runs[0]?.run_id;
    const cut =
      before === undefined
        ? 0
        : journalOf(join(tiny.iteration, 'runs', before)).filter((row) => row.event === 'submitted').length;
    const id = await finish(tiny);
    const order = readFileSync(join(tiny.iteration, 'order'), 'utf8').trim().split('\n');
    return {
      cut,
      ended: {
        first: order.slice(0, 3).sort(),
        rest: order.slice(3),
        sameRun: before === undefined || before === id,
        runs: (await answered<{ total: number }>(tiny, 'runs')).total,
        audit: (await tiny.run(['audit', 'verify'])).exit,
      },
    };
  } finally {
    tiny.remove();
  }
}

test('a chain that is killed anywhere is finished by the next calls, every step exactly once and in order', async () => {
  const counts = await countCalls();
  const places = Object.entries(counts).flatMap(([call, count]) =>
    subset(
      Array.from({ length: count }, (_, at): [string, number] => [call, at + 1]),
      18,
    ),
  );
  const results: Record<string, Awaited<ReturnType<typeof killAt>>> = {};
  const next = async (): Promise<void> => {
    for (let place = places.shift(); place !== undefined; place = places.shift())
      results[place.join(' ')] = await killAt(...place);
  };
  await Promise.all([next(), next()]);
  const once = { first: ['gen 0 a b', 'gen 1 a b', 'gen 2 a b'], rest: ['hist', 'tidy'], sameRun: true, runs: 1, audit: 0 };
  expect(Object.fromEntries(Object.entries(results).map(([place, { ended }]) => [place, ended]))).toEqual(
    Object.fromEntries(Object.keys(results).map((place) => [place, once])),
  );
  // The places are between every two submissions too.
  expect([...new Set(Object.values(results).map(({ cut }) => cut))].sort()).toEqual(expect.arrayContaining([0, 1, 2, 3, 4]));
}, 1_200_000);
