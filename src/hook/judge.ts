import { isAbsolute, join, resolve } from 'node:path';
import { insideOf } from './arguments.ts';
import type { Detour } from './detour.ts';
import { foundBy } from './find.ts';
import { inlineCode, readCode } from './inline.ts';
import type { Which } from './own.ts';
import { autolabCommand } from './own.ts';
import { patchedBy } from './patch.ts';
import type { Guard } from './paths.ts';
import { closedProgram } from './programs.ts';
import { readScript } from './shell/commands.ts';
import { UNKNOWN } from './shell/marks.ts';
import { baseName } from './shell/names.ts';
import { withArguments } from './shell/positional.ts';
import type { Command, Item } from './shell/script.ts';
import { printed, Unreadable } from './shell/script.ts';
import { startedBy } from './starts.ts';
import { writtenBy } from './writes.ts';
import { runsOf } from './written.ts';

/** Where a command would run, and what is guarded there. */
export type Place = { cwd: string; home: string; guard: Guard; which: Which };

/** How many programs may start one another on one line, and texts be given from one to the next. */
const DEEPEST = 24;
/** Characters and words to go through, for each character of the text and once: a text may be made to start itself again and again. */
const MOST_WORK = [60, 200_000] as const;
const PASSES = new Set(['sort', 'uniq', 'cat', 'tee', 'head', 'tail', 'tac']);
/** Linux takes no longer path. */
const LONGEST_PATH = 4096;
/** More findings tell nothing more. */
const MOST = 20;

/** Everything in a text for a shell that would go past the gate. What cannot be read is a finding; it never throws for what the text holds. */
export function detoursIn(text: string, place: Place): Detour[] {
  const look = new Look(place, MOST_WORK[0] * text.length + MOST_WORK[1]);
  try {
    look.text(text, place.cwd, 0);
  } catch (error) {
    if (!(error instanceof Unreadable)) throw error;
    look.found({ kind: 'unreadable', what: error.message });
  }
  return look.detours;
}

class Look {
  readonly detours: Detour[] = [];
  readonly #place: Place;
  readonly #vars: Map<string, readonly string[]>;
  readonly #aliases = new Map<string, string>();
  /** What this very text writes into files, since it may be run from there. */
  readonly #written = new Map<string, string>();
  /** Functions that are being called: one that calls itself says nothing new. */
  readonly #called = new Set<string>();
  #activates = false;
  #left: number;

  constructor(place: Place, left: number) {
    this.#place = place;
    this.#left = left;
    this.#vars = new Map([
      ['HOME', [place.home]],
      ['PWD', [place.cwd]],
      ['CLAUDE_PROJECT_DIR', [place.cwd]],
    ]);
  }

  found(detour: Detour): void {
    const known = this.detours.some(({ kind, what }) => kind === detour.kind && what === detour.what);
    if (!known && this.detours.length < MOST) this.detours.push(detour);
  }

  /** `cwd` is undefined where nobody can know it. */
  text(text: string, cwd: string | undefined, depth: number): void {
    this.spend(depth, text.length);
    const items = readScript(text, this.#vars, depth);
    const kept: (string | undefined)[] = [];
    let here = cwd;
    for (const item of items) {
      if (item === 'push') kept.push(here);
      else if (item === 'pop') here = kept.pop();
      else {
        this.command(item, items, here, depth);
        here = folderAfter(item.words, here, this.#place.home);
      }
    }
  }

  private spend(depth: number, work: number): void {
    this.#left -= work + 10;
    if (depth > DEEPEST || this.#left < 0) throw new Unreadable('commands that start one another');
  }

  private command(command: Command, items: readonly Item[], cwd: string | undefined, depth: number): void {
    const input = command.input ?? (command.upstream ? pipedFrom(items.slice(...command.upstream)) : undefined);
    const from = command.redirects.find(({ op }) => op === '<')?.target;
    const read = input ?? (from === undefined ? undefined : this.#written.get(fileAt(from, cwd)));
    this.remember(command, read, cwd);
    for (const { op, target } of command.redirects) if (op !== '<&') this.writes([{ path: target, tree: false }], cwd, op);
    this.words(command.words, read, cwd, depth);
  }

  private words(words: readonly string[], input: string | undefined, cwd: string | undefined, depth: number): void {
    this.spend(depth, words.length);
    const [name = ''] = words;
    if (name === '') return;
    const closed = closedProgram(words) ?? autolabCommand(words, cwd ?? this.#place.cwd, this.#place.which, this.#activates);
    if (closed) this.found(closed);
    const patch = /^(?:patch|git)$/.test(baseName(name))
      ? words.flatMap((word) => this.#written.get(fileAt(word, cwd)) ?? [])
      : [];
    this.writes(writtenBy(words, [input ?? '', ...patch].join('\n')), cwd, baseName(name));
    const { texts, code, writes } = insideOf(words);
    this.writes(writes, cwd, baseName(name));
    for (const text of texts) this.text(text, cwd, depth + 1);
    for (const one of code) this.code(one, cwd, depth);
    for (const code of inlineCode(words, input)) this.code(code, cwd, depth);
    if (baseName(name) === 'apply_patch' || baseName(name) === 'applypatch')
      this.writes(patchedBy(input ?? words[1] ?? ''), cwd, name);
    const alias = this.#aliases.get(name);
    if (alias !== undefined) this.text(`${alias} ${words.slice(1).join(' ')}`, cwd, depth + 1);
    this.call(name, words.slice(1), cwd, depth);
    for (const run of runsOf(words, (file) => this.#written.get(fileAt(file, cwd))))
      if ('text' in run) this.given(run.given, run.text, cwd, depth);
      else this.code(run.code, cwd, depth);
    for (const start of startedBy(words, input)) {
      if ('words' in start) this.words(start.words, input, folderAt(start.within, cwd), depth + 1);
      else if (start.given === undefined) this.text(start.text, start.far ? undefined : cwd, depth + 1);
      else {
        this.#vars.set('0', [start.called ?? '']);
        this.given(start.given, start.text, cwd, depth);
        this.#vars.delete('0');
      }
    }
  }

  /** A function of the same text, with what it is given. */
  private call(name: string, words: readonly string[], cwd: string | undefined, depth: number): void {
    const [body] = this.#vars.get(`${name}()`) ?? [];
    if (body === undefined || this.#called.has(name) || !/\$\{?[@*1-9]/.test(body)) return;
    this.#called.add(name);
    this.given(words, body, cwd, depth);
    this.#called.delete(name);
  }

  private given(words: readonly string[], text: string, cwd: string | undefined, depth: number): void {
    withArguments(this.#vars, words, () => this.text(text, cwd, depth + 1));
  }

  private code(code: string, cwd: string | undefined, depth: number): void {
    const { starts, writes, submits, takesAway } = readCode(code);
    if (submits) this.found({ kind: 'submit', what: 'a library that submits jobs' });
    for (const one of starts) if (/\w/.test(one)) this.text(one, cwd, depth + 1);
    this.writes(
      // A folder that is named is where something is, unless folders may be taken away.
      writes.map((path) => ({ path, tree: takesAway })),
      cwd,
      'code',
    );
  }

  private writes(writes: ReturnType<typeof writtenBy>, cwd: string | undefined, by: string): void {
    for (const write of writes) {
      if (write.path === '' || (by === 'code' && /^[./*]*$/.test(write.path))) continue;
      const name = this.#place.guard(write, cwd);
      if (name !== undefined) this.found({ kind: 'write', what: name });
    }
  }

  /** What later commands of the same text may mean by a name or a file. */
  private remember({ words, redirects }: Command, input: string | undefined, cwd: string | undefined): void {
    const [name = ''] = words;
    if (name === 'alias')
      for (const word of words.slice(1)) this.#aliases.set(word.split('=')[0] ?? '', word.slice(word.indexOf('=') + 1));
    if ((name === 'source' || name === '.') && /activate$/.test(words[1] ?? '')) this.#activates = true;
    if (/^(?:conda|mamba|micromamba|module|ml|pyenv|nvm)$/.test(name)) this.#activates = true;
    const said = name === 'cat' || name === 'tee' ? input : printed([{ words, redirects: [] }]);
    if (said === undefined || said.length > 100_000) return;
    const files = name === 'tee' ? words.slice(1) : redirects.filter(({ op }) => op.startsWith('>')).map(({ target }) => target);
    for (const file of files) if (file !== UNKNOWN) this.#written.set(fileAt(file, cwd), said);
  }
}

/** What the commands before a pipe are known to print. */
function pipedFrom(items: readonly Item[]): string | undefined {
  const commands = items.filter((item) => typeof item === 'object');
  const [first] = commands;
  // What a search finds, unless something is left out of it on the way.
  if (first !== undefined && baseName(first.words[0] ?? '') === 'find')
    return commands.slice(1).every(({ words: [name = ''] }) => PASSES.has(name)) ? foundBy(first.words).join('\n') : undefined;
  const said = items.flatMap((item) => (typeof item === 'object' ? (printed([item]) ?? item.input ?? []) : []));
  return said.length === 0 ? undefined : said.join('\n');
}

function fileAt(file: string, cwd: string | undefined): string {
  return resolve('/', cwd ?? '?', file.slice(0, LONGEST_PATH));
}

function folderAt(within: string | undefined, cwd: string | undefined): string | undefined {
  if (within === undefined || isAbsolute(within)) return within ?? cwd;
  return cwd === undefined || within.includes(UNKNOWN) ? undefined : join(cwd, within.slice(0, LONGEST_PATH));
}

function folderAfter(words: readonly string[], cwd: string | undefined, home: string): string | undefined {
  if (words[0] !== 'cd' && words[0] !== 'pushd') return cwd;
  const to = words.slice(1).find((word) => !/^-[LPe@]*$/.test(word) || word === '-');
  if (to === undefined) return home;
  if (to === '-' || to.includes(UNKNOWN)) return undefined;
  if (isAbsolute(to)) return to;
  return cwd === undefined || cwd.length + to.length > LONGEST_PATH ? undefined : join(cwd, to);
}
