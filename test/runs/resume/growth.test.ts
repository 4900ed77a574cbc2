import fc from 'fast-check';
import { expect, test } from 'vitest';
import { beyondGrowth, differencesOf } from '../../../src/runs/resume/growth.ts';

const CONFIG = {
  seed: 1,
  generation: {
    plan: [
      { name: 'a', sequences: 10 },
      { name: 'b', sequences: 20 },
    ],
  },
};
const RULE = ['generation.plan.*.sequences'];
const changed = (change: (config: typeof CONFIG) => void) => {
  const copy = structuredClone(CONFIG);
  change(copy);
  return differencesOf(CONFIG, copy, RULE);
};

test('a number at a named path may grow', () => {
  const found = changed(({ generation: { plan } }) => Object.assign(plan[1] ?? {}, { sequences: 21 }));
  expect(found).toEqual([{ path: 'generation.plan[1].sequences', was: 20, is: 21, why: 'grew' }]);
  expect(beyondGrowth(found)).toEqual([]);
});

test.each<[string, (config: typeof CONFIG) => void, object]>([
  ['it fell', ({ generation: { plan } }) => Object.assign(plan[0] ?? {}, { sequences: 9 }), { was: 10, is: 9, why: 'fell' }],
  [
    'it is no number any more',
    ({ generation: { plan } }) => Object.assign(plan[0] ?? {}, { sequences: '11' }),
    { why: 'changed' },
  ],
  ['it is infinite', ({ generation: { plan } }) => Object.assign(plan[0] ?? {}, { sequences: Infinity }), { why: 'changed' }],
  [
    'it has more digits than a number keeps',
    ({ generation: { plan } }) => Object.assign(plan[0] ?? {}, { sequences: 2 ** 53 }),
    { why: 'changed' },
  ],
  ['another key grew', (config) => Object.assign(config, { seed: 2 }), { path: 'seed', why: 'changed' }],
  ['a key is new', (config) => Object.assign(config, { more: 1 }), { path: 'more', was: undefined, why: 'changed' }],
  ['a key is gone', (config) => Reflect.deleteProperty(config, 'seed'), { path: 'seed', is: undefined, why: 'changed' }],
  [
    'an item is new',
    ({ generation: { plan } }) => plan.push({ name: 'c', sequences: 1 }),
    { path: 'generation.plan[2]', why: 'changed' },
  ],
  [
    'the order is another',
    ({ generation: { plan } }) => plan.reverse(),
    { path: 'generation.plan', was: 'a, b', is: 'b, a', why: 'order' },
  ],
])('no growth: %s', (_what, change, expected) => {
  expect(beyondGrowth(changed(change))).toMatchObject([expected]);
});

test('whole numbers that may have lost digits are never the same', () => {
  expect(differencesOf({ n: 2 ** 60 }, { n: 2 ** 60 }, [])).toHaveLength(1);
});

test('a dot in a key is no step of a path', () => {
  expect(beyondGrowth(differencesOf({ 'a.b': 1 }, { 'a.b': 2 }, ['a.b']))).toHaveLength(1);
  expect(beyondGrowth(differencesOf({ '*': 1 }, { '*': 2 }, ['*']))).toHaveLength(1);
});

const value = fc.letrec((tie) => ({
  any: fc.oneof(
    { maxDepth: 3 },
    fc.integer(),
    fc.string({ maxLength: 3 }),
    fc.boolean(),
    fc.constant(null),
    fc.array(tie('any'), { maxLength: 3 }),
    fc.dictionary(fc.constantFrom('a', 'b', 'c'), tie('any'), { maxKeys: 3 }),
  ),
})).any;

test('equal configurations differ nowhere, and unequal ones somewhere, in both directions', () => {
  fc.assert(
    fc.property(value, value, (was, is) => {
      expect(differencesOf(was, structuredClone(was), [])).toEqual([]);
      const isEqual = JSON.stringify(sorted(was)) === JSON.stringify(sorted(is));
      expect(differencesOf(was, is, []).length === 0).toBe(isEqual);
      expect(differencesOf(is, was, []).length === 0).toBe(isEqual);
    }),
  );
});

test('what grows from one to the next and on to a third has grown from the first to the third, and never back', () => {
  const quotas = fc.array(fc.nat({ max: 100 }), { minLength: 1, maxLength: 4 });
  fc.assert(
    fc.property(quotas, fc.infiniteStream(fc.nat({ max: 3 })), (first, steps) => {
      const grown = (list: number[]) => list.map((one) => one + (steps.next().value ?? 0));
      const config = (list: number[]) => ({ plan: list.map((sequences, at) => ({ name: `p${at}`, sequences })) });
      const [a, b] = [config(first), grown(first)];
      const c = config(grown(b));
      const rule = ['plan.*.sequences'];
      expect(beyondGrowth(differencesOf(a, c, rule))).toEqual([]);
      const back = differencesOf(c, a, rule);
      expect(beyondGrowth(back)).toEqual(back);
    }),
  );
});

function sorted(any: unknown): unknown {
  if (Array.isArray(any)) return any.map(sorted);
  if (typeof any !== 'object' || any === null) return any;
  return {
    map: Object.entries(any)
      .map(([key, its]) => [key, sorted(its)] as const)
      .sort(([a], [b]) => (a < b ? -1 : 1)),
  };
}
