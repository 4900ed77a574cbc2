import type { Stats } from 'node:fs';
import { closeSync, constants, fstatSync, openSync, readdirSync, readFileSync, readSync, statSync } from 'node:fs';
import { Failure, systemCode } from './errors.ts';
import { mendOf, reasonOf } from './reasons.ts';

/** The failure to read a file; what is already one stays as it is. */
export function cannotRead(path: string, error: unknown): Failure {
  if (error instanceof Failure) return error;
  const next = `${mendOf(error)}, then call again; ${path} was not touched`;
  return new Failure('file_unreadable', { what: `cannot read ${path}`, why: reasonOf(error), next, cause: error });
}

/** The failure to write a file; what is already one stays as it is. */
export function cannotWrite(path: string, error: unknown): Failure {
  if (error instanceof Failure) return error;
  const next = `${mendOf(error)}, then call again; nothing that was in ${path} is lost`;
  return new Failure('file_unwritable', { what: `cannot write ${path}`, why: reasonOf(error), next, cause: error });
}

/** What stands at a path, links followed; undefined for nothing. */
export function statOf(path: string): Stats | undefined {
  try {
    return statSync(path, { throwIfNoEntry: false });
  } catch (error) {
    if (systemCode(error) === 'ENOTDIR') return undefined;
    throw cannotRead(path, error);
  }
}

/** What is in a folder; nothing where there is no folder. Other errors of the system are thrown as they come. */
export function namesIn(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch (error) {
    const code = systemCode(error);
    if (code === 'ENOENT' || code === 'ENOTDIR') return [];
    throw error;
  }
}

/**
 * The bytes of a file, or undefined where there is none. A folder, a pipe or a device in its place is refused and never waited for, and
 * so is a file over `limit` bytes.
 */
export function readBytes(path: string, limit: number): Buffer | undefined {
  return withFile(path, (fd, size) => {
    if (size > limit) throw tooLarge(path, size, limit);
    return readFileSync(fd);
  });
}

/** The first `most` bytes of a file, or the last ones, and how many it has. */
export function readPart(path: string, most: number, from: 'start' | 'end'): { data: Buffer; size: number } | undefined {
  return withFile(path, (fd, size) => {
    const data = Buffer.alloc(Math.min(size, most));
    const got = readSync(fd, data, 0, data.length, from === 'end' ? size - data.length : 0);
    return { data: data.subarray(0, got), size };
  });
}

/** The last `most` bytes of a file, and whether they are all of it. */
export function readEnd(path: string, most: number): { data: Buffer; all: boolean } | undefined {
  const end = readPart(path, most, 'end');
  return end && { data: end.data, all: end.data.length === end.size };
}

/** The bytes from `offset` on, at most `most` of them, and how many the file has; undefined where there is none. */
export function readSince(path: string, offset: number, most: number): { data: Buffer; size: number } | undefined {
  return withFile(path, (fd, size) => {
    const data = Buffer.alloc(Math.max(0, Math.min(size - offset, most)));
    const got = readSync(fd, data, 0, data.length, offset);
    return { data: data.subarray(0, got), size };
  });
}

/**
 * The lines of a file one by one, without their ends, and nothing where there is none: never more of it in memory than a piece and a line, however
 * long it is. The last one may have no end. Of a line over `longest` bytes only so much is given.
 */
export function* linesOf(path: string, longest: number): Generator<string> {
  const opened = openFile(path);
  if (opened === undefined) return;
  try {
    const piece = Buffer.allocUnsafe(PIECE);
    let held: Buffer[] = [];
    let length = 0;
    const hold = (part: Buffer) => {
      const rest = part.subarray(0, Math.max(0, longest - length));
      if (rest.length > 0) held.push(Buffer.from(rest));
      length += rest.length;
    };
    for (let got = read(opened.fd, piece, path); got > 0; got = read(opened.fd, piece, path)) {
      const data = piece.subarray(0, got);
      let from = 0;
      for (let end = data.indexOf(NEWLINE); end !== -1; end = data.indexOf(NEWLINE, from)) {
        if (length === 0 && end - from <= longest) yield data.toString('utf8', from, end);
        else {
          hold(data.subarray(from, end));
          yield Buffer.concat(held).toString('utf8');
          held = [];
          length = 0;
        }
        from = end + 1;
      }
      hold(data.subarray(from));
    }
    if (length > 0) yield Buffer.concat(held).toString('utf8');
  } finally {
    closeSync(opened.fd);
  }
}

const PIECE = 4 * 1024 * 1024;
const NEWLINE = 0x0a;

function read(fd: number, piece: Buffer, path: string): number {
  try {
    return readSync(fd, piece, 0, piece.length, null);
  } catch (error) {
    throw cannotRead(path, error);
  }
}

/** A file to read, with its size; undefined where there is none. Who gets it closes it. */
function openFile(path: string): { fd: number; size: number } | undefined {
  let fd: number | undefined;
  try {
    // Without O_NONBLOCK opening a pipe waits for a writer, for ever.
    fd = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
    const seen = fstatSync(fd);
    if (!seen.isFile()) throw noFile(path, seen.isDirectory() ? 'a folder' : seen.isFIFO() ? 'a pipe' : 'a device');
    return { fd, size: seen.size };
  } catch (error) {
    if (fd !== undefined) closeSync(fd);
    const code = systemCode(error);
    if (code === 'ENOENT' || code === 'ENOTDIR') return undefined;
    throw cannotRead(path, error);
  }
}

function withFile<T>(path: string, work: (fd: number, size: number) => T): T | undefined {
  const opened = openFile(path);
  if (opened === undefined) return undefined;
  try {
    return work(opened.fd, opened.size);
  } catch (error) {
    throw cannotRead(path, error);
  } finally {
    closeSync(opened.fd);
  }
}

function noFile(path: string, what: string): Failure {
  return new Failure('file_unreadable', {
    what: `cannot read ${path}`,
    why: `it is ${what}, and a file belongs there`,
    next: `move ${path} away, and put the file back from git or from a backup`,
  });
}

function tooLarge(path: string, size: number, limit: number): Failure {
  return new Failure('file_unreadable', {
    what: `${path} is ${size} bytes`,
    why: `files of this kind are read up to ${limit} bytes`,
    next: 'look at the file; something else may have written to it',
  });
}
