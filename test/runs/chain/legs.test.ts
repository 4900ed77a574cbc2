import fc from 'fast-check';
import { expect, test } from 'vitest';
import { legOf, withLegs } from '../../../src/runs/chain/legs.ts';
import { LEG_INTERRUPTED } from '../../../src/runs/evidence/evidence.ts';
import { stateFromTasks } from '../../../src/runs/evidence/lifecycle.ts';
import { parseLaunchFile } from '../../../src/runs/launch/launch-file.ts';
import type { TaskRecord } from '../../../src/runs/types.ts';
import { FAILURE_CLASSES, TASK_STATES } from '../../../src/runs/types.ts';
import { JOB_SCRIPT_EXIT } from '../../../src/sites/job-script.ts';
import { failureOf } from '../failing.ts';
import { judge, row } from '../judging.ts';
import { marker, task } from '../samples.ts';

const file = (lines: string) => parseLaunchFile(`schema_version: "1"\n${lines}\n`, 'l.yaml');
const legs = [
  { name: 'a' },
  { name: 'b', after: [{ step: 'a', on: 'interrupted' as const }] },
  { name: 'c', after: [{ step: 'b', on: 'interrupted' as const }] },
  { name: 'd', after: [{ step: 'c', on: 'success' as const }] },
];
const of = (step: string, change: Partial<TaskRecord>) => task({ step, ...change });
const limit = { state: 'failed', failure: 'time_limit', started: 1, evidence: 'scheduler' } as const;
const good = { state: 'succeeded', started: 1, evidence: 'scheduler+marker' } as const;
const unneeded = { ...good, unneeded: true } as const;
const refused = { state: 'failed', failure: 'dependency', started: 1, evidence: 'scheduler+marker' } as const;

test('a step in legs becomes as many steps, and what waits for it waits for the last of them', () => {
  const { steps } = file(
    'steps: [{ name: a, script: a.sh, legs: 3, args: [x] }, { name: b, script: b.sh, after: [a] }, { name: c, script: c.sh, after: [{ step: a, on: any }] }]',
  );
  expect(steps?.map(({ name, script, args, after }) => ({ name, script, args, after }))).toEqual([
    { name: 'a', script: 'a.sh', args: ['x'], after: [] },
    { name: 'a-leg2', script: 'a.sh', args: ['x'], after: [{ step: 'a', on: 'interrupted' }] },
    { name: 'a-leg3', script: 'a.sh', args: ['x'], after: [{ step: 'a-leg2', on: 'interrupted' }] },
    { name: 'b', script: 'b.sh', args: [], after: [{ step: 'a-leg3', on: 'success' }] },
    { name: 'c', script: 'c.sh', args: [], after: [{ step: 'a-leg3', on: 'any' }] },
  ]);
  expect(file('legs: 4')).toMatchObject({ legs: 4, steps: null });
});

const A = '{ name: a, script: a.sh }';
const b = (more: string) => `{ name: b, script: a.sh, after: [{ step: a, on: interrupted }]${more} }`;
test.each([
  ['legs: 1', /expected at least 2/],
  ['legs: 21', /expected at most 20/],
  [`legs: 2\nsteps: [${A}]`, /with steps each step says its own legs/],
  ['steps: [{ name: a, script: a.sh, legs: 2 }, { name: a-leg2, script: a.sh }]', /a leg of it would be called a-leg2/],
  [`steps: [${A}, ${b(', array: { indices: "0-3" }')}]`, /its array must have the same indices/],
  [`steps: [${A}, ${b('')}, { name: c, script: a.sh, after: [{ step: a, on: interrupted }] }]`, /step b goes on from a already/],
  [`steps: [${A}, ${b('')}, { name: c, script: a.sh, after: [a] }]`, /a goes on in b where it is interrupted; wait for that/],
  [
    `steps: [${A}, { name: x, script: a.sh }, { name: b, script: a.sh, after: [{ step: a, on: interrupted }, x] }]`,
    /a leg waits for nothing else/,
  ],
])('%s is refused', (lines, why) => {
  expect(failureOf(() => file(lines)).what).toMatch(why);
});

test('legs know their number, other steps have none', () => {
  expect(['a', 'b', 'c', 'd'].map((name) => legOf(legs, name))).toEqual([
    { number: 1, of: 3 },
    { number: 2, of: 3 },
    { number: 3, of: 3 },
    undefined,
  ]);
});

test.each<[string, Partial<TaskRecord>[], string[], string | undefined]>([
  ['done in the first', [good, unneeded, unneeded, good], ['succeeded', 'succeeded', 'succeeded', 'succeeded'], 'running'],
  ['done in the second', [limit, good, unneeded, good], ['continued', 'succeeded', 'succeeded', 'succeeded'], 'running'],
  ['interrupted in the last', [limit, limit, limit, refused], ['continued', 'continued', 'failed', 'failed'], 'partial'],
  [
    'failed in the second',
    [limit, { ...limit, failure: 'exit_code', evidence: 'scheduler+marker' }, refused, refused],
    ['continued', 'failed', 'failed', 'failed'],
    'failed',
  ],
  [
    'failed in the first',
    [{ ...limit, failure: 'exit_code' }, refused, refused, refused],
    ['failed', 'failed', 'failed', 'failed'],
    'failed',
  ],
  ['without proof', [limit, refused, refused, refused], ['failed', 'failed', 'failed', 'failed'], 'failed'],
  // The scheduler's word on the first is stronger than the marker that the second went by.
  [
    'out of memory after all',
    [{ ...limit, failure: 'out_of_memory' }, unneeded, unneeded, good],
    ['failed', 'failed', 'failed', 'succeeded'],
    'partial',
  ],
  ['cancelled before it went on', [limit, { state: 'failed', failure: 'cancelled' }], ['failed', 'failed'], 'failed'],
  ['going on', [limit, { state: 'running', started: 1 }, {}, {}], ['continued', 'running', 'pending', 'pending'], 'running'],
  [
    'its proof being looked at',
    [
      { ...limit, failure: 'exit_code' },
      { state: 'running', started: 1 },
    ],
    ['failed', 'running'],
    'running',
  ],
])('%s', (_what, own, standing, state) => {
  const tasks = withLegs(
    legs,
    own.map((change, at) => of(legs[at]?.name ?? '', change)),
  );
  expect(tasks.map((one) => one.state)).toEqual(standing);
  expect(stateFromTasks(tasks)?.to).toBe(state);
});

test('never do legs make a failure that nothing went on from look well, nor a run good whose last needed leg was not', () => {
  const any = fc.record({
    state: fc.constantFrom(...TASK_STATES.filter((one) => one !== 'continued')),
    failure: fc.constantFrom(null, ...FAILURE_CLASSES),
    started: fc.constantFrom(null, 1),
    evidence: fc.constantFrom('scheduler' as const, 'marker' as const, 'scheduler+marker' as const, 'none' as const),
    isUnneeded: fc.boolean(),
  });
  fc.assert(
    fc.property(fc.array(any, { minLength: 3, maxLength: 3 }), (own) => {
      const tasks = own.map(({ isUnneeded, ...change }, at) =>
        of(legs[at]?.name ?? '', {
          ...change,
          ...(isUnneeded && change.state === 'succeeded' ? { unneeded: true as const } : {}),
        }),
      );
      const judged = withLegs(legs, tasks);
      for (const [at, one] of judged.entries()) {
        const next = tasks[at + 1];
        if (one.state === 'continued')
          expect([next?.unneeded, next?.failure === 'dependency' && next.state !== 'running']).toEqual([undefined, false]);
        if (one.state === 'succeeded') expect(tasks[at]?.state).toBe('succeeded');
      }
      const isGood = judged.every(({ state }) => state === 'succeeded' || state === 'continued');
      const worker = judged.findLast((one) => !one.unneeded);
      if (isGood && worker) expect(worker.state).toBe('succeeded');
    }),
  );
});

test('a marker of a leg that ran nothing says why, and a failure of the scheduler wins over one that was not needed', () => {
  const end = (state: 'completed' | 'failed' | 'timeout', change: Parameters<typeof marker>[0], exit = 0) => {
    const { state: is, failure, unneeded: not } = judge(task(), { view: row(state, { exit }), marker: marker(change) });
    return [is, failure, not];
  };
  expect(end('completed', { refused: 'unneeded' })).toEqual(['succeeded', null, true]);
  expect(end('failed', { refused: 'unneeded' }, 1)).toEqual(['failed', 'exit_code', undefined]);
  expect(end('failed', { refused: 'dependency', exit: 79 }, 79)).toEqual(['failed', 'dependency', undefined]);
  // It is what a run says, too, that waits for another run.
  const refused = { view: row('failed', { exit: 79 }), marker: marker({ refused: 'dependency', exit: 79 }) };
  expect(judge(task(), refused).detail).toBe('nothing shows that what it comes after ended as it waits for');
  expect(end('timeout', { refused: 'unneeded' })).toEqual(['failed', 'time_limit', undefined]);
  expect(end('failed', { signals: ['USR1'] }, 75)).toEqual(['interrupted', 'interrupted', undefined]);
  expect(end('failed', { signals: [] }, 75)).toEqual(['failed', 'exit_code', undefined]);
  expect(JOB_SCRIPT_EXIT.interrupted).toBe(LEG_INTERRUPTED);
});
