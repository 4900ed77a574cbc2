import { asTyped, finished, SPLIT, UNKNOWN, variants, withoutMarks } from './marks.ts';
import { PassingReader } from './passing.ts';
import { argumentsAfter } from './positional.ts';
import { ASSIGNS, DECLARES, REDIRECT, reservedWidth } from './reserved.ts';
import type { Command, Group, Heredoc, Item } from './script.ts';
import { bodyAt, noCommand, printed, Unreadable, withWords } from './script.ts';

/** Steps a text may take to be read, for each of its characters and once. A plain one takes one or two. */
const STEPS = [40, 10_000] as const;
/** Substitutions that may stand in each other. */
const DEEPEST_HERE = 60;
/** Of more commands what a substitution prints is not put together. */
const MOST_PRINTED = 20;

/**
 * The commands of a text for a shell, in order, with those of its substitutions. `vars` are what is known of its variables; it learns
 * what the text assigns. Throws `Unreadable` for what is nested too deep or made to take long; nothing else, whatever the text.
 */
export function readScript(text: string, vars: Map<string, readonly string[]> = new Map(), depth = 0): Item[] {
  const plain = withoutMarks(text).replaceAll('\r\n', '\n');
  return new ScriptReader(plain, vars, depth, { left: plain.length * STEPS[0] + STEPS[1] }).script();
}

class ScriptReader extends PassingReader {
  #items: Item[] = [];
  #current: Command = noCommand();
  #assigned: [string, string][] = [];
  #hasWord = false;
  #heredocs: Heredoc[] = [];
  /** Where the pipeline that is being read begins, in each group that is open. */
  #begins: number[] = [0];
  #cases = 0;
  #isPattern = false;
  #nested = 0;
  /** The function whose body begins. */
  #function: string | undefined;

  script(): Item[] {
    this.list(false);
    return this.#items;
  }

  protected substitution(): string | undefined {
    return this.apart(() => this.list(true));
  }

  protected substituted(text: string): string | undefined {
    return this.apart(() => {
      const inner = new ScriptReader(text, this.vars, this.depth + 1, this.steps);
      for (const item of inner.script()) this.#items.push(item);
    });
  }

  /** Reads other commands while one is half read. They stand before it, in a folder of their own. */
  private apart(read: () => void): string | undefined {
    const kept = [this.#current, this.#assigned, this.#hasWord, this.#begins, this.#cases, this.#isPattern] as const;
    [this.#current, this.#assigned, this.#hasWord, this.#cases, this.#isPattern] = [noCommand(), [], false, 0, false];
    this.#items.push('push');
    const from = this.#items.length;
    this.#begins = [from];
    if (++this.#nested > DEEPEST_HERE) throw new Unreadable('commands within commands');
    read();
    this.#nested--;
    const value = this.#items.length - from > MOST_PRINTED ? undefined : printed(this.#items.slice(from));
    this.#items.push('pop');
    [this.#current, this.#assigned, this.#hasWord, this.#begins, this.#cases, this.#isPattern] = kept;
    return value;
  }

  private list(isSubstitution: boolean): void {
    const groups: Group[] = [];
    for (let mark = this.next(); mark !== undefined; mark = this.next()) {
      this.spend();
      if (this.#isPattern && mark !== '\n') {
        this.#isPattern = false;
        this.pattern();
      } else if (mark === ')') {
        this.at++;
        if (groups.some(({ kind }) => kind === '(')) this.close(groups, '(');
        else if (isSubstitution) break;
        else this.#drop();
      } else if (mark === '(') this.parenthesis(groups);
      else if (mark === '\n') {
        this.finish(true);
        this.at++;
        this.readHeredocs();
      } else if (mark === ';' || mark === '&' || mark === '|') this.operator();
      else if (mark === '<' || mark === '>') this.redirect();
      else this.take(groups);
    }
    this.finish(true);
  }

  private parenthesis(groups: Group[]): void {
    if (!this.#hasWord && this.text[this.at + 1] === '(' && this.arithmetic(this.at)) return;
    this.at++;
    if (this.#hasWord) {
      // `name()` makes a function: the name is no call.
      if (this.next() === ')') this.at++;
      this.#function = this.#current.words[0];
      this.#drop();
      return;
    }
    this.#items.push('push');
    this.open(groups, '(');
  }

  private open(groups: Group[], kind: '(' | '{'): void {
    groups.push({ kind, start: this.at, of: this.#function });
    this.#function = undefined;
    this.#begins.push(this.#items.length);
  }

  private close(groups: Group[], kind: '(' | '{'): void {
    this.finish(false);
    while (groups.length > 0) {
      const last = groups.pop();
      this.#begins.pop();
      if (last?.of !== undefined) this.vars.set(`${last.of}()`, [this.text.slice(last.start, this.at - 1)]);
      if (last?.kind === '(') this.#items.push('pop');
      if (last?.kind === kind) return;
    }
  }

  private operator(): void {
    if (this.text.startsWith('&>', this.at)) {
      this.redirect();
      return;
    }
    const pipes = this.text[this.at] === '|' && this.text[this.at + 1] !== '|';
    this.finish(!pipes);
    if (pipes) this.#current.upstream = [this.#begins.at(-1) ?? 0, this.#items.length];
    if (this.#cases > 0 && /^;[;&]/.test(this.text.slice(this.at, this.at + 2))) this.#isPattern = true;
    while (/[;&|]/.test(this.text[this.at] ?? '') && !this.text.startsWith('&>', this.at)) this.at++;
  }

  private redirect(): void {
    REDIRECT.lastIndex = this.at;
    const op = REDIRECT.exec(this.text)?.[0] ?? '>';
    this.at += op.length;
    if (op.length === 1 && this.text[this.at] === '(') {
      this.at++;
      const value = this.substitution();
      if (value !== undefined) this.#current.input = value;
      this.add(UNKNOWN);
      return;
    }
    this.next();
    const start = this.at;
    const target = this.word() ?? '';
    if (op === '<<' || op === '<<-') {
      const isLiteral = /['"\\]/.test(this.text.slice(start, this.at));
      this.#heredocs.push({ command: this.#current, delimiter: target, isLiteral, strips: op === '<<-' });
    } else if (op === '<<<') this.#current.input = asTyped(target);
    else if (!(op.endsWith('&') && /^(?:\d+|-)$/.test(target)) && target !== '')
      this.#current.redirects.push(...finished(target).map((one) => ({ op, target: one })));
  }

  /** The bodies of the here-documents that were named on the line before. */
  private readHeredocs(): void {
    for (const { command, delimiter, isLiteral, strips } of this.#heredocs.splice(0)) {
      const { body, end } = bodyAt(this.text, this.at, asTyped(delimiter), strips);
      this.at = end;
      if (isLiteral || !/[$`]/.test(body)) command.input = body;
      else {
        const inner = new ScriptReader(body, this.vars, this.depth + 1, this.steps);
        command.input = inner.quoted('').replaceAll(SPLIT, ' ');
        this.#items.push('push');
        for (const item of inner.#items) this.#items.push(item);
        this.#items.push('pop');
      }
    }
  }

  private take(groups: Group[]): void {
    const word = this.word();
    if (word === undefined) {
      this.at++;
      return;
    }
    if (/^\d+$/.test(word) && /[<>]/.test(this.text[this.at] ?? '')) return;
    const assigned = ASSIGNS.exec(word);
    const declares = !this.#hasWord || DECLARES.has(this.#current.words[0] ?? '');
    if (assigned && declares) this.assign(assigned[1] ?? '', word.slice(assigned[0].length));
    else if (this.#hasWord) {
      this.add(word);
      this.#isPattern = this.#current.words[0] === 'case' && this.#current.words.length === 3 && asTyped(word) === 'in';
      if (this.#isPattern) this.#drop();
    } else this.begin(word, groups);
  }

  /** The first word of a command, or one that stands before it. */
  private begin(word: string, groups: Group[]): void {
    const typed = asTyped(word);
    const width = reservedWidth(typed, this.text.slice(this.at, this.at + 200));
    this.at += width ?? 0;
    if (width !== undefined) return;
    if (typed === '{') this.open(groups, '{');
    else if (typed === '}') this.close(groups, '{');
    else if (typed === 'esac') this.#cases = Math.max(0, this.#cases - 1);
    else if (typed === '[[') this.condition();
    else if (typed === 'function') {
      this.next();
      this.#function = this.word();
    } else {
      if (typed === 'case') this.#cases++;
      this.add(word);
    }
  }

  private assign(name: string, value: string): void {
    if (value === '' && this.text[this.at] === '(') {
      const list = this.listed();
      this.vars.set(`${name}[]`, list);
      this.vars.set(name, [list[0] ?? '']);
      return;
    }
    this.#assigned.push([name, value]);
  }

  private add(word: string): void {
    this.#current.words.push(...finished(word));
    this.#hasWord = true;
  }

  #drop(): void {
    this.#current = noCommand();
    this.#assigned = [];
    this.#hasWord = false;
  }

  /** The command is whole. `ends`: what comes next does not read its output. */
  private finish(ends: boolean): void {
    const { words, redirects } = this.#current;
    if (words.length === 0 || DECLARES.has(words[0] ?? ''))
      for (const [name, value] of this.#assigned) this.vars.set(name, [value.replaceAll(SPLIT, ' ')]);
    const [keyword, name = '', joins, ...values] = words;
    argumentsAfter(this.vars, words);
    if ((keyword === 'for' || keyword === 'select') && joins === 'in') this.vars.set(name, values);
    else if (words.length > 0 || redirects.length > 0) {
      // The command itself goes last: a here-document that is read later is given to it.
      const all = [...words, ...redirects.map(({ target }) => target)];
      const [first = [], ...others] = variants(all, this.vars);
      for (const one of others) this.#items.push(withWords(this.#current, one, words.length));
      this.#items.push(Object.assign(this.#current, withWords(this.#current, first, words.length)));
    }
    this.#drop();
    if (ends) this.#begins[this.#begins.length - 1] = this.#items.length;
  }
}
