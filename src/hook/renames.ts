import type { Write } from './paths.ts';
import { baseName, isPattern } from './shell/names.ts';

/** Perl's and util-linux' options with which nothing is renamed. */
const LOOKS = /^(?:-[a-zA-Z]*n[a-zA-Z]*|--no-?(?:act)?)$/;
const SUBSTITUTES = /^s([/|!#,:])((?:(?!\1).)*)\1((?:(?!\1).)*)\1\w*$/s;
/** Options of `split` and `csplit` whose value is the next word. */
const VALUES = /^(?:-[abClntf]|--(?:suffix-length|bytes|line-bytes|lines|number|separator|prefix|suffix-format))$/;

/** What `rename` changes: the files it is given, and those that they become as far as its expression is plain text. */
export function renamedBy(words: readonly string[]): Write[] {
  if (words.some((word) => LOOKS.test(word))) return [];
  const expression = words.findIndex((word) => !word.startsWith('-'));
  const [first = '', second = ''] = words.slice(expression);
  const [, , from, to] = SUBSTITUTES.exec(first) ?? [];
  const [old, becomes] = from === undefined ? [first, second] : [from.replaceAll('\\', ''), to ?? ''];
  return words.slice(expression + 1).flatMap((path) => {
    // A pattern names many, and mostly files.
    const tree = !isPattern(path);
    const name = baseName(path);
    const renamed = old === '' ? name : name.replace(old, () => becomes);
    return [
      { path, tree },
      { path: path.slice(0, path.length - name.length) + renamed, tree },
    ];
  });
}

/** The pieces of a file, whose names begin with what is said last. */
export function splitInto(name: string, words: readonly string[]): Write[] {
  const value = words.flatMap((word, at) => {
    const glued = /^(?:-f|--prefix=)(.+)$/s.exec(word)?.[1];
    return glued ?? (/^(?:-f|--prefix)$/.test(words[at - 1] ?? '') ? word : []);
  })[0];
  const plain = words.filter((word, at) => (!word.startsWith('-') || word === '-') && !VALUES.test(words[at - 1] ?? ''));
  const prefix = name === 'csplit' ? value : plain[1];
  return prefix === undefined ? [] : [{ path: `${prefix}*`, tree: false }];
}
