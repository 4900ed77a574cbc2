import { ANYWHERE, UNKNOWN } from './shell/marks.ts';

const EXECUTES = /^-(?:exec|execdir|ok|okdir)$/;
/** Nobody has one search start more, or ask for more names. */
const MOST = 40;
/** Patterns that leave out what is hidden, or this program's folder. */
const LEAVES_OUT = /(?:^|\/)\.(?:autolab|\*|\[|\?)/;

/** What a search for files may find: paths, with `ANYWHERE` for the folders between. Empty where it can be nothing of ours. */
export function foundBy([, ...words]: readonly string[]): string[] {
  const from = words.findIndex((word) => !/^-[HLP]$/.test(word));
  const begins = words.findIndex((word, at) => at >= from && /^[-(!]/.test(word));
  const given = from < 0 ? [] : words.slice(from, begins < 0 ? undefined : begins);
  const roots = given.length > 0 ? given : ['.'];
  const [names, paths]: string[][] = [[], []];
  for (const [at, word] of words.entries()) {
    const isName = /^-i?name$/.test(word);
    if (!isName && !/^-(?:i?path|i?wholename)$/.test(word)) continue;
    const pattern = words[at + 1] ?? '';
    const isOut = /^(?:!|-not)$/.test(words[at - 1] ?? '') || /^-prune (?:-o|-or)$/.test(words.slice(at + 2, at + 4).join(' '));
    if (isOut && LEAVES_OUT.test(pattern)) return [];
    if (!isOut) (isName ? names : paths)?.push(pattern);
  }
  if (words.includes('-empty')) return [];
  const below = words[words.indexOf('-maxdepth') + 1] === '1' ? '' : `${ANYWHERE}/`;
  if (names !== undefined && names.length > 0)
    return roots.flatMap((root) => names.flatMap((name) => namedIn(root, below, name))).slice(0, MOST);
  if (paths !== undefined && paths.length > 0)
    return paths.map((path) => path.replace(/(^|\/)\*(?=\/|$)/g, `$1${ANYWHERE}`)).slice(0, MOST);
  if (words[words.indexOf('-type') + 1] === 'd') return roots.slice(0, MOST);
  return roots.map((root) => `${root}/${below === '' ? UNKNOWN : ANYWHERE}`).slice(0, MOST);
}

function namedIn(root: string, below: string, name: string): string[] {
  const all = `${root}/${below}${name}`;
  return root.startsWith(UNKNOWN) ? [all, `${root}/.autolab/${name}`] : [all];
}

/** The commands that a search starts, with what it may find in place of `{}`. */
export function executedBy(words: readonly string[]): string[][] {
  const starts = words.flatMap((word, at) => (EXECUTES.test(word) ? [at] : [])).slice(0, MOST);
  const found = starts.length === 0 ? [] : foundBy(words);
  return starts.flatMap((start) => {
    const end = words.findIndex((word, at) => at > start && (word === ';' || word === '+' || EXECUTES.test(word)));
    const command = words.slice(start + 1, end < 0 ? undefined : end);
    const isPut = command.some((word) => word.includes('{}')) && found.length > 0;
    return isPut ? found.map((path) => command.map((word) => word.replaceAll('{}', path))) : [command];
  });
}

/** What a search takes away or writes itself. */
export function changedByFind(words: readonly string[]): string[] {
  const told = words.filter((_, at) => /^-(?:fprint0?|fprintf|fls)$/.test(words[at - 1] ?? ''));
  return words.includes('-delete') ? [...told, ...foundBy(words)] : told;
}
