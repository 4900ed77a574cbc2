import { createHash } from 'node:crypto';
import { measureArray, type Numbers } from './measure-array.ts';
import { headerEnd, type NpyHeader, PREFIX, readHeader } from './npy-header.ts';
import { refuse } from './unreadable.ts';

/** An array as it was found: its type as numpy writes it, its shape, and what its elements say. */
export type ArrayFacts = {
  dtype: string;
  shape: readonly number[];
  /** Null for types that hold no numbers, or none that are read here. */
  numbers: Numbers | null;
  /** SHA-256 over type, shape, order and elements. */
  sha256: string;
};

/**
 * Reads an array of numpy (.npy, versions 1 to 3) piece by piece, to the end of the bytes. What is torn, longer than it says or holds objects
 * is refused in words.
 */
export async function readArray(bytes: AsyncIterable<Buffer>): Promise<ArrayFacts> {
  const reading = new ArrayReading();
  for await (const piece of bytes) reading.add(piece);
  return reading.end();
}

/** First the header is gathered, then elements go by in pieces of whole ones. */
class ArrayReading {
  #held = Buffer.alloc(0);
  #had = 0;
  #header: NpyHeader | undefined;
  #measure: ReturnType<typeof measureArray>;
  readonly #hash = createHash('sha256');

  add(piece: Buffer): void {
    const bytes = this.#held.length > 0 ? Buffer.concat([this.#held, piece]) : piece;
    const elements = this.#header ? bytes : this.#begin(bytes);
    if (elements === undefined || !this.#header) {
      this.#held = Buffer.from(bytes);
      return;
    }
    const size = this.#measure ? this.#header.itemBytes : 1;
    const end = elements.length - (elements.length % size);
    this.#look(elements.subarray(0, end));
    this.#held = Buffer.from(elements.subarray(end));
  }

  /** What follows the header, where all of it has come. */
  #begin(bytes: Buffer): Buffer | undefined {
    if (bytes.length < PREFIX) return undefined;
    const end = headerEnd(bytes);
    if (bytes.length < end) return undefined;
    const header = readHeader(bytes.subarray(0, end));
    this.#header = header;
    this.#measure = measureArray(header.dtype);
    this.#hash.update(JSON.stringify([header.dtype, header.shape, header.fortran]));
    return bytes.subarray(end);
  }

  #look(elements: Buffer): void {
    this.#had += elements.length;
    this.#hash.update(elements);
    this.#measure?.add(elements);
  }

  end(): ArrayFacts {
    if (!this.#header) return refuse('is cut off within its header');
    const { dtype, shape, itemBytes, count } = this.#header;
    const [had, due] = [this.#had + this.#held.length, count * itemBytes];
    if (had < due) refuse(`is cut off: ${had} bytes of ${due} are there`);
    if (had > due) refuse(`goes on after its end: ${had} bytes where ${due} are due`);
    return { dtype, shape, numbers: this.#measure?.end() ?? null, sha256: this.#hash.digest('hex') };
  }
}
