import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { journalOf } from '../support/artifacts.ts';
import { answered, order } from '../support/asking.ts';
import { makeChain, STEPS } from '../support/chains.ts';
import { killedAtEach } from '../support/killed-at.ts';
import { mostlyStarts, placesOf } from '../support/places.ts';
import { until } from '../support/repo.ts';
import type { Tiny } from '../support/tiny.ts';
import { forgetTemplate } from '../support/tiny.ts';

/** The usual chain, whose last step has a leg more, which is not needed. */
const LAUNCH = STEPS.replace('script: tidy.sh', 'script: tidy.sh, legs: 2');
afterAll(forgetTemplate);

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

const submit = (tiny: Tiny, prefix: string[]) => tiny.run(['submit'], { prefix });

async function endOf(tiny: Tiny): Promise<{ cut: number; ended: unknown }> {
  const { runs } = await answered<{ runs: { run_id: string }[] }>(tiny, 'runs');
  const before = runs[0]?.run_id;
  const cut =
    before === undefined ? 0 : journalOf(join(tiny.iteration, 'runs', before)).filter((row) => row.event === 'submitted').length;
  const id = await finish(tiny);
  const noted = order(tiny);
  return {
    cut,
    ended: {
      first: noted.slice(0, 3).sort(),
      rest: noted.slice(3),
      sameRun: before === undefined || before === id,
      runs: (await answered<{ total: number }>(tiny, 'runs')).total,
      audit: (await tiny.run(['audit', 'verify'])).exit,
    },
  };
}

test('a chain that is killed anywhere is finished by the next calls, every step exactly once and in order', async () => {
  const whole = await makeChain({}, LAUNCH);
  const places = await placesOf(async (prefix) => expect(await submit(whole, prefix)).toMatchObject({ exit: 0 }));
  await finish(whole);
  whole.remove();
  // Two programs are started between one submission and the next: every second start meets each gap.
  const results = await killedAtEach(mostlyStarts(places, 4, 15), {
    made: () => makeChain({}, LAUNCH),
    act: submit,
    after: endOf,
  });
  const once = { first: ['gen 0 a b', 'gen 1 a b', 'gen 2 a b'], rest: ['hist', 'tidy'], sameRun: true, runs: 1, audit: 0 };
  expect(Object.fromEntries(Object.entries(results).map(([place, { ended }]) => [place, ended]))).toEqual(
    Object.fromEntries(Object.keys(results).map((place) => [place, once])),
  );
  // The places are between every two submissions too.
  expect([...new Set(Object.values(results).map(({ cut }) => cut))].sort()).toEqual(expect.arrayContaining([0, 1, 2, 3, 4]));
}, 1_200_000);
