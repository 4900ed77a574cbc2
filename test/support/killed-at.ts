import { expect } from 'vitest';
import type { Place } from './cut.mjs';
import { killing } from './cut.mjs';
import type { Done, Tiny } from './tiny.ts';

/** A command that is killed: `made` is a new experiment for each try, `act` runs the command in it behind a prefix, `after` tells what came of the killed one. */
export type Trial<T extends Pick<Tiny, 'remove'>, R> = {
  made(): Promise<T>;
  act(tiny: T, prefix: string[]): Promise<Done>;
  after(tiny: T): Promise<R>;
};

/** A slow submission notes that it is late, which makes a rename and two fsyncs more of each run of a group: where the counted one was slow, the last places are earlier. */
const LATER = 12;

/** What came of the command that was killed at this place, or a little earlier where it has ended well before; throws where it was not killed. */
export async function killedAt<T extends Pick<Tiny, 'remove'>, R>({ call, nth }: Place, trial: Trial<T, R>): Promise<R> {
  for (let earlier = 0; earlier <= LATER && earlier < nth; earlier++) {
    const tiny = await trial.made();
    try {
      const cut = await trial.act(tiny, killing(call, nth - earlier));
      if (cut.signal === 'SIGKILL') return await trial.after(tiny);
      expect(cut, `neither killed at ${call} ${nth - earlier} nor well`).toMatchObject({ exit: 0 });
    } finally {
      tiny.remove();
    }
  }
  throw new Error(`not killed at ${call} ${nth}, nor a little earlier`);
}

/** The same of each of the places, two at a time, by place. */
export async function killedAtEach<T extends Pick<Tiny, 'remove'>, R>(
  places: readonly Place[],
  trial: Trial<T, R>,
): Promise<Record<string, R>> {
  const left = [...places];
  const results: Record<string, R> = {};
  const next = async (): Promise<void> => {
    for (let place = left.shift(); place; place = left.shift())
      results[`${place.call} ${place.nth}`] = await killedAt(place, trial);
  };
  await Promise.all([next(), next()]);
  return results;
}
