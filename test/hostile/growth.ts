import { ALL } from '../support/places.ts';
import { PIECES } from './hostile-text.ts';
import { held, type Reader } from './reader.ts';

export const LONGEST = ALL ? 100_000 : 50_000;
/** Sizes in characters. What takes too long at the first is not tried at the next, where it might never end. */
const SIZES = [2_000, LONGEST];
/**
 * Milliseconds of processor time for 100,000 characters, and its part for fewer. What goes over a text a bounded number of times needs a tenth of
 * it; what goes over it once for each of its characters needs ten times as much, and of 50,000 five times. More is a suspicion: a busy
 * machine gives less in a millisecond. It is settled by how the time grows.
 */
const MOST_MS = 1500;
/** Four times the text: a reader in proportion takes four times as long, one that goes over it again for each character sixteen times. */
const [SMALLER, GROWN] = [4, 8];
/** No machine that is merely busy needs this many times what is suspicious. */
const ENDLESS = 5;
const READINGS = 3;

/** Where in a text they are put, as parts of its length: by turns. */
const PLACES = [0.5, 0.3, 0.7, 0.9, 0.15, 0.6];

/** Texts that are one thing over and over, between the halves of what a reader takes. */
function* repeated(reader: Reader): Generator<{ what: string; make: (size: number) => string }> {
  // Of the common pieces each reader has a part, so that all together have them all.
  const share = [...reader.names.join('')].reduce((sum, letter) => sum + (letter.codePointAt(0) ?? 0), 0) % 4;
  const pieces = PIECES.filter((one, at) => one !== '' && at % 4 === share);
  const units = [...new Set([...pieces, ...(reader.words ?? []), 'a', 'a.', 'a-', 'a=1\n', 'a: 1\n', '1,', 'a b'])];
  let place = 0;
  for (const unit of units) {
    const over = (size: number) => unit.repeat(Math.ceil(size / unit.length));
    yield { what: `${JSON.stringify(unit)} over and over`, make: over };
    for (const [at, seed] of reader.seeds.slice(0, 2).entries()) {
      if (seed.length > 4000) break;
      const cut = Math.floor(seed.length * (PLACES[(place++ + at) % PLACES.length] ?? 0.5));
      yield {
        what: `${JSON.stringify(unit)} behind ${JSON.stringify(seed.slice(Math.max(0, cut - 20), cut))}`,
        make: (size) => seed.slice(0, cut) + over(size) + seed.slice(cut),
      };
    }
  }
}

/** How often a text was read, and the texts for which the time did not grow as their length. */
export function growth(reader: Reader): { tried: number; slow: string[] } {
  const slow: string[] = [];
  let tried = 0;
  for (const { what, make } of repeated(reader))
    for (const size of SIZES) {
      const took = processorMs(reader, make(size));
      tried++;
      const most = Math.max(MOST_MS / 4, (MOST_MS * size) / 100_000);
      if (took <= most || (took <= ENDLESS * most && isInProportion(reader, make, size))) continue;
      slow.push(`${what}: ${Math.round(took)} ms for ${size} characters`);
      break;
    }
  return { tried, slow };
}

/** Compares the least of some readings, by turns, of the text and of a quarter of it: what disturbs only ever adds. */
function isInProportion(reader: Reader, make: (size: number) => string, size: number): boolean {
  const [whole, quarter] = [make(size), make(size / SMALLER)];
  const readings = Array.from({ length: READINGS }, () => [processorMs(reader, whole), processorMs(reader, quarter)] as const);
  return Math.min(...readings.map(([long]) => long)) <= GROWN * Math.min(...readings.map(([, short]) => short));
}

function processorMs(reader: Reader, text: string): number {
  const before = process.cpuUsage();
  held(reader, text);
  return process.cpuUsage(before).user / 1000;
}
