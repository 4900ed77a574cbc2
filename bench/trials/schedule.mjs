import { FAULTS } from './faults.mjs';
import { SHAPES } from './shapes.mjs';

const shapes = Object.keys(SHAPES);

/** How many trials of each fault there are for a design; of `kill` one for each place of each shape. */
export const FULL = {
  none: 9,
  kill: Number.POSITIVE_INFINITY,
  'dies-before': 15,
  'dies-after': 30,
  'lost-reply': 30,
  noise: 15,
  hangs: 15,
  slow: 30,
  'after-our-look': 30,
  refused: 9,
  'deaf-queue': 15,
  'late-accounting': 15,
  two: 30,
  four: 15,
  restart: 24,
  'comes-late': 12,
  'comes-late-no-accounting': 12,
  'comes-late-nothing': 6,
};
/** A fixed spread for CI. */
export const FAST = {
  kill: 12,
  'dies-after': 3,
  'lost-reply': 3,
  noise: 1,
  slow: 3,
  'after-our-look': 3,
  refused: 1,
  'deaf-queue': 2,
  two: 2,
  four: 1,
};

/**
 * The trials of a design, in the order they are begun: kinds and shapes in turn, so that whatever part of them is run, all are among it.
 * The same for the same seed and places.
 */
export function schedule(counts, places, seed) {
  const random = randomOf(seed);
  const rows = Object.entries(counts).flatMap(([fault, many]) => {
    const all =
      fault === 'kill' ? everyPlace(places, many) : Array.from({ length: many }, (_, at) => ({ shape: shapes[at % 3] }));
    return all.map((one, at) => ({
      ...given(FAULTS[fault].needs, one.shape, places, random, at, all.length),
      fault,
      ...one,
      at: at / all.length,
    }));
  });
  return rows
    .sort((a, b) => a.at - b.at)
    .map(({ at: _, ...one }) => ({
      ...one,
      key: [one.fault, one.shape, ...placeWords(one), one.nth ?? '', one.seconds ?? '', one.delays ?? ''].join(' ').trim(),
    }))
    .map((one, n) => ({ n, ...one }));
}

function placeWords({ place }) {
  return place ? [place.call, place.nth] : [];
}

function everyPlace(places, many) {
  return shapes.flatMap((shape) => {
    const all = places[shape];
    const some = Math.min(Math.ceil(many / shapes.length), all.length);
    return Array.from({ length: some }, (_, at) => ({ shape, place: all[Math.floor(((at + 0.5) * all.length) / some)] }));
  });
}

/** What a trial of a fault is given besides its shape. */
function given(needs, shape, places, random, at, of) {
  const pick = (items) => items[Math.floor(random() * items.length)];
  const words = {
    place: () => pick(places[shape]),
    nth: () => SHAPES[shape].steps.length - (Math.floor(at / 3) % SHAPES[shape].steps.length),
    seconds: () => Math.round((200 * (at + random())) / of) / 10,
    delays: () => [0, 0, 0, 0].map(() => Math.floor(random() * 300)),
  };
  return Object.fromEntries(needs.map((name) => [name, words[name]()]));
}

/** Numbers between 0 and 1 from a seed, the same on every machine (mulberry32). */
function randomOf(seed) {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
