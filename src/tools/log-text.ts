import { closeSync, openSync, readSync } from 'node:fs';
import { boundary, clean, redact } from '../base/text.ts';
import type { LogFile } from './log-files.ts';

/** How much of a file is read for one answer, and how much of it is given. */
const WINDOW = 1024 * 1024;
const SEARCH = 64 * 1024 * 1024;
const ANSWER = 24_000;
const LINE = 500;

export type Part = { mode: 'tail' | 'head' | 'search'; lines: number; search: string | undefined };

/** A bounded piece of a file, cleaned and redacted, as data. `share`: in how many pieces an answer is given. */
export function logText(
  { path, size, text: known }: LogFile,
  { mode, lines, search = '' }: Part,
  share = 1,
): { lines: number; cut: boolean; log_text: string } {
  const text = known ?? read(path, size, mode);
  // As a whole: keys go over many lines. What begins within a line may begin within a token.
  const from = mode === 'tail' && size > WINDOW ? text.indexOf('\n') + 1 : 0;
  const all = redact(clean(text.slice(from))).split('\n');
  if (all.at(-1) === '') all.pop();
  const found = mode === 'search' ? all.flatMap((line, at) => (line.includes(search) ? [`${at + 1}: ${line}`] : [])) : all;
  const piece = mode === 'tail' ? found.slice(-lines) : found.slice(0, lines);
  const whole = piece.map((line) => (line.length > LINE ? `${line.slice(0, LINE)}…` : line)).join('\n');
  const most = Math.floor(ANSWER / share);
  const body = mode === 'tail' ? whole.slice(-most) : whole.slice(0, most);
  return {
    lines: piece.length,
    cut: found.length > piece.length || size > text.length || body.length < whole.length,
    log_text: boundary(body, 'log'),
  };
}

/** How many bytes are looked at for an answer. */
export function windowOf(mode: Part['mode']): number {
  return mode === 'search' ? SEARCH : WINDOW;
}

function read(path: string, size: number, mode: Part['mode']): string {
  const length = Math.min(size, windowOf(mode));
  const data = Buffer.alloc(length);
  const fd = openSync(path, 'r');
  try {
    const got = readSync(fd, data, 0, length, mode === 'tail' ? size - length : 0);
    return data.toString('utf8', 0, got);
  } finally {
    closeSync(fd);
  }
}
