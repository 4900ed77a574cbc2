import { chmodSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Place } from './cut.mjs';
import { counting, placesIn } from './cut.mjs';

/** Whether every place is tried (AUTOLAB_CRASH=all), or the subset that fits into a look at every change. */
export const ALL = process.env.AUTOLAB_CRASH === 'all';

/** The calls that start a program. */
export const STARTS = ['clone', 'clone3', 'fork', 'vfork'];

/** Those of the places that start a program, which is where something is told to a site or asked of it. */
export function startsOf(places: readonly Place[]): Place[] {
  return places.filter(({ call }) => STARTS.includes(call));
}

/** The places of a command, found by watching it undisturbed. */
export async function placesOf(run: (prefix: string[]) => Promise<unknown>): Promise<Place[]> {
  const folder = mkdtempSync(join(tmpdir(), 'crash-places-'));
  // Another account may be who runs it.
  chmodSync(folder, 0o777);
  try {
    await run(counting(join(folder, 'calls')));
    return placesIn(readFileSync(join(folder, 'calls'), 'utf8'));
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** So many of a list, evenly spread over it from the first to the last, always the same ones. */
export function spread<T>(all: readonly T[], most: number): T[] {
  const count = Math.min(all.length, most);
  const chosen = Array.from({ length: count }, (_, at) => Math.round((at * (all.length - 1)) / Math.max(1, count - 1)));
  return all.filter((_, at) => chosen.includes(at));
}

/** All of them where every place is tried, else so many. */
export function subset<T>(all: readonly T[], most: number): T[] {
  return ALL ? [...all] : spread(all, most);
}

/**
 * About `few` of the places, always the same ones: of every kind of call the first and the last, and between them as many as its share,
 * evenly spread.
 */
export function someOf(places: readonly Place[], few: number, every: readonly string[] = []): Place[] {
  const calls = [...new Set(places.map(({ call }) => call))];
  return calls.flatMap((call) => {
    const its = places.filter((place) => place.call === call);
    return every.includes(call) ? its : spread(its, Math.max(2, Math.round((few * its.length) / places.length)));
  });
}

/**
 * Always the same ones of the places, in their order: a few of every other kind of call, and so many starts of programs, evenly spread over all but
 * the first third of them, in which a command only looks around; or every place.
 */
export function mostlyStarts(places: readonly Place[], few: number, most: number): Place[] {
  if (ALL) return [...places];
  const starts = startsOf(places);
  const others = places.filter((place) => !starts.includes(place));
  const chosen = [...someOf(others, few), ...spread(starts.slice(Math.floor(starts.length / 3)), most)];
  return places.filter((place) => chosen.includes(place));
}
