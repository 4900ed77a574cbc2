import { createHash } from 'node:crypto';
import { constants } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { refuse } from './unreadable.ts';

/** Works with an open regular file. A pipe or a device is refused, never waited for. */
export async function withFile<T>(path: string, work: (file: FileHandle, size: number) => Promise<T>): Promise<T> {
  const file = await open(path, constants.O_RDONLY | constants.O_NONBLOCK);
  try {
    const seen = await file.stat();
    return seen.isFile() ? await work(file, seen.size) : refuse('is no file');
  } finally {
    await file.close();
  }
}

/** The bytes of a file piece by piece; never more than one piece is held. */
export async function* pieces(file: FileHandle, size = 1 << 18): AsyncGenerator<Buffer> {
  const buffer = Buffer.alloc(size);
  for (;;) {
    const { bytesRead } = await file.read(buffer, 0, size);
    if (bytesRead === 0) return;
    yield buffer.subarray(0, bytesRead);
  }
}

/** SHA-256 of a file's bytes. */
export function fileSha256(path: string): Promise<string> {
  return withFile(path, async (file) => {
    const hash = createHash('sha256');
    for await (const piece of pieces(file)) hash.update(piece);
    return hash.digest('hex');
  });
}

/** Whether the bytes of a text stand in a file, wherever. */
export function fileContains(path: string, text: string): Promise<boolean> {
  const wanted = Buffer.from(text);
  return withFile(path, async (file) => {
    let tail = Buffer.alloc(0);
    for await (const piece of pieces(file)) {
      const here = Buffer.concat([tail, piece]);
      if (here.includes(wanted)) return true;
      tail = here.subarray(Math.max(0, here.length - wanted.length + 1));
    }
    return false;
  });
}
