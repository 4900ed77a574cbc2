import { cap, quote } from '../../base/text.ts';
import { amountText, isAmount } from './amount.ts';
import type { Amount, ArrayRules } from './expectation.ts';
import type { ArrayFacts } from './npy.ts';
import { shapeFaults } from './shape.ts';

type Arrays = ReadonlyMap<string, ArrayFacts>;

/** What is not as the rules say, each as `rule: what is; what was expected`. Pure. */
export function npzFaults(arrays: Arrays, rules: ArrayRules): string[] {
  const named = new Set([
    ...(rules.keys ?? []),
    ...Object.keys(rules.dtype ?? {}),
    ...Object.keys(rules.shape ?? {}),
    ...Object.entries(rules.edges_of ?? {}).flat(),
    ...(rules.finite ?? []),
    ...(rules.monotonic ?? []),
    ...Object.keys(rules.sum ?? {}),
  ]);
  const absent = [...named].filter((key) => !arrays.has(key));
  const has = cap([...arrays.keys()].map((key) => quote(key, 60)).join(', '), 300) || 'no arrays';
  return [
    ...(absent.length > 0 ? [`keys: no ${absent.join(', ')}; it has ${has}`] : []),
    ...each(arrays, Object.entries(rules.dtype ?? {}), (key, array, type) =>
      array.dtype === type ? undefined : `dtype: ${key} is ${array.dtype}; expected ${type}`,
    ),
    ...shapeFaults(arrays, rules),
    ...each(arrays, entries(rules.finite), finiteFault),
    ...each(arrays, entries(rules.monotonic), monotonicFault),
    ...each(arrays, Object.entries(rules.sum ?? {}), sumFault),
  ];
}

/** A key that is not there has been told as such. */
function each<T>(
  arrays: Arrays,
  rules: [string, T][],
  judge: (key: string, array: ArrayFacts, rule: T) => string | undefined,
): string[] {
  return rules.flatMap(([key, rule]) => {
    const array = arrays.get(key);
    return (array && judge(key, array, rule)) ?? [];
  });
}

function entries(keys: readonly string[] = []): [string, true][] {
  return keys.map((key) => [key, true]);
}

function finiteFault(key: string, { dtype, numbers }: ArrayFacts): string | undefined {
  if (!numbers) return `finite: ${key} is ${dtype}; expected whole or floating numbers`;
  const { count, first } = numbers.nonFinite;
  return count === 0
    ? undefined
    : `finite: ${key} has ${count} elements that are NaN or infinite, the first at ${first}; expected none`;
}

function monotonicFault(key: string, { dtype, shape, numbers }: ArrayFacts): string | undefined {
  if (!numbers) return `monotonic: ${key} is ${dtype}; expected whole or floating numbers`;
  if (shape.length !== 1) return `monotonic: ${key} has ${shape.length} dimensions; expected 1`;
  return numbers.falls === null
    ? undefined
    : `monotonic: ${key} does not rise at ${numbers.falls}; expected each element larger than the one before`;
}

function sumFault(key: string, { dtype, numbers }: ArrayFacts, expected: Amount | string): string | undefined {
  if (!numbers) return `sum: ${key} is ${dtype}; expected whole or floating numbers`;
  if (numbers.nonFinite.count > 0)
    return `sum: ${key} has ${numbers.nonFinite.count} elements that are NaN or infinite; expected ${amountText(expected)}`;
  return isSum(numbers, expected) ? undefined : `sum: ${key} is ${numbers.sum}; expected ${amountText(expected)}`;
}

/** To the last unit for whole numbers. Broken ones may be off by what their type rounds, four times over. */
function isSum({ sum, rounding }: NonNullable<ArrayFacts['numbers']>, expected: Amount | string): boolean {
  if (typeof expected === 'object') return isAmount(Number(sum), expected);
  if (typeof sum === 'bigint') return String(sum) === String(typeof expected === 'string' ? BigInt(expected) : expected);
  return Math.abs(sum - Number(expected)) <= 4 * rounding;
}
