import { appendFileSync } from 'node:fs';

/** One line of the reliability report, where a file for it is named. */
export type Trial = {
  suite: string;
  site: string;
  operation: string;
  call: string;
  nth: number;
  outcome: string;
  detail: string;
};

export function noteTrial(trial: Trial): void {
  const out = process.env.AUTOLAB_TRIALS_OUT;
  if (out) appendFileSync(out, `${JSON.stringify(trial)}\n`);
}
