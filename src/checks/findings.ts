import type { FailureView } from '../base/errors.ts';
import { Failure } from '../base/errors.ts';
import type { Finding, Placed, Seen } from './check.ts';

/** A Failure's words as a finding; the place that they begin with stands apart. */
export function fromFailure({ what, why, next }: FailureView): Finding {
  const placed = /^(.+?:\d+)(?::\d+)?: (.+)$/s.exec(what);
  const words = placed?.[2] ?? what;
  return { what: why === undefined ? words : `${words} (${why})`, where: placed?.[1] ?? null, next };
}

/** What reading gives, or the words of its Failure. Defects go on as they are. */
export function seen<T>(read: () => T): Seen<T> {
  try {
    return { value: read() };
  } catch (error) {
    if (error instanceof Failure) return { failure: error.toJSON() };
    throw error;
  }
}

/** What is wrong with a file that could not be read; nothing where it could. */
export function unreadable(seen: Seen<unknown>): Finding[] {
  return 'failure' in seen ? [fromFailure(seen.failure)] : [];
}

/** The value, where the file could be read. */
export function got<T>(seen: Seen<T>): T | undefined {
  return 'value' in seen ? seen.value : undefined;
}

/** `file:line` of a part of a file. */
export function placeIn(placed: Placed<unknown>, ...path: PropertyKey[]): string {
  return `${placed.file}:${placed.line(path)}`;
}
