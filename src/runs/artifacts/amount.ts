import type { Amount } from './expectation.ts';

/** Whether a number is what was asked for. */
export function isAmount(actual: number, expected: Amount): boolean {
  if (typeof expected === 'number') return actual === expected;
  return (
    (expected.at_least === undefined || actual >= expected.at_least) &&
    (expected.at_most === undefined || actual <= expected.at_most)
  );
}

/** `32`, `at least 1`, `1 to 40`. */
export function amountText(expected: Amount | string): string {
  if (typeof expected !== 'object') return String(expected);
  const { at_least, at_most } = expected;
  if (at_least !== undefined && at_most !== undefined) return `${at_least} to ${at_most}`;
  return at_least !== undefined ? `at least ${at_least}` : `at most ${at_most}`;
}
