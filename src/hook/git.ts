import { patchedBy } from './patch.ts';
import type { Write } from './paths.ts';

const CHANGES = new Set(['checkout', 'restore', 'rm', 'mv', 'clean', 'stash', 'update-index', 'apply']);
/** Settings whose value is a command. */
const RUNS =
  /^(?:core\.(?:pager|editor|sshcommand|askpass|fsmonitor)|sequence\.editor|pager\.[^=]+|diff\.(?:external|[^=]+\.(?:textconv|command))|(?:merge|diff)tool\.[^=]+\.cmd|filter\.[^=]+\.(?:clean|smudge|process)|merge\.[^=]+\.driver|credential\.helper|gpg\.program)$/i;
const LOOKS = new Set(['--check', '--stat', '--numstat', '--summary', '--dry-run', '--cached']);

type Read = { verb: string; rest: string[]; within: string };

function read(words: readonly string[]): Read {
  const at = words.findIndex(
    (word, nth) => !word.startsWith('-') && !/^(?:-[cC]|--git-dir|--work-tree)$/.test(words[nth - 1] ?? ''),
  );
  const folder = words.slice(0, at < 0 ? undefined : at).indexOf('-C');
  const within = folder >= 0 ? `${words[folder + 1] ?? '.'}/` : '';
  return { verb: words[at] ?? '', rest: at < 0 ? [] : words.slice(at + 1), within };
}

/** Texts for a shell that git is told to start: settings, aliases, what a walk over commits or modules runs. */
export function startedByGit([, ...words]: readonly string[]): string[] {
  const { verb, rest } = read(words);
  const set = words.flatMap((word, at) => (words[at - 1] === '-c' ? [/^([^=]+)=(.*)$/s.exec(word)] : []));
  const pairs = set.flatMap((match) => (match ? [[match[1] ?? '', match[2] ?? ''] as const] : []));
  if (verb === 'config')
    for (const [at, word] of rest.entries()) if (/^[a-z]+\./i.test(word)) pairs.push([word, rest[at + 1] ?? '']);
  const told = pairs.flatMap(([key, value]) =>
    key.startsWith('alias.') ? (value.startsWith('!') ? [value.slice(1)] : []) : RUNS.test(key) ? [value.replace(/^!/, '')] : [],
  );
  if (verb === 'bisect' && rest[0] === 'run') told.push(rest.slice(1).join(' '));
  if (verb === 'submodule' && rest.includes('foreach'))
    told.push(
      rest
        .slice(rest.indexOf('foreach') + 1)
        .filter((word) => word !== '--recursive')
        .join(' '),
    );
  if (verb === 'rebase')
    for (const [at, word] of rest.entries()) {
      const said = /^(?:--exec=|-x)(.+)$/s.exec(word)?.[1];
      if (said !== undefined) told.push(said);
      else if (word === '--exec' || word === '-x') told.push(rest[at + 1] ?? '');
    }
  return told;
}

/**
 * What git changes in the working tree. Whole trees are a matter of branches, and free, unless they are taken from another commit, or
 * what is ignored goes too.
 */
export function changedByGit(words: readonly string[], input: string | undefined): Write[] {
  const { verb, rest, within } = read(words);
  const has = (letter: RegExp, ...long: string[]) => rest.some((word) => letter.test(word) || long.includes(word));
  if (!CHANGES.has(verb) && verb !== 'am') return [];
  if (verb === 'restore' && has(/^-[a-zA-Z]*S/, '--staged') && !has(/^-[a-zA-Z]*W/, '--worktree')) return [];
  if ((verb === 'clean' || verb === 'rm' || verb === 'mv') && has(/^-[a-zA-Z]*n/, '--dry-run', '--cached')) return [];
  if (verb === 'apply' || verb === 'am') {
    if (verb === 'apply' && rest.some((word) => LOOKS.has(word)) && !rest.includes('--apply')) return [];
    return [...patchedBy(input ?? ''), ...rest.map((path) => ({ path, tree: false }))];
  }
  const plain = rest.filter(
    (word, at) => !word.startsWith('-') && !/^(?:-s|--source|-e|--exclude|-b|-B|-m)$/.test(rest[at - 1] ?? ''),
  );
  const paths = plain.map((path) => path.replace(/^:\/|^:\(top\)/, './'));
  const isWhole = (path: string) => /^[./*]*$/.test(path);
  const ends = rest.indexOf('--');
  const isOther =
    verb === 'checkout'
      ? plain.length > 1 && !isWhole(plain[0] ?? '') && !/^(?:HEAD|@)$/.test(plain[0] ?? '') && ends !== 0
      : verb === 'restore' && rest.some((word) => /^(?:--source|-[A-Z]*s)/.test(word)) && !rest.includes('--source=HEAD');
  const spares = rest.some((word, at) => /^(?:-e|--exclude=?)/.test(word) && `${word}${rest[at + 1] ?? ''}`.includes('.autolab'));
  const takesAll = verb === 'clean' && has(/^-[a-zA-Z]*[xX]/) && !spares;
  const all = verb === 'clean' && paths.length === 0 ? ['.'] : paths;
  return all.map((path) => {
    const full = path.startsWith('/') ? path : `${within}${path}`;
    return { path: full, tree: true, ...(isWhole(path) && !isOther && !takesAll && verb !== 'rm' ? { mild: true } : {}) };
  });
}
