import { foundBy } from '../find.ts';

/** One simple command as a shell would start it, as far as that can be read. */
export type Command = {
  /** The words after expansion; what nobody can know of them is `UNKNOWN`. */
  words: string[];
  redirects: { op: string; target: string }[];
  /** What a here-document, a here-string or a process substitution gives it to read. */
  input?: string;
  /** The places of the items whose output it reads. */
  upstream?: readonly [number, number];
};

/** The commands of a text in order; a subshell or a substitution stands between `push` and `pop`, so that its folder is its own. */
export type Item = Command | 'push' | 'pop';

/** A group that is open, and the function whose body it is. */
export type Group = { kind: '(' | '{'; start: number; of: string | undefined };

/** A here-document that was named, and whose body comes after the line. */
export type Heredoc = { command: Command; delimiter: string; isLiteral: boolean; strips: boolean };

export function noCommand(): Command {
  return { words: [], redirects: [] };
}

/** The command with other words: `all` are its words, and then the targets of its redirections. */
export function withWords(command: Command, all: readonly string[], words: number): Command {
  const redirects = command.redirects.map(({ op }, at) => ({ op, target: all[words + at] ?? '' }));
  return { ...command, words: all.slice(0, words), redirects };
}

/** The body of a here-document that begins at `start`, without the line that ends it, and where what comes after begins. */
export function bodyAt(text: string, start: number, delimiter: string, strips: boolean): { body: string; end: number } {
  const lines: string[] = [];
  let at = start;
  while (at < text.length) {
    const end = text.indexOf('\n', at);
    const line = text.slice(at, end < 0 ? undefined : end);
    at = end < 0 ? text.length : end + 1;
    const told = strips ? line.replace(/^\t+/, '') : line;
    if (told === delimiter) break;
    lines.push(told);
  }
  return { body: lines.join('\n'), end: at };
}

/** What nobody could be expected to have typed: it is nested deeper, or takes longer, than reading it is worth. */
export class Unreadable extends Error {}

/** The text that the commands of a substitution would print, where each only tells what it was given. */
export function printed(items: readonly Item[]): string | undefined {
  const commands = items.filter((item) => typeof item === 'object');
  if (commands.length > 1) {
    const lines = commands.map((command) => printed([command]));
    return lines.includes(undefined) ? undefined : lines.join('\n');
  }
  const [only] = commands;
  if (only === undefined || only.redirects.some(({ op }) => op.startsWith('>'))) return undefined;
  const [name = '', ...rest] = only.words;
  const last = rest.at(-1) ?? '';
  if (name === 'cat' && (rest.length === 0 || last === '-')) return only.input;
  if (name === 'echo') return rest.filter((word, at) => !(at === 0 && /^-[neE]+$/.test(word))).join(' ');
  if (name === 'printf') return printedBy(rest.filter((word) => word !== '--'));
  if (
    name === 'which' ||
    (name === 'command' && /^-[vV]$/.test(rest[0] ?? '')) ||
    (name === 'type' && /^-[pP]+$/.test(rest[0] ?? ''))
  )
    return last.includes('/') ? last : `/usr/bin/${last}`;
  if (name === 'find') return foundBy(only.words).join('\n');
  if (name === 'readlink' || name === 'realpath') return last;
  return undefined;
}

function printedBy([format = '', ...values]: string[]): string {
  const text = format.replaceAll('\\n', '\n').replaceAll('\\t', '\t');
  if (values.length === 0) return text;
  let at = 0;
  const once = text.replace(/%[-\d.]*[a-zA-Z%]/g, (one) => (one === '%%' ? '%' : (values[at++] ?? '')));
  return at === 0 ? once : [once, ...values.slice(at)].join(' ');
}
