import { appendFileSync } from 'node:fs';

/** Whether every trial is to be made, and not only the part that is made each time. */
export const ALL = process.env.AUTOLAB_CRASH === 'all';
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

/** Does all of it, two at a time. */
export async function byTwo<T>(all: readonly T[], work: (one: T) => Promise<void>): Promise<void> {
  const left = [...all];
  const next = async (): Promise<void> => {
    for (let one = left.shift(); one !== undefined; one = left.shift()) await work(one);
  };
  await Promise.all([next(), next()]);
}

/** So many of a list, evenly spread over it. */
export function some<T>(all: readonly T[], most: number): T[] {
  return all.filter(
    (_, at) => all.length <= most || Math.floor((at * most) / all.length) !== Math.floor(((at - 1) * most) / all.length),
  );
}

/** Why no folder can be mounted over another here; undefined where that can be done. */
export function withoutMounts(): string | undefined {
  return process.getuid?.() === 0 ? undefined : 'each trial has a folder of this user of its own, which only root can mount';
}
