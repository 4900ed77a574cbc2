import { appendFileSync } from 'node:fs';

/** One trial for the report: where an operation was cut off, and what came of it (`once`: as if nothing had happened). */
export type Trial = { operation: string; call: string; nth: number; outcome: string; detail: string };

/** Leaves a line about a trial where AUTOLAB_TRIALS_OUT names a file. */
export function report(trial: Trial): void {
  const file = process.env.AUTOLAB_TRIALS_OUT;
  if (file) appendFileSync(file, `${JSON.stringify({ suite: 'crash', site: 'local', ...trial })}\n`);
}
