/** Reads one element of up to 32 bits, or a floating number, at an offset. */
export type ReadElement = (view: DataView, at: number) => number;

/** How elements are read, by kind and size: `i4`, `f2`. 64-bit integers are read in halves; see measure-array.ts. */
const READERS: Readonly<Record<string, (little: boolean) => ReadElement>> = {
  b1: () => (view, at) => (view.getUint8(at) === 0 ? 0 : 1),
  i1: () => (view, at) => view.getInt8(at),
  u1: () => (view, at) => view.getUint8(at),
  i2: (little) => (view, at) => view.getInt16(at, little),
  u2: (little) => (view, at) => view.getUint16(at, little),
  i4: (little) => (view, at) => view.getInt32(at, little),
  u4: (little) => (view, at) => view.getUint32(at, little),
  f2: (little) => (view, at) => half(view.getUint16(at, little)),
  f4: (little) => (view, at) => view.getFloat32(at, little),
  f8: (little) => (view, at) => view.getFloat64(at, little),
};

/** The relative error of rounding to a floating type: half a unit in the last place. */
const ROUNDING: Readonly<Record<string, number>> = { f2: 2 ** -11, f4: 2 ** -24, f8: 2 ** -53 };

export type ElementType =
  | { kind: 'number'; read: ReadElement; isFloat: boolean; rounding: number }
  | { kind: 'wide'; signed: boolean; little: boolean };

/** The numbers of a type such as `<i8`; undefined where it has none that are read here, as text, dates and complex numbers. */
export function elementType(dtype: string): ElementType | undefined {
  const [little, name] = [dtype[0] !== '>', dtype.slice(1)];
  if (name === 'i8' || name === 'u8') return { kind: 'wide', signed: name === 'i8', little };
  const made = READERS[name];
  return made && { kind: 'number', read: made(little), isFloat: name.startsWith('f'), rounding: ROUNDING[name] ?? 0 };
}

/** IEEE 754 binary16. */
function half(bits: number): number {
  const [sign, exponent, fraction] = [bits >> 15 ? -1 : 1, (bits >> 10) & 31, bits & 1023];
  if (exponent === 0) return sign * fraction * 2 ** -24;
  if (exponent === 31) return fraction ? Number.NaN : sign * Number.POSITIVE_INFINITY;
  return sign * (1024 + fraction) * 2 ** (exponent - 25);
}
