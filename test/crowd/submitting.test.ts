import { afterAll, afterEach, expect, test } from 'vitest';
import type { Done, Tiny } from '../support/tiny.ts';
import { forgetTemplate } from '../support/tiny.ts';
import { allAtOnce, makeMany, names, runsOf, troubles, untilOver } from './crowd.ts';

const LIMIT = 600_000;
let tiny: Tiny;
afterEach(() => tiny.remove());
afterAll(forgetTemplate);

const crowd = (many: number, args: (at: number) => string[]) => Array.from({ length: many }, (_, at) => ({ args: args(at) }));
/** What went wrong, each kind once. */
const failed = (answers: Done[]) => [
  ...new Set(answers.filter(({ exit }) => exit !== 0).map(({ stderr }) => stderr.slice(0, 600))),
];

test.each([2, 8, 32])(
  '%i that submit the same iteration at once have submitted one run, which runs once',
  { timeout: LIMIT },
  async (many) => {
    tiny = await makeMany(1);
    const answers = await allAtOnce(
      tiny,
      crowd(many, () => ['submit', '--json']),
    );
    expect(failed(answers)).toEqual([]);
    const told = answers.map(({ stdout }) => JSON.parse(stdout) as { run_id: string; job_id: string | null; already: boolean });
    expect(new Set(told.map(({ run_id }) => run_id)).size).toBe(1);
    expect(told.filter(({ already }) => !already)).toHaveLength(1);
    await untilOver(tiny);
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
  expect(failed(answers)).toEqual([]);
  expect(iterations.map((one) => runsOf(tiny, one).length)).toEqual(iterations.map(() => 1));
  await untilOver(tiny);
  expect(await troubles(tiny, iterations)).toEqual([]);
});
