import type { Write } from './paths.ts';
import { baseName, mayBe } from './shell/names.ts';
import type { Command } from './shell/script.ts';

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
]);
/** Every word that is no option is changed with all below it. */
const CHANGES_TREES = new Set(['rm', 'chmod', 'chown', 'chgrp', 'mv', 'ln']);
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
const GIT_CHANGES = new Set(['checkout', 'restore', 'rm', 'mv', 'clean', 'stash', 'update-index', 'apply']);
const OUTPUT = /^(?:-[oO]|--output|--out|--outfile|--output-document|--output-file)$/;
const OUTPUT_IS = /^(?:of|--output|--out|--outfile|--output-document|--output-file)=(.*)$/s;
const NO_OUTPUT = new Set(['grep', 'egrep', 'rg', 'find', 'ls', 'ps', 'set', 'git', 'ssh', 'mount', 'sort-of']);

/** The paths that a command writes to, makes, moves or takes away, as far as its words say. */
export function writtenBy({ words, redirects }: Pick<Command, 'words' | 'redirects'>): Write[] {
  const into = redirects.filter(({ op }) => op !== '<' && op !== '<&').map(({ target }) => file(target));
  const name = baseName(words[0] ?? '');
  const rest = words.slice(1);
  return [...into, ...byName(name, rest), ...(NO_OUTPUT.has(name) ? [] : outputs(rest))];
}

function byName(name: string, words: readonly string[]): Write[] {
  const ends = words.indexOf('--') >>> 0;
  const plain = words.filter((word, at) => at > ends || !word.startsWith('-') || word === '-');
  if (name === 'git') return byGit(words);
  if (name === 'find') return byFind(words);
  const goes = GOES_TO.has(name) ? arrivals(words, plain) : [];
  if (CHANGES_TREES.has(name)) return [...goes, ...plain.map(tree)];
  if (CHANGES_ALL.has(name)) return plain.map(file);
  const inPlace = Object.hasOwn(IN_PLACE, name) ? IN_PLACE[name] : undefined;
  if (inPlace && words.some((word) => inPlace.test(word))) return plain.map(file);
  return goes;
}

/** What is copied to a folder arrives there under its own name; what comes out of a folder, under any. */
function arrivals(words: readonly string[], plain: readonly string[]): Write[] {
  const named = words.findIndex((word) => /^(?:-t|--target-directory)$/.test(word));
  const said = words.find((word) => word.startsWith('--target-directory='))?.slice('--target-directory='.length);
  const to = said ?? (named >= 0 ? words[named + 1] : plain.at(-1));
  if (to === undefined || plain.length < 1 || /^[\w.@-]+:/.test(to)) return [];
  const sources = plain.filter((word) => word !== to);
  const under = sources.map((word) => (/(?:^|\/)\.{0,2}\/?$/.test(word) ? '*' : baseName(word)));
  return [file(to), ...under.slice(0, 1000).map((name) => file(`${to}/${name}`))];
}

function byGit(words: readonly string[]): Write[] {
  const at = words.findIndex((word, nth) => !word.startsWith('-') && !/^-[cC]$/.test(words[nth - 1] ?? ''));
  if (!GIT_CHANGES.has(words[at] ?? '')) return [];
  const folder = words.slice(0, at).indexOf('-C');
  const within = folder >= 0 ? `${words[folder + 1] ?? '.'}/` : '';
  // The whole tree is a matter of branches, not of one file.
  const paths = words.slice(at + 1).filter((word) => !word.startsWith('-') && !/^[./]*$/.test(word));
  return paths.map((path) => tree(path.startsWith('/') ? path : `${within}${path.replace(/^:\/|^:\(top\)/, '')}`));
}

function byFind(words: readonly string[]): Write[] {
  if (!words.includes('-delete')) return [];
  const begins = words.findIndex((word) => word.startsWith('-'));
  const roots = begins > 0 ? words.slice(0, begins) : ['.'];
  const patterns = words.filter((_, at) => /^-i?name$/.test(words[at - 1] ?? ''));
  if (patterns.length === 0) return roots.map(tree);
  const ours = ['id', 'audit.jsonl'].filter((name) => patterns.some((one) => mayBe(one, name))).map((name) => `gate/${name}`);
  return roots.flatMap((root) =>
    [...patterns, ...[...patterns, ...ours].map((one) => `.autolab/${one}`)].map((one) => file(`${root}/${one}`)),
  );
}

function outputs(words: readonly string[]): Write[] {
  return words.flatMap((word, at) => {
    const said = OUTPUT_IS.exec(word)?.[1];
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
