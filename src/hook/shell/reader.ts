import { ansiQuoted } from './ansi.ts';
import { BRACE, oneOf, SPLIT, UNKNOWN } from './marks.ts';
import { listValue } from './positional.ts';
import { Unreadable } from './script.ts';

/** How deep substitutions and quoted commands may stand in each other. */
const DEEPEST = 24;
const DEEPEST_PARAMETER = 60;
const LONGEST_VALUE = 20_000;
const NAME = /[A-Za-z_]\w*|[0-9@*#?$!-]/y;
const ENDS_WORD = new Set([' ', '\t', '\n', ';', '&', '|', '(', ')', '<', '>']);
/**
 * Goes over a text of a POSIX shell or bash character by character: words, quotes and expansions. Each character is looked at a bounded
 * number of times; what would take more is `Unreadable`.
 */
export abstract class ShellReader {
  protected at = 0;
  protected readonly text: string;
  protected readonly vars: Map<string, readonly string[]>;
  protected readonly depth: number;
  #steps: { left: number };
  #nested = 0;

  constructor(text: string, vars: Map<string, readonly string[]>, depth: number, steps: { left: number }) {
    if (depth > DEEPEST) throw new Unreadable('commands within commands');
    this.text = text;
    this.vars = vars;
    this.depth = depth;
    this.#steps = steps;
  }

  /** Reads the commands of `$(` up to its `)`; gives what it would print, if that is known. */
  protected abstract substitution(): string | undefined;
  /** The same of a text that stands between backquotes, or is a here-document. */
  protected abstract substituted(text: string): string | undefined;

  protected get steps(): { left: number } {
    return this.#steps;
  }

  protected spend(): void {
    if (--this.#steps.left < 0) throw new Unreadable('a command of this length');
  }

  /** The next character that means something: blanks, comments and joined lines are passed over. */
  protected next(): string | undefined {
    for (;;) {
      const mark = this.text[this.at];
      if (mark === ' ' || mark === '\t') this.at++;
      else if (mark === '\\' && this.text[this.at + 1] === '\n') this.at += 2;
      else if (mark === '#') {
        const end = this.text.indexOf('\n', this.at);
        this.at = end < 0 ? this.text.length : end;
      } else return mark;
    }
  }

  /** The word that begins here, with marks; undefined where none does. */
  protected word(): string | undefined {
    const start = this.at;
    let out = '';
    if (this.text[start] === '~' && /[/\s;&|)]|^$/.test(this.text[start + 1] ?? '')) {
      out = this.vars.get('HOME')?.[0] ?? UNKNOWN;
      this.at++;
    }
    for (;;) {
      const mark = this.text[this.at];
      if (mark === undefined || ENDS_WORD.has(mark)) break;
      out += this.piece(mark);
    }
    return this.at === start ? undefined : out;
  }

  private piece(mark: string): string {
    this.spend();
    switch (mark) {
      case '\\':
        this.at += 2;
        return this.text[this.at - 1] === '\n' ? '' : (this.text[this.at - 1] ?? '\\');
      case "'":
        return this.upTo("'", this.at + 1);
      case '"':
        this.at++;
        return this.quoted('"');
      case '`':
        return split(this.backquoted());
      case '$':
        return this.dollar(false);
      case '{':
      case ',':
      case '}':
        this.at++;
        return { '{': BRACE.open, ',': BRACE.comma, '}': BRACE.close }[mark];
      default: {
        const start = this.at++;
        while (/[^\s;&|()<>\\'"`${},]/.test(this.text[this.at] ?? ' ')) this.at++;
        return this.text.slice(start, this.at);
      }
    }
  }

  private upTo(mark: string, start: number): string {
    const end = this.text.indexOf(mark, start);
    this.at = end < 0 ? this.text.length : end + 1;
    return this.text.slice(start, end < 0 ? undefined : end);
  }

  /** Text in double quotes, after the first; `end` is empty for a here-document, which ends with the text. */
  protected quoted(end: '"' | ''): string {
    let out = '';
    for (let mark = this.text[this.at]; mark !== undefined; mark = this.text[this.at]) {
      this.spend();
      if (mark === end) {
        this.at++;
        break;
      }
      if (mark === '\\') {
        const next = this.text[this.at + 1] ?? '';
        out += next === '\n' ? '' : /["\\`$]/.test(next) ? next : `\\${next}`;
        this.at += 2;
      } else if (mark === '`') out += this.backquoted();
      else if (mark === '$') out += this.dollar(true);
      else {
        const start = this.at++;
        while (/[^\\`$"]/.test(this.text[this.at] ?? '$')) this.at++;
        out += this.text.slice(start, this.at);
      }
    }
    return out;
  }

  private backquoted(): string {
    let inner = '';
    for (this.at++; this.at < this.text.length && this.text[this.at] !== '`'; this.at++) {
      this.spend();
      if (this.text[this.at] === '\\' && /[`\\$]/.test(this.text[this.at + 1] ?? '')) this.at++;
      inner += this.text[this.at] ?? '';
    }
    this.at++;
    return this.substituted(inner) ?? UNKNOWN;
  }

  private dollar(isQuoted: boolean): string {
    const next = this.text[this.at + 1] ?? '';
    const given = (value: string) => (isQuoted ? value : split(value));
    if (next === '(') {
      if (this.text[this.at + 2] === '(' && this.arithmetic(this.at + 1)) return UNKNOWN;
      this.at += 2;
      return given(this.substitution()?.replace(/\n+$/, '') ?? UNKNOWN);
    }
    if (next === '{') return given(this.parameter());
    if (!isQuoted && next === "'") {
      const { value, end } = ansiQuoted(this.text, this.at + 2);
      this.at = end;
      return value;
    }
    if (!isQuoted && next === '"') {
      this.at += 2;
      return this.quoted('"');
    }
    NAME.lastIndex = this.at + 1;
    const name = NAME.exec(this.text)?.[0];
    this.at += 1 + (name?.length ?? 0);
    return name === undefined ? '$' : given(this.valueOf(name));
  }

  private valueOf(name: string): string {
    const values = name === '@' || name === '*' ? onlyOne(listValue(this.vars, name, '', '')) : this.vars.get(name);
    if (values === undefined) return UNKNOWN;
    const value = values.length < 2 ? (values[0] ?? '') : oneOf(name);
    // A value may be made of itself, twice as long each time.
    this.#steps.left -= value.length;
    return value.length > LONGEST_VALUE ? UNKNOWN : value;
  }

  /** `${…}`: a plain name, a list, or a default; anything else is not known. */
  private parameter(): string {
    if (++this.#nested > DEEPEST_PARAMETER) throw new Unreadable('parameters within parameters');
    this.at += 2;
    NAME.lastIndex = this.at;
    const name = NAME.exec(this.text)?.[0] ?? '';
    this.at += name.length;
    const index = /^\[(?:[@*]|\d{1,4})\]/.exec(this.text.slice(this.at, this.at + 6))?.[0] ?? '';
    this.at += index.length;
    const operator = this.text.slice(this.at, this.at + 2);
    const takes = /^(?::?[-=])/.exec(operator)?.[0] ?? '';
    this.at += takes.length;
    const rest = this.braced();
    this.#nested--;
    const known = listValue(this.vars, name, index, rest);
    if (known !== undefined) this.#steps.left -= known.length;
    if (name === '' || (takes === '' && rest !== '' && !(known !== undefined && /^:\s*\d+$/.test(rest)))) return UNKNOWN;
    const value = known !== undefined && known.length <= LONGEST_VALUE ? known : this.valueOf(name);
    return takes !== '' && value === UNKNOWN ? rest : value;
  }

  /** Up to the `}` that ends a parameter. */
  private braced(): string {
    let out = '';
    for (let mark = this.text[this.at]; mark !== undefined && mark !== '}'; mark = this.text[this.at]) {
      out += ENDS_WORD.has(mark) ? mark : this.piece(mark);
      if (ENDS_WORD.has(mark)) this.at++;
      this.spend();
    }
    this.at++;
    return out;
  }

  /** Passes over `((…))` from its first parenthesis, if that is what it is: its end is `))`. Substitutions in it are read. */
  protected arithmetic(start: number): boolean {
    let depth = 0;
    const found: number[] = [];
    for (let at = start; at < this.text.length; at++) {
      this.spend();
      const mark = this.text[at];
      if (mark === '(') depth++;
      if (mark === '`' || (mark === '$' && this.text[at + 1] === '(' && this.text[at + 2] !== '(')) found.push(at);
      if (depth === 1 && (mark === ';' || mark === '\n')) return false;
      if (mark !== ')' || --depth > 0) continue;
      if (this.text[at - 1] !== ')') return false;
      for (const one of found.slice(0, 1)) this.substituted(this.text.slice(one, at - 1));
      this.at = at + 1;
      return true;
    }
    return false;
  }
}

function onlyOne(value: string | undefined): string[] | undefined {
  return value === undefined ? undefined : [value];
}

/** What is not quoted comes apart at blanks. */
function split(value: string): string {
  return value.replace(/\s+/g, SPLIT);
}
