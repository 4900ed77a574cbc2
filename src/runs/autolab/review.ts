import { z } from 'zod';
import { Failure } from '../../base/errors.ts';
import { type Fact, known, unknown } from '../../base/fact.ts';
import { readText } from '../../base/files.ts';
import { readJsonText } from './json.ts';
import { validate } from './validate.ts';

const outcome = z.enum(['pass', 'skip', 'fail']);

/** review_result.json as Autolab's schema has it: open, with these. */
export const reviewSchema = z.looseObject({
  status: z.enum(['pass', 'needs_retry', 'failed']),
  blocking_findings: z.array(z.string()),
  required_checks: z.looseObject({
    tests: outcome,
    dry_run: outcome,
    schema: outcome,
    env_smoke: outcome,
    docs_target_update: outcome,
  }),
  reviewed_at: z.string(),
});

export type Review = {
  status: 'pass' | 'needs_retry' | 'failed';
  findings: readonly string[];
  checks: Readonly<Record<string, string>>;
  reviewedAt: string;
};

/** The iteration's review. No file, or one that is not valid, is unknown with the reason, never a pass. */
export function readReview(path: string): Fact<Review> {
  try {
    const text = readText(path);
    return text === undefined
      ? unknown(`there is no ${path}; nobody has reviewed this iteration`)
      : known(parseReview(text, path));
  } catch (error) {
    if (error instanceof Failure) return unknown(`${error.message} (${error.next})`);
    throw error;
  }
}

/** The review in `text`, or `file_invalid`. */
export function parseReview(text: string, file: string): Review {
  const read = validate(reviewSchema, readJsonText(text, file));
  const checks = Object.entries(read.required_checks).map(([name, value]) => [name, String(value)] as const);
  return {
    status: read.status,
    findings: read.blocking_findings,
    checks: Object.fromEntries(checks),
    reviewedAt: read.reviewed_at,
  };
}
