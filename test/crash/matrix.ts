import { isDeepStrictEqual } from 'node:util';
import { expect, test } from 'vitest';
import type { Place } from '../support/cut.mjs';
import { killing } from '../support/cut.mjs';
import { ALL, placesOf, someOf, spread } from '../support/places.ts';
import type { Tiny } from '../support/tiny.ts';
import { marksOf } from './litter.ts';
import type { Operation, Scene } from './operation.ts';
import { report } from './trials.ts';
import { problems } from './typed.ts';
import { whatIsWrong } from './whole.ts';

/** Two at a time, and no more: the machines that run this have two cores. */
const WORKERS = 2;

/** A test that kills the operation at its places, lets a new process finish the work, and compares with what comes of it undisturbed. */
export function crashes(operation: Operation): void {
  test(
    `${operation.name}, killed ${ALL ? 'everywhere' : 'here and there'}, ends as if it had not been`,
    () => trials(operation),
    3_600_000,
  );
}

async function trials(operation: Operation): Promise<void> {
  const { places, expected } = await undisturbed(operation);
  const some = operation.evenly ? spread : someOf;
  const chosen = ALL ? places : some(places, operation.few);
  const count = new Map<string, number>();
  for (const { call } of chosen) count.set(call, (count.get(call) ?? 0) + 1);
  const kinds = [...count].map(([call, n]) => `${call} ${n}`).join(', ');
  console.info(`${operation.name}: ${chosen.length} of ${places.length} places (${kinds})`);
  const attempt = (all: readonly Place[]) =>
    eachOf(operation, all, async (tiny, place) => {
      const done = await operation.act(tiny, killing(place.call, place.nth));
      const cut = done.signal === 'SIGKILL' || done.exit === 137;
      return { cut, detail: await judged(operation, tiny, expected, isThorough(all.indexOf(place))) };
    });
  const results = await attempt(chosen);
  // A slow submission notes that it is late, which makes three calls more: where the counted one was slow, the last places are a little earlier.
  for (let earlier = 1; earlier <= 3; earlier++) {
    const missed = [...results].filter(([, { cut }]) => !cut).map(([place]) => place);
    for (const place of missed) {
      if (results.get(place)?.detail !== '' || place.nth <= earlier) continue;
      const [[nearer, result] = []] = await attempt([{ ...place, nth: place.nth - earlier }]);
      if (!nearer || !result || (!result.cut && result.detail === '')) continue;
      results.delete(place);
      results.set(nearer, result);
    }
  }
  const wrong: Record<string, string> = {};
  for (const [place, { detail }] of results) {
    report({ operation: operation.name, ...place, outcome: detail === '' ? 'once' : 'wrong', detail });
    if (detail !== '') wrong[`${place.call} ${place.nth}`] = detail;
  }
  expect(wrong).toEqual({});
  // A kill that found nothing to kill has shown nothing.
  const cut = [...results.values()].filter((one) => one.cut).length;
  expect(chosen.length - cut).toBeLessThanOrEqual(Math.max(1, chosen.length / 10));
}

async function undisturbed(operation: Operation): Promise<{ places: Place[]; expected: End }> {
  const { tiny } = await operation.prepare();
  try {
    const places = await placesOf(async (prefix) => expect(await operation.act(tiny, prefix)).toMatchObject({ exit: 0 }));
    await operation.finish(tiny);
    expect(await whatIsWrong(tiny)).toEqual([]);
    return { places, expected: await endOf(operation, tiny, true) };
  } finally {
    tiny.remove();
  }
}

/** What has come of it, and what doctor and explain find, where they are asked. */
type End = { ended: unknown; problems?: unknown };

export async function endOf(operation: Operation, tiny: Tiny, thorough: boolean): Promise<End> {
  const ended = await operation.ended(tiny);
  return thorough ? { ended, problems: await problems(tiny) } : { ended };
}

/** Doctor and explain take as long as all else; they look at the same files, so the subset asks them now and then. */
function isThorough(at: number): boolean {
  return ALL || at % 5 === 0;
}

/** Nothing where the work was finished and ends as expected; else what is wrong. */
export async function judged(operation: Operation, tiny: Tiny, expected: End, thorough: boolean): Promise<string> {
  try {
    const marks = marksOf(tiny);
    await operation.finish(tiny);
    const wrong = await whatIsWrong(tiny, marks);
    const end = await endOf(operation, tiny, thorough);
    if (!isDeepStrictEqual(end, thorough ? expected : { ended: expected.ended }))
      wrong.push(`it ended as ${JSON.stringify(end)}`);
    return wrong.join('; ');
  } catch (error) {
    return `it could not be finished: ${error instanceof Error ? error.message : String(error)}`;
  }
}

/** Tries all of them, each in a repository of its own or one that was put back. */
export async function eachOf<T, R>(
  operation: Operation,
  all: readonly T[],
  trial: (tiny: Tiny, one: T) => Promise<R>,
): Promise<Map<T, R>> {
  const queue = [...all];
  const results = new Map<T, R>();
  const work = async (): Promise<void> => {
    let scene: Scene | undefined;
    try {
      for (let one = queue.shift(); one !== undefined; one = queue.shift()) {
        if (scene?.again) await scene.again();
        else {
          scene?.tiny.remove();
          scene = await operation.prepare();
        }
        results.set(one, await trial(scene.tiny, one));
      }
    } finally {
      scene?.tiny.remove();
    }
  };
  await Promise.all(Array.from({ length: WORKERS }, work));
  return results;
}
