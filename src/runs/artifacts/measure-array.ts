import { type ElementType, elementType } from './element-types.ts';

/** What is said of the numbers of an array. Positions count elements from 0 in the order of the file. */
export type Numbers = {
  /** Exact for whole numbers: a bigint for integer types, for floating ones a number that is compensated for rounding. */
  sum: bigint | number;
  /** Every element is a whole number. */
  whole: boolean;
  /** What the rounding of the elements to their type may have left in the sum. */
  rounding: number;
  nonFinite: { count: number; first: number | null };
  /** Of the first element that is not larger than the one before; null where all rise. */
  falls: number | null;
};

export type Measure = { add(bytes: Buffer): void; end(): Numbers };

/** Looks at elements in pieces that hold whole elements; undefined for a type without numbers that are read here. */
export function measureArray(dtype: string): Measure | undefined {
  const type = elementType(dtype);
  if (type === undefined) return undefined;
  if (type.kind === 'wide') return new WideMeasure(type.signed, type.little);
  return type.isFloat ? new FloatMeasure(type, Number(dtype.slice(2))) : new IntegerMeasure(type, Number(dtype.slice(2)));
}

/** So many 32-bit values add up exactly in a number. */
const EXACT_RUN = 1 << 16;

const viewOf = (bytes: Buffer) => new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
const integers = (sum: bigint, falls: number | null): Numbers => ({
  sum,
  whole: true,
  rounding: 0,
  nonFinite: { count: 0, first: null },
  falls,
});

type NumberType = Extract<ElementType, { kind: 'number' }>;

/** Integers of up to 32 bits, and booleans. */
class IntegerMeasure implements Measure {
  #sum = 0n;
  #at = 0;
  #last = Number.NEGATIVE_INFINITY;
  #falls: number | null = null;
  readonly #type: NumberType;
  readonly #size: number;

  constructor(type: NumberType, size: number) {
    this.#type = type;
    this.#size = size;
  }

  add(bytes: Buffer): void {
    const [view, { read }] = [viewOf(bytes), this.#type];
    for (let from = 0; from < bytes.length; from += EXACT_RUN * this.#size) {
      const end = Math.min(bytes.length, from + EXACT_RUN * this.#size);
      let run = 0;
      for (let offset = from; offset < end; offset += this.#size) {
        const value = read(view, offset);
        run += value;
        if (value <= this.#last) this.#falls ??= this.#at;
        this.#last = value;
        this.#at++;
      }
      this.#sum += BigInt(run);
    }
  }

  end(): Numbers {
    return integers(this.#sum, this.#falls);
  }
}

/** 64-bit integers in two halves, which is many times faster than one bigint each, and as exact. */
class WideMeasure implements Measure {
  #sum = 0n;
  #at = 0;
  #high = Number.NEGATIVE_INFINITY;
  #low = 0;
  #falls: number | null = null;
  readonly #signed: boolean;
  readonly #little: boolean;

  constructor(signed: boolean, little: boolean) {
    this.#signed = signed;
    this.#little = little;
  }

  add(bytes: Buffer): void {
    const view = viewOf(bytes);
    for (let from = 0; from < bytes.length; from += EXACT_RUN * 8) {
      const end = Math.min(bytes.length, from + EXACT_RUN * 8);
      let [highs, lows] = [0, 0];
      for (let offset = from; offset < end; offset += 8) {
        const upper = this.#little ? offset + 4 : offset;
        const high = this.#signed ? view.getInt32(upper, this.#little) : view.getUint32(upper, this.#little);
        const low = view.getUint32(this.#little ? offset : offset + 4, this.#little);
        highs += high;
        lows += low;
        if (high < this.#high || (high === this.#high && low <= this.#low)) this.#falls ??= this.#at;
        [this.#high, this.#low] = [high, low];
        this.#at++;
      }
      this.#sum += (BigInt(highs) << 32n) + BigInt(lows);
    }
  }

  end(): Numbers {
    return integers(this.#sum, this.#falls);
  }
}

class FloatMeasure implements Measure {
  #sum = 0;
  /** What rounding took from the sum so far (Neumaier). */
  #lost = 0;
  #magnitude = 0;
  #at = 0;
  #last = Number.NEGATIVE_INFINITY;
  #whole = true;
  #falls: number | null = null;
  #odd = 0;
  #firstOdd: number | null = null;
  readonly #type: NumberType;
  readonly #size: number;

  constructor(type: NumberType, size: number) {
    this.#type = type;
    this.#size = size;
  }

  add(bytes: Buffer): void {
    const [view, { read }] = [viewOf(bytes), this.#type];
    for (let offset = 0; offset < bytes.length; offset += this.#size) {
      const value = read(view, offset);
      if (this.#at > 0 && !(value > this.#last)) this.#falls ??= this.#at;
      this.#last = value;
      if (Number.isFinite(value)) this.#plus(value);
      else {
        this.#odd++;
        this.#firstOdd ??= this.#at;
      }
      this.#at++;
    }
  }

  #plus(value: number): void {
    const next = this.#sum + value;
    this.#lost += Math.abs(this.#sum) >= Math.abs(value) ? this.#sum - next + value : value - next + this.#sum;
    this.#sum = next;
    this.#magnitude += Math.abs(value);
    if (this.#whole && !Number.isInteger(value)) this.#whole = false;
  }

  end(): Numbers {
    const whole = this.#whole && this.#odd === 0;
    const nonFinite = { count: this.#odd, first: this.#firstOdd };
    const rounding = whole ? 0 : this.#type.rounding * this.#magnitude;
    return { sum: this.#sum + this.#lost, whole, rounding, nonFinite, falls: this.#falls };
  }
}
