import type { ArrayRules, Dimension } from './expectation.ts';
import type { ArrayFacts } from './npy.ts';

type Shapes = ReadonlyMap<string, Pick<ArrayFacts, 'shape'>>;

/** What is wrong with the shapes of one file, in words. A letter stands for the same length wherever it comes. Pure. */
export function shapeFaults(arrays: Shapes, { shape = {}, edges_of = {} }: Pick<ArrayRules, 'shape' | 'edges_of'>): string[] {
  const wanted = Object.entries(shape).flatMap(([key, dimensions]) => {
    const found = arrays.get(key)?.shape;
    return found ? [{ key, dimensions, found }] : [];
  });
  const letters = bind(wanted);
  const faults = wanted.flatMap(({ key, dimensions, found }) => {
    const fits = found.length === dimensions.length && dimensions.every((one, at) => lengthOf(one, letters) === found[at]);
    return fits ? [] : [`shape: ${key} is ${shapeText(found)}; expected ${shapeText(dimensions)}${where(dimensions, letters)}`];
  });
  return [...faults, ...edgeFaults(arrays, edges_of)];
}

type Wanted = { dimensions: readonly Dimension[]; found: readonly number[] };

/** What each letter stands for: its length where it first stands alone, else where it first comes with a number. */
function bind(wanted: readonly Wanted[]): ReadonlyMap<string, number> {
  const letters = new Map<string, number>();
  for (const alone of [true, false]) {
    for (const { dimensions, found } of wanted) {
      for (const [at, one] of dimensions.entries()) {
        const [length, { letter, plus }] = [found[at], partsOf(one)];
        if (length !== undefined && letter !== '' && (plus === 0) === alone && !letters.has(letter))
          letters.set(letter, length - plus);
      }
    }
  }
  return letters;
}

function partsOf(one: Dimension): { letter: string; plus: number } {
  if (typeof one === 'number') return { letter: '', plus: one };
  const [, letter = '', plus = '0'] = /^(\w+?)([+-]\d+)?$/.exec(one) ?? [];
  return { letter, plus: Number(plus) };
}

function lengthOf(one: Dimension, letters: ReadonlyMap<string, number>): number | undefined {
  const { letter, plus } = partsOf(one);
  if (letter === '') return plus;
  const length = letters.get(letter);
  return length === undefined ? undefined : length + plus;
}

function where(dimensions: readonly Dimension[], letters: ReadonlyMap<string, number>): string {
  const used = [...new Set(dimensions.map((one) => partsOf(one).letter).filter((letter) => letters.has(letter)))];
  return used.length === 0 ? '' : ` with ${used.map((letter) => `${letter} = ${letters.get(letter)}`).join(', ')}`;
}

function edgeFaults(arrays: Shapes, edgesOf: Readonly<Record<string, string>>): string[] {
  return Object.entries(edgesOf).flatMap(([histogram, edges]) => {
    const [bins, bounds] = [arrays.get(histogram)?.shape, arrays.get(edges)?.shape];
    if (!bins || !bounds) return [];
    const fits = bins.length === 1 && bounds.length === 1 && bounds[0] === (bins[0] ?? 0) + 1;
    return fits
      ? []
      : [`edges_of: ${edges} is ${shapeText(bounds)} and ${histogram} ${shapeText(bins)}; expected one edge more than bins`];
  });
}

function shapeText(shape: readonly Dimension[]): string {
  return `[${shape.join(', ')}]`;
}
