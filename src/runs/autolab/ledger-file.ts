import { isAscii, isUtf8 } from 'node:buffer';
import { readBytes } from '../../base/disk.ts';
import { Failure } from '../../base/errors.ts';
import { appendText, writeAtomic } from '../../base/files.ts';
import { withLock } from '../../base/lock.ts';
import { hasRow, putRow, runIdOf } from './ledger.ts';

/** The text of a ledger, undefined where there is none: a million rows, and as many more. */
export function ledgerText(path: string): string | undefined {
  const bytes = readBytes(path, LEDGER_LIMIT);
  return bytes && textOf(bytes);
}

const LEDGER_LIMIT = 256 * 1024 * 1024;

/** The same as from UTF-8; of bytes of ASCII it is made in a fifth of the time. */
function textOf(bytes: Buffer): string {
  return bytes.toString(isAscii(bytes) ? 'latin1' : 'utf8');
}

export type RowResult = 'appended' | 'updated' | 'present';

/**
 * Puts rows into the ledger under its own lock, one a run, and says of each what became of it. Rows that are new are one write at its end, after
 * which it has them or is as it was (what a crash left of one is written whole by the next who writes it); where a row changes the file is replaced as a whole. Refuses a ledger that is not UTF-8, of which bytes
 * would be lost.
 */
export async function writeRows(path: string, lock: string, lines: readonly string[]): Promise<RowResult[]> {
  return withLock(lock, 'ledger', () => {
    const bytes = readLedger(path);
    const ids = lines.map(runIdOf);
    const isPlain = bytes !== undefined && /[^\n]\n$/.test(bytes.subarray(-2).toString('latin1'));
    // A ledger that nowhere names a run has no row of it, and need not be read as text.
    if (isPlain && new Set(ids).size === ids.length && ids.every((id) => !bytes.includes(`run_id=${id}`))) {
      if (lines.length > 0) appendText(path, lines.map((line) => `${line}\n`).join(''));
      return lines.map(() => 'appended');
    }
    const before = bytes ? textOf(bytes) : '';
    let after = withoutTorn(before, lines);
    const results = lines.map((line): RowResult => {
      const was = hasRow(after, runIdOf(line));
      const now = putRow(after, line);
      const isSame = now === after;
      after = now;
      return isSame ? 'present' : was ? 'updated' : 'appended';
    });
    if (after !== before) writeAtomic(path, after);
    return results;
  });
}

/** Without the beginning of one of these rows at its end: what a crash leaves of an append (a power cut, or a kill between two pages). */
function withoutTorn(text: string, lines: readonly string[]): string {
  const last = text.slice(text.lastIndexOf('\n') + 1);
  const isTorn = last !== '' && lines.some((line) => line.length > last.length && line.startsWith(last));
  return isTorn ? text.slice(0, -last.length) : text;
}

/** The bytes of a ledger; undefined where there is none. */
function readLedger(path: string): Buffer | undefined {
  const bytes = readBytes(path, LEDGER_LIMIT);
  if (bytes === undefined || isUtf8(bytes)) return bytes;
  const line = 1 + linesBefore(bytes);
  throw new Failure('file_invalid', {
    what: `line ${line} of ${path} is not UTF-8`,
    why: 'writing a row would change bytes of others in it',
    next: `mend line ${line}, or restore ${path} from git, then call again; nothing was changed`,
  });
}

/** How many whole lines of UTF-8 it begins with. */
function linesBefore(bytes: Buffer): number {
  let lines = 0;
  for (let at = 0; ; lines++) {
    const end = bytes.indexOf(10, at);
    if (!isUtf8(bytes.subarray(at, end === -1 ? bytes.length : end))) return lines;
    at = end + 1;
    if (end === -1) return lines;
  }
}
