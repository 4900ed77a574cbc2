import { appendFileSync, existsSync, readFileSync } from 'node:fs';

/** Every place, each with one error in turn. */
export const EACH = process.env.AUTOLAB_CRASH === 'each';

export type TrialLine = {
  suite: 'disk-write' | 'disk-read';
  site: 'local';
  operation: string;
  call: string;
  nth: number;
  outcome: string;
  detail: string;
};

/** Notes one trial for the report, where one is asked for. */
export function noteTrial(line: TrialLine): void {
  const file = process.env.AUTOLAB_TRIALS_OUT;
  if (file) appendFileSync(file, `${JSON.stringify(line)}\n`);
}

/** The trials that the file of the report has already and that went well, so that a run of hours that was interrupted is gone on with. By operation, call and place. */
export function trialsMade(): Set<string> {
  const file = process.env.AUTOLAB_TRIALS_OUT;
  const lines = file && existsSync(file) ? readFileSync(file, 'utf8').trim().split('\n') : [];
  const made = lines.filter((line) => line !== '').map((line) => JSON.parse(line) as TrialLine);
  return new Set(made.filter(({ outcome }) => ['whole', 'elsewhere'].includes(outcome)).map(keyOf));
}

export const keyOf = ({ operation, call, nth }: Pick<TrialLine, 'operation' | 'call' | 'nth'>): string =>
  `${operation}: ${call} ${nth}`;

/** Does all of it, two at a time. */
export async function byTwo<T>(all: readonly T[], work: (one: T) => Promise<void>): Promise<void> {
  const left = [...all];
  const next = async (): Promise<void> => {
    for (let one = left.shift(); one !== undefined; one = left.shift()) await work(one);
  };
  await Promise.all([next(), next()]);
}

/** Why no folder can be mounted over another here; undefined where that can be done. */
export function withoutMounts(): string | undefined {
  return process.getuid?.() === 0 ? undefined : 'each trial has a folder of this user of its own, which only root can mount';
}
