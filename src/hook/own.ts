import { existsSync, readFileSync, realpathSync } from 'node:fs';
import { delimiter, dirname, join, resolve } from 'node:path';
import { PACKAGE } from '../base/package.ts';
import type { Detour } from './detour.ts';
import { baseName } from './shell/names.ts';

/** Commands of the reference's program that act without a gate, or are a person's word. */
const UNGATED = new Set(['run', 'loop', 'tui', 'campaign', 'skip', 'reset', 'review', 'approve-plan', 'remote']);
/** Flags of ours that take a value, before the command. */
const VALUES = new Set(['--repo', '--state-file', '--ceiling', '-C']);

/** Which program a bare `autolab` is where a session runs. */
export type Which = (name: string) => 'ours' | 'another' | 'none';

/** Looks through a PATH as a shell would. */
export function whichOn(path: string): Which {
  return (name) => {
    const found = path
      .split(delimiter)
      .map((folder) => join(folder === '' ? '.' : folder, name))
      .find((one) => existsSync(one));
    return found === undefined ? 'none' : isOurs(found) ? 'ours' : 'another';
  };
}

/**
 * A command of this program or of the reference's. Ours is given with its words, to be held against the list of operations; the
 * reference's is a detour where it acts. `activates`: the same command line changes what is on PATH.
 */
export function autolabCommand(words: readonly string[], cwd: string, which: Which, activates: boolean): Detour | undefined {
  const [program = '', ...rest] = words;
  const name = baseName(program);
  if (name === 'autolab-mcp' || /^autolab-mcp@/.test(name)) return ours(name, rest);
  if (/^(?:node|nodejs|bun|tsx|deno)$/.test(name)) {
    const at = rest.findIndex((word) => /(?:^|\/)main\.(?:mjs|ts)$/.test(word));
    return at >= 0 && isOurs(resolve(cwd, rest[at] ?? '')) ? ours('autolab-mcp', rest.slice(at + 1)) : undefined;
  }
  if (/(?:^|\/)main\.mjs$/.test(program) && isOurs(resolve(cwd, program))) return ours('autolab-mcp', rest);
  const module = /^python[\d.]*$/.test(name) && rest.indexOf('-m') >= 0 ? rest.indexOf('-m') : -1;
  if (module >= 0 && /^autolab(?:\.|$)/.test(rest[module + 1] ?? '')) return theirs(rest.slice(module + 2));
  if (name !== 'autolab') return undefined;
  const is = program.includes('/') ? (isOurs(resolve(cwd, program)) ? 'ours' : 'another') : which(name);
  if (is === 'ours' && !activates) return ours(name, rest);
  return theirs(rest) ?? ours(name, rest);
}

function theirs(words: readonly string[]): Detour | undefined {
  const verb = words.find((word) => !word.startsWith('-'));
  const applies = verb === 'policy' && words.includes('apply');
  return verb !== undefined && (UNGATED.has(verb) || applies) ? { kind: 'ungated', what: `autolab ${verb}` } : undefined;
}

function ours(name: string, words: readonly string[]): Detour | undefined {
  if (onlyTells(words)) return undefined;
  const said = words.filter((word, at) => !word.startsWith('-') && !VALUES.has(words[at - 1] ?? ''));
  const service = words.find((word) => /^--(?:un)?install$/.test(word));
  // `watch --install` is the operation `watch install`.
  const own = said[0] === 'watch' && service !== undefined ? ['watch', 'install'] : said;
  return { kind: 'person', what: [name, ...own.slice(0, 3)].join(' '), words: own };
}

/** Help, or a look at what would be done. Where the word may be the value of another option it counts as neither. */
function onlyTells(words: readonly string[]): boolean {
  if (words.some((word) => word === '--' || word.startsWith('--no-') || /^--(?:help|dry-run)=/.test(word))) return false;
  const isOwn = (word: string, at: number) =>
    !VALUES.has(words[at - 1] ?? '') && !(words[at - 1] ?? '').startsWith('--') && word !== '';
  return words.some(
    (word, at) => isOwn(word, at) && (word === '--dry-run' || ((word === '--help' || word === '-h') && at === words.length - 1)),
  );
}

/** Whether a file is this program, here or in another folder. */
function isOurs(path: string): boolean {
  try {
    const real = realpathSync(path);
    if (real === join(PACKAGE, 'dist', 'main.mjs')) return true;
    const above = join(dirname(dirname(real)), 'package.json');
    return /\/main\.(?:mjs|ts)$/.test(real) && /"name":\s*"autolab-mcp"/.test(readFileSync(above, 'utf8').slice(0, 2000));
  } catch {
    // What cannot be looked at is somebody else's.
    return false;
  }
}
