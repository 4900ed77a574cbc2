import { afterAll, afterEach, expect, test } from 'vitest';
import type { Tiny } from '../support/tiny.ts';
import { forgetTemplate } from '../support/tiny.ts';
import { allAtOnce, executionsOf, failures, makeMany, names, runsOf, troubles, untilOver } from './crowd.ts';

const LIMIT = 600_000;
let tiny: Tiny;
afterEach(() => tiny.remove());
afterAll(forgetTemplate);

const crowd = (many: number, args: (at: number) => string[]) => Array.from({ length: many }, (_, at) => ({ args: args(at) }));
test.each([2, 8, 32])(
  '%i that submit the same iteration at once have submitted one run, which runs once',
  { timeout: LIMIT },
  async (many) => {
    tiny = await makeMany(1);
    const answers = await allAtOnce(
      tiny,
      crowd(many, () => ['submit', '--json']),
    );
    expect(failures(answers)).toEqual([]);
    const told = answers.map(({ stdout }) => JSON.parse(stdout) as { run_id: string; job_id: string | null; already: boolean });
    expect(new Set(told.map(({ run_id }) => run_id)).size).toBe(1);
    expect(told.filter(({ already }) => !already)).toHaveLength(1);
    await untilOver(tiny);
    expect(executionsOf(tiny)).toHaveLength(1);
    expect(await troubles(tiny, ['tiny'])).toEqual([]);
  },
);

test.each([2, 8, 32])('%i that submit iterations of their own at once lose none', { timeout: LIMIT }, async (many) => {
  const iterations = names(many);
  tiny = await makeMany(many);
  const answers = await allAtOnce(
    tiny,
    crowd(many, (at) => ['submit', '--iteration', iterations[at] ?? '', '--json']),
  );
  expect(failures(answers)).toEqual([]);
  expect(iterations.map((one) => runsOf(tiny, one).length)).toEqual(iterations.map(() => 1));
  await untilOver(tiny);
  expect(iterations.flatMap((one) => executionsOf(tiny, one))).toHaveLength(many);
  expect(await troubles(tiny, iterations)).toEqual([]);
});
