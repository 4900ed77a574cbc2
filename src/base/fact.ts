import { instant } from './ids.ts';

/** Something looked up: a value with the time it was seen, or the reason why it is not known. Unknown is never a value. */
export type Fact<T> = { value: T; at: string } | { unknown: true; why: string };

export function known<T>(value: T, at: string = instant()): Fact<T> {
  return { value, at };
}

export function unknown(why: string): Fact<never> {
  return { unknown: true, why };
}

export function isKnown<T>(fact: Fact<T> | undefined): fact is { value: T; at: string } {
  return fact !== undefined && !('unknown' in fact);
}
