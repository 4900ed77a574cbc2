import { UNKNOWN } from './marks.ts';

/** Characters of a name that must be known before a pattern is taken for it. */
const FEWEST = 3;
/** No name of a file is longer. */
export const LONGEST = 255;

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
