import { isAbsolute, join } from 'node:path';
import type { Detour } from './detour.ts';
import { inlineCode, readCode } from './inline.ts';
import type { Which } from './own.ts';
import { autolabCommand } from './own.ts';
import { patchedBy } from './patch.ts';
import type { Guard } from './paths.ts';
import { closedProgram } from './programs.ts';
import { readScript } from './shell/commands.ts';
import { UNKNOWN } from './shell/marks.ts';
import { baseName } from './shell/names.ts';
import type { Command, Item } from './shell/script.ts';
import { printed, Unreadable } from './shell/script.ts';
import { startedBy } from './starts.ts';
import { writtenBy } from './writes.ts';

/** Where a command would run, and what is guarded there. */
export type Place = { cwd: string; home: string; guard: Guard; which: Which };

/** How many programs may start one another on one line, and texts be given from one to the next. */
const DEEPEST = 24;
/** Characters and words to go through, for each character of the text and once: a text may be made to start itself again and again. */
const MOST_WORK = [60, 200_000] as const;
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
    this.remember(command, input);
    for (const { target } of command.redirects) this.writes([{ path: target, tree: false }], cwd, '>');
    this.words(command.words, input, cwd, depth);
  }

  private words(words: readonly string[], input: string | undefined, cwd: string | undefined, depth: number): void {
    this.spend(depth, words.length);
    const [name = ''] = words;
    if (name === '') return;
    const closed = closedProgram(words) ?? autolabCommand(words, cwd ?? this.#place.cwd, this.#place.which, this.#activates);
    if (closed) this.found(closed);
    this.writes(writtenBy({ words: [...words], redirects: [] }), cwd, baseName(name));
    for (const code of inlineCode(words, input)) this.code(code, cwd, depth);
    if (baseName(name) === 'apply_patch' || baseName(name) === 'applypatch')
      this.writes(patchedBy(input ?? words[1] ?? ''), cwd, name);
    const alias = this.#aliases.get(name);
    if (alias !== undefined) this.text(`${alias} ${words.slice(1).join(' ')}`, cwd, depth + 1);
    const script = this.#written.get(words.find((word) => this.#written.has(word)) ?? '');
    if (script !== undefined && runsFile(words)) this.text(script, cwd, depth + 1);
    for (const start of startedBy(words, input)) {
      if ('text' in start) this.text(start.text, start.far ? undefined : cwd, depth + 1);
      else this.words(start.words, input, cwd, depth + 1);
    }
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
  private remember({ words, redirects }: Command, input: string | undefined): void {
    const [name = ''] = words;
    if (name === 'alias')
      for (const word of words.slice(1)) this.#aliases.set(word.split('=')[0] ?? '', word.slice(word.indexOf('=') + 1));
    if ((name === 'source' || name === '.') && /activate$/.test(words[1] ?? '')) this.#activates = true;
    if (/^(?:conda|mamba|micromamba|module|ml|pyenv|nvm)$/.test(name)) this.#activates = true;
    const said = name === 'cat' || name === 'tee' ? input : printed([{ words, redirects: [] }]);
    if (said === undefined || said.length > 100_000) return;
    const files = name === 'tee' ? words.slice(1) : redirects.filter(({ op }) => op.startsWith('>')).map(({ target }) => target);
    for (const file of files) if (file !== UNKNOWN) for (const way of [file, `./${file}`]) this.#written.set(way, said);
  }
}

/** Whether a command with a script among its words runs it. */
function runsFile(words: readonly string[]): boolean {
  return (
    /^(?:\.|source|sh|bash|dash|zsh|ksh|env|nohup|sudo|time|setsid)$/.test(baseName(words[0] ?? '')) ||
    (words[0] ?? '').includes('/')
  );
}

/** What the commands before a pipe are known to print. */
function pipedFrom(items: readonly Item[]): string | undefined {
  const said = items.flatMap((item) => (typeof item === 'object' ? (printed([item]) ?? item.input ?? []) : []));
  return said.length === 0 ? undefined : said.join('\n');
}

function folderAfter(words: readonly string[], cwd: string | undefined, home: string): string | undefined {
  if (words[0] !== 'cd' && words[0] !== 'pushd') return cwd;
  const to = words.slice(1).find((word) => !/^-[LPe@]*$/.test(word) || word === '-');
  if (to === undefined) return home;
  if (to === '-' || to.includes(UNKNOWN)) return undefined;
  if (isAbsolute(to)) return to;
  return cwd === undefined || cwd.length + to.length > LONGEST_PATH ? undefined : join(cwd, to);
}
