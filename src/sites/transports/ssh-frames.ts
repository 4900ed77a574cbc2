import { constants } from 'node:os';
import { READY } from './ssh-remote.ts';

/** Longer than any frame. */
const TAIL = 512;

/** What the far side has said between its frames. */
export type Framed =
  /** Nothing of the command was sent. */
  | { state: 'unsent' }
  /** It was sent, and how it ended is not known. */
  | { state: 'cut' }
  | { state: 'none'; why: string; account: string }
  | { state: 'ended'; exit: number | null; signal: string | null; account: string; stdout: string; stderr: string };

/** Listens to one connection: `ready` is called once when the command may be sent, `over` once when its last frames have come. */
export class Frames {
  readonly #word: string;
  readonly #on: { ready(): void; over(): void };
  readonly #tails = { stdout: '', stderr: '' };
  readonly #seen = { stdout: false, stderr: false };
  #isSent = false;

  constructor(word: string, on: { ready(): void; over(): void }) {
    this.#word = word;
    this.#on = on;
  }

  hear(from: 'stdout' | 'stderr', chunk: Buffer): void {
    const text = this.#tails[from] + chunk.toString('latin1');
    this.#tails[from] = text.slice(-TAIL);
    if (!this.#isSent) {
      if (from !== 'stdout' || !text.includes(`${READY}\n`)) return;
      this.#isSent = true;
      this.#on.ready();
      return;
    }
    const isLast = from === 'stdout' ? this.#lastOut.test(text) : text.includes(`\n${this.#word} end\n`);
    if (!isLast || this.#seen[from]) return;
    this.#seen[from] = true;
    if (this.#seen.stdout && this.#seen.stderr) this.#on.over();
  }

  /** Takes the whole of both outputs apart. Output before the first frame and after the last is nobody's of ours. */
  read(out: Buffer, err: Buffer): Framed {
    if (!this.#isSent) return { state: 'unsent' };
    const [begin, last] = [between(out, `\n${this.#word} begin `), this.#end(out)];
    if (begin === undefined || last === undefined) return { state: 'cut' };
    const line = out.indexOf('\n', begin.end);
    const account = out.toString('utf8', begin.end, line);
    const [, kind, value = ''] = last.words;
    if (kind === 'none') return { state: 'none', why: value, account };
    const stderr = between(err, `\n${this.#word} begin\n`);
    const end = err.lastIndexOf(`\n${this.#word} end\n`);
    const stdout = out.toString('utf8', line + 1, last.at);
    const errors = stderr ? err.toString('utf8', stderr.end, end < 0 ? undefined : end) : '';
    return { state: 'ended', account, stdout, stderr: errors, ...endOf(Number(value)) };
  }

  get #lastOut(): RegExp {
    return new RegExp(`\\n${this.#word} (exit \\d+|none \\w+)\\n`);
  }

  #end(out: Buffer): { at: number; words: string[] } | undefined {
    const at = out.lastIndexOf(`\n${this.#word} `);
    const text = at < 0 ? '' : out.toString('latin1', at, at + TAIL);
    return this.#lastOut.test(text) ? { at, words: text.split('\n')[1]?.split(' ') ?? [] } : undefined;
  }
}

function between(text: Buffer, mark: string): { end: number } | undefined {
  const at = text.indexOf(mark);
  return at < 0 ? undefined : { end: at + mark.length };
}

/** A shell tells an end by signal N as 128 + N (sh(1)), ksh93 as 256 + N; so does a program that says so itself, which for whoever asked is the same: no answer. */
function endOf(code: number): { exit: number | null; signal: string | null } {
  const signal = Object.entries(constants.signals).find(([, number]) => number === code - (code > 256 ? 256 : 128))?.[0];
  return signal === undefined ? { exit: code, signal: null } : { exit: null, signal };
}
