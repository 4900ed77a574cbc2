import { asFailure } from '../base/errors.ts';
import type { Reads } from '../context.ts';

/** The reason of a decision where there is no policy. */
export const HERE = {
  rule: 'no_repository',
  verdict: 'allow' as const,
  because: 'there is no repository here, so there is no policy to ask',
  remedy: '',
  origin: { layer: 'defaults' as const, file: 'defaults', line: 0 },
};

/** Whether a call is about a repository at all. */
export function hasRepository(reads: Reads): boolean {
  try {
    return reads.repo !== '';
  } catch (error) {
    if (asFailure(error).code === 'no_repository') return false;
    throw error;
  }
}
