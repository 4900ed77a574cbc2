import { chmodSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Place } from '../support/cut.mjs';
import { counting, placesIn } from '../support/cut.mjs';

/** Whether every place is tried (AUTOLAB_CRASH=all), or the subset that fits into a look at every change. */
export const ALL = process.env.AUTOLAB_CRASH === 'all';

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

/**
 * About `few` of the places, always the same ones: of every kind of call the first and the last, and between them as many as its share,
 * evenly spread.
 */
export function someOf(places: readonly Place[], few: number, every: readonly string[] = []): Place[] {
  const calls = [...new Set(places.map(({ call }) => call))];
  return calls.flatMap((call) => {
    const its = places.filter((place) => place.call === call);
    if (every.includes(call)) return its;
    const count = Math.min(its.length, Math.max(2, Math.round((few * its.length) / places.length)));
    const chosen = Array.from({ length: count }, (_, at) => Math.round((at * (its.length - 1)) / Math.max(1, count - 1)));
    return its.filter((_, at) => chosen.includes(at));
  });
}
