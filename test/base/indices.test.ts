import fc from 'fast-check';
import { expect, test } from 'vitest';
import { formatIndices, MAX_INDEX, MAX_TASKS, parseIndices, readIndices } from '../../src/base/indices.ts';
import { taskIndices } from '../../src/runs/launch/array-indices.ts';

const ascending = (indices: Iterable<number>) => [...new Set(indices)].sort((a, b) => a - b);
/** A part of a list, with the indices it means reached by counting down, as the reader does not. */
const part = fc
  .record({ first: fc.nat(3000), length: fc.nat(60), step: fc.option(fc.integer({ min: 1, max: 70 }), { nil: null }) })
  .map(({ first, length, step }) => {
    if (length === 0) return { text: `${first}`, means: [first] };
    const means: number[] = [];
    for (let index = first + length; index >= first; index -= 1) if ((index - first) % (step ?? 1) === 0) means.push(index);
    return { text: `${first}-${first + length}${step === null ? '' : `:${step}`}`, means };
  });
const expression = fc
  .record({
    parts: fc.array(part, { minLength: 1, maxLength: 8 }),
    parallel: fc.option(fc.integer({ min: 1, max: 5000 }), { nil: null }),
  })
  .map(({ parts, parallel }) => ({
    text: parts.map(({ text }) => text).join(',') + (parallel === null ? '' : `%${parallel}`),
    indices: ascending(parts.flatMap(({ means }) => means)),
    parallel,
  }));

test('numbers, ranges, steps, lists and a limit are read as what they mean, whichever overlap', () => {
  fc.assert(
    fc.property(expression, ({ text, indices, parallel }) => {
      expect(readIndices(text)).toEqual({ indices, parallel });
    }),
    { numRuns: 1000 },
  );
});

test('what is read and written short is read back the same, and written the same', () => {
  fc.assert(
    fc.property(expression, ({ text }) => {
      const short = formatIndices(parseIndices(text)?.indices ?? []);
      expect(parseIndices(short)).toEqual({ indices: parseIndices(text)?.indices, parallel: null });
      expect(formatIndices(parseIndices(short)?.indices ?? [])).toBe(short);
      expect(taskIndices(short)).toEqual({ indices: parseIndices(text)?.indices });
    }),
  );
});

test('any set of indices survives being written and read', () => {
  fc.assert(
    fc.property(fc.uniqueArray(fc.nat(MAX_INDEX), { minLength: 1, maxLength: 200 }), (set) => {
      expect(parseIndices(formatIndices(ascending(set)))).toEqual({ indices: ascending(set), parallel: null });
    }),
  );
});

test.each([
  ['', 'expected indices such as "0-31" or "1,3,5-9:2"'],
  ['%3', 'expected indices such as "0-31" or "1,3,5-9:2"'],
  ['1-', 'expected indices such as "0-31" or "1,3,5-9:2"'],
  ['1,', 'expected indices such as "0-31" or "1,3,5-9:2"'],
  ['-1', 'expected indices such as "0-31" or "1,3,5-9:2"'],
  ['0-3 ', 'expected indices such as "0-31" or "1,3,5-9:2"'],
  ['1%2%3', 'expected one % with a number behind it, such as "0-31%4"'],
  ['0-3%', 'expected one % with a number behind it, such as "0-31%4"'],
  ['0-3%0', 'expected at least one task side by side behind %'],
  ['3-1', 'expected 3-1 to rise'],
  ['0-9:0', 'expected 0-9:0 to rise'],
  [`0,${MAX_INDEX + 1}`, `expected indices up to ${MAX_INDEX}`],
  [`0-${MAX_TASKS}`, `expected at most ${MAX_TASKS} tasks`],
  [`0-${MAX_TASKS - 1},${MAX_INDEX}`, `expected at most ${MAX_TASKS} tasks`],
])('%j is refused', (text, wrong) => {
  expect(readIndices(text)).toEqual({ wrong });
});

test('the largest of all is taken', () => {
  expect(parseIndices(`0-${MAX_TASKS - 1}`)?.indices.length).toBe(MAX_TASKS);
  expect(parseIndices(`${MAX_INDEX}`)?.indices).toEqual([MAX_INDEX]);
});

test('people may write spaces behind commas, and say the limit elsewhere', () => {
  expect(taskIndices(' 0-3, 7')).toEqual({ indices: [0, 1, 2, 3, 7] });
  expect(taskIndices('0-31%4')).toEqual({ wrong: 'write the limit as parallel, not behind %' });
});
