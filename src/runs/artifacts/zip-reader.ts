import type { FileHandle } from 'node:fs/promises';
import { Readable } from 'node:stream';
import yauzl from 'yauzl';

/**
 * An open file as yauzl reads it. Its own reader passes positions from the archive straight to the system, which throws at those that
 * no file has, outside of any promise; here they are an error like any other. The file stays open.
 */
export class ZipReader extends yauzl.RandomAccessReader {
  readonly #file: FileHandle;
  readonly #size: number;

  constructor(file: FileHandle, size: number) {
    super();
    this.#file = file;
    this.#size = size;
  }

  override _readStreamForRange(start: number, end: number): Readable {
    return Readable.from(this.#range(start, end), { objectMode: false });
  }

  override read(
    buffer: Buffer,
    offset: number,
    length: number,
    position: number,
    done: (error: Error | null, read: number) => void,
  ): void {
    const asked = this.#check(position, position + length) ?? this.#file.read(buffer, offset, length, position);
    if (asked instanceof Error) {
      setImmediate(done, asked, 0);
      return;
    }
    asked.then(
      ({ bytesRead }) => setImmediate(done, null, bytesRead),
      (error: Error) => setImmediate(done, error, 0),
    );
  }

  async *#range(start: number, end: number): AsyncGenerator<Buffer> {
    const wrong = this.#check(start, end);
    if (wrong) throw wrong;
    for (let at = start; at < end; ) {
      const piece = Buffer.alloc(Math.min(1 << 16, end - at));
      const { bytesRead } = await this.#file.read(piece, 0, piece.length, at);
      if (bytesRead === 0) return;
      at += bytesRead;
      yield piece.subarray(0, bytesRead);
    }
  }

  #check(start: number, end: number): Error | undefined {
    if (start >= 0 && end <= this.#size) return undefined;
    return new Error(`it names bytes ${start} to ${end} of a file of ${this.#size}`);
  }
}
