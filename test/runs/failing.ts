import { expect } from 'vitest';
import { Failure, type FailureView } from '../../src/base/errors.ts';

/** The failure that `work` throws, whole. */
export function failureOf(work: () => unknown): FailureView {
  try {
    work();
  } catch (error) {
    return viewOf(error);
  }
  return expect.fail('nothing was thrown');
}

export function viewOf(error: unknown): FailureView {
  if (error instanceof Failure) return error.toJSON();
  throw error;
}
