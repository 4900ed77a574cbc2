import { UNKNOWN } from './marks.ts';

/** Characters of a name that must be known before a pattern is taken for it. */
const FEWEST = 3;
/** No name of a file is longer. */
export const LONGEST = 255;

const SHELL = /^(?:sh|r?bash|d?ash|yash|[lm]?ksh(?:93)?|zsh|posh|fish|t?csh)$/;
/** With their versions, as distributions name them. */
const INTERPRETER = /^(?:(?:i?python|pypy|perl|ruby|lua|luajit|php|tclsh|expect|node)[\d.]*|nodejs|deno|bun|Rscript|R|julia)$/;

/** Whether it runs a text, or a file, of commands as a shell reads them. */
export function isShell(name: string): boolean {
  return SHELL.test(name);
}

/** Whether it runs code that is given on its command line, in a file or as its input. */
export function isInterpreter(name: string): boolean {
  return INTERPRETER.test(name);
}

/** Whether a program that is given this word as its script runs what it reads instead: a device, or what a substitution made. */
export function isInput(script: string): boolean {
  return script === UNKNOWN || /^\/(?:dev|proc\/[^/]+\/fd)\//.test(script);
}

/** The last part of a path. */
export function baseName(word: string): string {
  return word.slice(word.lastIndexOf('/') + 1);
}

/** Whether a word as it was typed, with `*`, `?` and what is not known in it, may be this text. Takes time in proportion to both lengths. */
export function mayBe(typed: string, text: string): boolean {
  let [at, from, star, mark] = [0, 0, -1, 0];
  while (from < text.length) {
    const one = typed[at];
    if (one === '*' || one === UNKNOWN) {
      star = at++;
      mark = from;
    } else if (one !== undefined && (one === '?' || one === text[from])) {
      at++;
      from++;
    } else if (star >= 0) {
      at = star + 1;
      from = ++mark;
    } else return false;
  }
  while (typed[at] === '*' || typed[at] === UNKNOWN) at++;
  return at === typed.length;
}

export function isPattern(word: string): boolean {
  return /[*?[\u0000]/.test(word);
}

/** The name of the program that a word means: one of `known` if a pattern may be it, else what was typed. */
export function programMeant(word: string, known: Iterable<string>): string {
  const name = baseName(word);
  if (name.length > LONGEST || !isPattern(name)) return name;
  const typed = name.replace(/\[[^\]]*\]/g, '?');
  if (typed.replace(/[*?\u0000]/g, '').length < FEWEST) return name;
  for (const one of known) if (mayBe(typed, one)) return one;
  return name;
}
