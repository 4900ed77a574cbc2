import { changedByFind } from './find.ts';
import { changedByGit } from './git.ts';
import { patchedBy } from './patch.ts';
import type { Write } from './paths.ts';
import { renamedBy, splitInto } from './renames.ts';
import { ANYWHERE } from './shell/marks.ts';
import { baseName } from './shell/names.ts';

/** Every word that is no option is changed. */
const CHANGES_ALL = new Set([
  ...[
    'tee',
    'touch',
    'truncate',
    'shred',
    'unlink',
    'rmdir',
    'mkdir',
    'mkfifo',
    'mknod',
    'chattr',
    'setfacl',
    'sponge',
    'dos2unix',
    'unix2dos',
  ],
  ...['ed', 'ex', 'vi', 'vim', 'nvim', 'view', 'nano', 'pico', 'emacs', 'micro', 'hx', 'crudini', 'sd', 'patch'],
  ...['gzip', 'gunzip', 'bzip2', 'bunzip2', 'xz', 'unxz', 'compress'],
]);
/** Every word that is no option is changed with all below it. */
const CHANGES_TREES = new Set(['rm', 'chmod', 'chown', 'chgrp', 'mv', 'ln']);
/** They change nothing where an option says so. */
const LOOKS: Readonly<Record<string, RegExp>> = {
  ...Object.fromEntries(['vi', 'vim', 'nvim', 'ex'].map((name) => [name, /^-[RM]$/])),
  view: /./,
  ...Object.fromEntries(
    ['gzip', 'gunzip', 'bzip2', 'bunzip2', 'xz', 'unxz'].map((name) => [name, /^-\w*[cklt]|^--(?:stdout|keep|list|test)$/]),
  ),
  patch: /^--dry-run$/,
};
/** Rights are only added to, or the owner keeps all. */
const HARMLESS_MODE = /^(?:[ugoa]*\+[rwxXst]+(?:,|$))+$|^0?[0-7]?[67][0-7]{2}$/;
const RENAMES = /^(?:p?rename(?:\.ul)?|file-rename)$/;
/** The last word is where it goes. */
const GOES_TO = new Set(['cp', 'install', 'rsync', 'scp', 'mv', 'ln', 'ditto', 'gcp', 'gmv']);
/** They change their files in place where an option says so. */
const IN_PLACE: Readonly<Record<string, RegExp>> = {
  sed: /^-[nErsuz]*i|^--in-place/,
  gsed: /^-[nErsuz]*i|^--in-place/,
  perl: /^-[a-zA-Z0-9]*i/,
  ruby: /^-[a-zA-Z]*i/,
  awk: /^inplace$/,
  gawk: /^inplace$/,
  yq: /^-\w*i|^--inplace/,
  prettier: /^-\w*w|^--write/,
  gofmt: /^-w$/,
  biome: /^--(?:write|fix)/,
  eslint: /^--fix/,
  ruff: /./,
  black: /./,
};
const OUTPUT = /^(?:-[oO]|--output|--out|--outfile|--output-document|--output-file)$/;
const OUTPUT_IS = /^(?:of|--output|--out|--outfile|--output-document|--output-file)=(.*)$/s;
/** A letter of theirs, last of several or with the name after it. */
const OUTPUT_LETTER: Readonly<Record<string, RegExp>> = {
  curl: /^-[a-zA-Z#]*?o(.*)$/s,
  wget: /^-[a-zA-Z]*?O(.*)$/s,
  sort: /^-[a-zA-Z]*?o(.*)$/s,
};
const NO_OUTPUT = new Set(['grep', 'egrep', 'rg', 'find', 'ls', 'ps', 'set', 'git', 'ssh', 'mount', 'sort-of']);

/** The paths that a command writes to, makes, moves or takes away, as far as its words say. */
export function writtenBy(words: readonly string[], input?: string): Write[] {
  const name = baseName(words[0] ?? '');
  const rest = words.slice(1);
  return [...byName(name, rest, input), ...(NO_OUTPUT.has(name) ? [] : outputs(name, rest))];
}

function byName(name: string, words: readonly string[], input: string | undefined): Write[] {
  const ends = words.indexOf('--') >>> 0;
  const plain = words.filter((word, at) => at > ends || !word.startsWith('-') || word === '-');
  if (name === 'git') return changedByGit(words, input);
  if (name === 'find') return changedByFind([name, ...words]).map(file);
  if (name === 'tar' || name === 'bsdtar' || name === 'unzip' || name === '7z') return unpackedInto(name, words);
  const looks = Object.hasOwn(LOOKS, name) ? LOOKS[name] : undefined;
  if (looks && words.some((word) => looks.test(word)) && !words.some((word) => /^(?:-c|\+)/.test(word) && name.startsWith('v')))
    return [];
  if (RENAMES.test(name)) return renamedBy(words);
  if (name === 'split' || name === 'csplit') return splitInto(name, words);
  if (name === 'patch') return [...patchedBy(input ?? ''), ...plain.map(file)];
  if (name === 'chmod' && HARMLESS_MODE.test(plain[0] ?? ''))
    return plain
      .slice(1)
      .filter((path) => !path.includes(ANYWHERE))
      .map(file);
  const goes = GOES_TO.has(name) ? arrivals(name, words, plain) : [];
  const gone = name === 'mv' ? plain.slice(0, plain.length > 1 && !words.some((word) => isTarget(word)) ? -1 : undefined) : plain;
  // A link to what is above is a name more, and nothing is changed.
  const trees = name === 'ln' ? plain.slice(0, plain.length > 1 ? -1 : 1).filter((path) => !/^[./]*$/.test(path)) : gone;
  if (CHANGES_TREES.has(name)) return [...goes, ...trees.map(tree)];
  if (CHANGES_ALL.has(name)) return plain.map(file);
  const inPlace = Object.hasOwn(IN_PLACE, name) ? IN_PLACE[name] : undefined;
  if (inPlace && words.some((word) => inPlace.test(word))) return plain.map(file);
  return goes;
}

function isTarget(word: string): boolean {
  return /^(?:-[a-zA-Z]*t.*|--target-directory.*)$/s.test(word);
}

/** What is copied to a folder arrives there under its own name; what comes out of a folder, under any. */
function arrivals(name: string, words: readonly string[], plain: readonly string[]): Write[] {
  const isRemote = name === 'rsync' || name === 'scp';
  const at = isRemote ? -1 : words.findIndex(isTarget);
  const glued = /^(?:-[a-zA-Z]*?t|--target-directory=)(.+)$/s.exec(words[at] ?? '')?.[1];
  const to = at < 0 ? plain.at(-1) : (glued ?? words[at + 1]);
  if (to === undefined || plain.length < 1 || /^[\w.@-]+:/.test(to)) return [];
  const sources = plain.filter((word) => word !== to).slice(0, 1000);
  const isAll = (source: string) => /(?:^|\/)\.{1,2}\/?$|^\/?$/.test(source) || (name === 'rsync' && /[/:]$/.test(source));
  const nameOf = (source: string) => (isAll(source) ? '*' : baseName(source.replace(/\/+$/, '').replace(/^[\w.@-]+:/, '')));
  const copiesTrees = isRemote || name === 'mv' || words.some((word) => /^(?:-[a-zA-Z]*[raR]|--recursive|--archive)/.test(word));
  const spares = words.some((word, nth) => /^--exclude/.test(word) && `${word} ${words[nth + 1] ?? ''}`.includes('.autolab'));
  const trees =
    copiesTrees && !spares
      ? sources.map((source) => ({ ...tree(isAll(source) ? to : `${to}/${nameOf(source)}`), copies: source }))
      : [];
  const takesAway = !spares && words.some((word) => /^--del(?:ete)?/.test(word)) ? [tree(to)] : [];
  return [file(to), ...sources.map((source) => file(`${to}/${nameOf(source)}`)), ...trees, ...takesAway];
}

/** Where an archive is unpacked, if it is said; what is in it nobody knows. */
function unpackedInto(name: string, words: readonly string[]): Write[] {
  const unpacks =
    name !== 'tar' && name !== 'bsdtar'
      ? !words.some((word) => /^-\w*[lpt]/.test(word))
      : /^-?[a-zA-Z]*x/.test(words[0] ?? '') || words.some((word) => /^-[a-zA-Z]*x|^--(?:extract|get)$/.test(word));
  if (!unpacks) return [];
  const said = words.flatMap((word, at) => {
    const [, glued] = (name.endsWith('tar') ? /^(?:--directory=|-C)(.+)$/s : /^(?:-d|-o)(.+)$/s).exec(word) ?? [];
    return glued !== undefined && glued !== ''
      ? [glued]
      : /^(?:-[a-zA-Z]*C|--directory)$/.test(words[at - 1] ?? '') || (name === 'unzip' && words[at - 1] === '-d')
        ? [word]
        : [];
  });
  return said.map((path) => ({ path, tree: true, mild: true }));
}

function outputs(name: string, words: readonly string[]): Write[] {
  const letter = Object.hasOwn(OUTPUT_LETTER, name) ? OUTPUT_LETTER[name] : undefined;
  return words.flatMap((word, at) => {
    const glued = letter?.exec(word)?.[1];
    const said = OUTPUT_IS.exec(word)?.[1] ?? (glued === '' ? words[at + 1] : glued);
    if (said !== undefined) return [file(said)];
    return OUTPUT.test(words[at - 1] ?? '') && !word.startsWith('-') ? [file(word)] : [];
  });
}

function file(path: string): Write {
  return { path, tree: false };
}

function tree(path: string): Write {
  return { path, tree: true };
}
