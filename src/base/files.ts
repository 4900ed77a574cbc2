import {
  closeSync,
  constants,
  fstatSync,
  fsyncSync,
  ftruncateSync,
  lstatSync,
  mkdirSync,
  openSync,
  readlinkSync,
  readSync,
  realpathSync,
  renameSync,
  unlinkSync,
  writeSync,
} from 'node:fs';
import { basename, dirname, isAbsolute, join, relative, resolve, sep } from 'node:path';
import { cannotWrite, readBytes, statOf } from './disk.ts';
import { Failure, systemCode } from './errors.ts';
import { temporaryBeside } from './temporaries.ts';
import { clean } from './text.ts';

/** Files of ours never need to be larger than this; a larger one is refused instead of read. 64 MiB. */
export const READ_LIMIT = 64 * 1024 * 1024;

/** The text of a file, or undefined where there is none. Any other trouble is a failure that names the file; nothing is waited for. Never fsyncs. */
export function readText(path: string, limit = READ_LIMIT): string | undefined {
  return readBytes(path, limit)?.toString('utf8');
}

/** The JSON value of a file, or undefined where there is no file. An empty, torn or foreign file is a failure, never an empty value. */
export function readJson(path: string): unknown {
  const text = readText(path);
  if (text === undefined) return undefined;
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new Failure('file_invalid', {
      what: `${path} is not JSON`,
      why: text.trim() === '' ? 'the file is empty' : clean(error instanceof Error ? error.message : String(error)),
      next: `restore ${path} from git or from a backup; nothing was changed`,
    });
  }
}

/** JSON as Autolab writes it: two spaces, non-ASCII escaped, a newline at the end. */
export function jsonText(value: unknown): string {
  const text = JSON.stringify(value, null, 2).replace(
    /[\u007f-\uffff]/g,
    (c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
  return `${text}\n`;
}

/**
 * Replaces a file so that a reader, and a reader after a crash, sees the old or the new content whole: temporary file in the same
 * folder, fsync, rename, fsync of the folder. Folders are made. Unchanged content is not written again.
 */
export function writeAtomic(path: string, content: string | Uint8Array, mode = 0o644): void {
  makeFolder(dirname(path));
  if (typeof content === 'string' && unchanged(path, content)) return;
  const temporary = temporaryBeside(path);
  try {
    const fd = openSync(temporary, 'wx', mode);
    try {
      writeAll(fd, typeof content === 'string' ? Buffer.from(content) : content);
      fsyncSync(fd);
    } finally {
      closeSync(fd);
    }
    renameSync(temporary, path);
    syncFolder(dirname(path));
  } catch (error) {
    try {
      unlinkSync(temporary);
    } catch {
      // It was renamed, or never made; either way there is nothing to take away.
    }
    throw cannotWrite(path, error);
  }
}

/** One line at the end of a log, fsynced. A last line torn by a crash is ended first, so that ours stands alone. */
export function appendLine(path: string, line: string, mode = 0o644): void {
  makeFolder(dirname(path));
  try {
    const isNew = statSize(path) === undefined;
    const fd = openSync(path, constants.O_RDWR | constants.O_CREAT | constants.O_APPEND, mode);
    try {
      writeAll(fd, Buffer.from(endsTorn(path) ? `\n${line}\n` : `${line}\n`));
      fsyncSync(fd);
    } finally {
      closeSync(fd);
    }
    if (isNew) syncFolder(dirname(path));
  } catch (error) {
    throw cannotWrite(path, error);
  }
}

/**
 * Text at the end of a file that is there, fsynced: all of it, or the file is as it was. The caller sees to it that nobody else writes
 * meanwhile.
 */
export function appendText(path: string, text: string): void {
  try {
    const fd = openSync(path, constants.O_WRONLY | constants.O_APPEND);
    try {
      const { size } = fstatSync(fd);
      try {
        writeAll(fd, Buffer.from(text));
        fsyncSync(fd);
      } catch (error) {
        ftruncateSync(fd, size);
        throw error;
      }
    } finally {
      closeSync(fd);
    }
  } catch (error) {
    throw cannotWrite(path, error);
  }
}

/** Makes a folder and those above it, where they are not there. Node's own way with them says ENOENT whatever the disk said (MKDirpSync in node_file.cc). */
export function makeFolder(path: string, mode = 0o777): void {
  try {
    mkdirSync(path, { mode });
  } catch (error) {
    if (statOf(path)?.isDirectory()) return;
    if (systemCode(error) !== 'ENOENT' || dirname(path) === path) throw cannotWrite(path, error);
    makeFolder(dirname(path), mode);
    mkdirAgain(path, mode);
  }
}

/** Once those above it are there. Somebody else may have been quicker. */
function mkdirAgain(path: string, mode: number): void {
  try {
    mkdirSync(path, { mode });
  } catch (error) {
    if (!statOf(path)?.isDirectory()) throw cannotWrite(path, error);
  }
}

/** The size of a file in bytes, or undefined where there is none. */
export function statSize(path: string): number | undefined {
  return statOf(path)?.size;
}

export function syncFolder(path: string): void {
  const fd = openSync(path, 'r');
  try {
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
}

/**
 * `path` resolved against `root`, symbolic links followed as far as the path exists, and inside `root`; anything else is refused.
 * The answer is the real path, so that what was checked is what is opened.
 */
export function inside(root: string, path: string, what = 'path'): string {
  const top = realpathSync(root);
  const real = realOrWhyNot(resolve(top, path));
  if ('path' in real && (real.path === top || real.path.startsWith(top + sep))) return real.path;
  const why = 'why' in real ? real.why : isAbsolute(path) ? 'it is absolute' : undefined;
  throw new Failure('path_outside', {
    what: `${what} ${JSON.stringify(path)} ${'why' in real ? 'names no file' : `leads outside ${root}`}`,
    ...(why === undefined ? {} : { why }),
    next: `name a path inside ${root}`,
  });
}

/** What no file system takes for a name (a NUL byte, too long, through a file, in a circle of links) leads nowhere, and says why. */
function realOrWhyNot(path: string): { path: string } | { why: string } {
  if (path.includes('\0')) return { why: 'it holds a NUL byte' };
  try {
    return { path: realpathAsFar(path) };
  } catch (error) {
    const code = systemCode(error);
    if (code === 'ENAMETOOLONG' || code === 'ENOTDIR' || code === 'ELOOP' || code === 'EACCES') return { why: code };
    throw error;
  }
}

/** `path` as people write it: relative to `root` where it is inside. */
export function shown(root: string, path: string): string {
  const rel = relative(root, path);
  return rel === '' || rel.startsWith('..') ? path : rel;
}

/** `left`: so many links that lead to nothing are followed. */
function realpathAsFar(path: string, left = 40): string {
  try {
    return realpathSync(path);
  } catch (error) {
    if (systemCode(error) !== 'ENOENT' || dirname(path) === path) throw error;
    const real = join(realpathAsFar(dirname(path), left), basename(path));
    // A link to nothing leads where it says all the same: there is what would be made through it.
    if (!lstatSync(real, { throwIfNoEntry: false })?.isSymbolicLink()) return real;
    if (left === 0) throw Object.assign(new Error(`ELOOP: ${path}`), { code: 'ELOOP' });
    return realpathAsFar(resolve(dirname(real), readlinkSync(real)), left - 1);
  }
}

function unchanged(path: string, content: string): boolean {
  try {
    return readText(path) === content;
  } catch {
    return false;
  }
}

function endsTorn(path: string): boolean {
  const size = statSize(path);
  if (!size) return false;
  const fd = openSync(path, 'r');
  try {
    const last = Buffer.alloc(1);
    readSync(fd, last, 0, 1, size - 1);
    return last[0] !== 0x0a;
  } finally {
    closeSync(fd);
  }
}

function writeAll(fd: number, data: Uint8Array): void {
  for (let at = 0; at < data.length; ) {
    const written = writeSync(fd, data, at);
    if (written === 0) throw Object.assign(new Error('nothing was written'), { code: 'ENOSPC' });
    at += written;
  }
}
