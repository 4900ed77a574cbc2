import { lstatSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { Failure, systemCode } from '../base/errors.ts';
import type { Policy } from './load.ts';

/** Autolab's profile `safe_automation`: what tells its agents what to do and judges what they did. */
const SAFE_AUTOMATION = ['.autolab/prompts/**', '.autolab/schemas/**', '.autolab/verifiers/**'];
/** Autolab protects it from its agents; here the program itself writes it at every step. */
const WRITTEN_BY_US = '.autolab/state.json';
/** No list of what an agent may not touch is longer. */
const MOST = 5_000;

/** What Autolab's own keys protect from its agents: `protected_files`, and the profile of `safe_automation_protected_files`. */
export function protectedPatterns({ autolab }: Pick<Policy, 'autolab'>): string[] {
  const { protected_files: named, safe_automation_protected_files: isSafe } = autolab;
  const own = Array.isArray(named) ? named.filter((one): one is string => typeof one === 'string' && one !== '') : [];
  const all = [...own, ...(isSafe === true ? SAFE_AUTOMATION : [])].map((one) => one.replace(/^\.\//, ''));
  return [...new Set(all)].filter((one) => one !== WRITTEN_BY_US && !one.startsWith('/') && !one.split('/').includes('..'));
}

/** Files that a pattern means, from the repository on: itself, everything in a folder, or by `*` (not over a slash) and `**`. */
export function filesMatching(repo: string, patterns: readonly string[]): string[] {
  const found = patterns.flatMap((pattern) => {
    const fixed = pattern.split('/').slice(0, pattern.split('/').findIndex((part) => part.includes('*')) >>> 0);
    const start = pattern.includes('*') ? fixed.join('/') : pattern.replace(/\/+$/, '');
    return walk(repo, start).filter(meantBy(pattern));
  });
  return [...new Set(found)].sort();
}

/** Whether a pattern means a path of the repository, whatever is there. */
export function meantBy(pattern: string): (path: string) => boolean {
  const matches = new RegExp(`^${globSource(pattern)}(?:/.*)?$`);
  return (path) => path !== WRITTEN_BY_US && matches.test(path);
}

function globSource(pattern: string): string {
  return pattern
    .replace(/\/+$/, '')
    .split(/(\*\*\/?|\*)/)
    .map((part) => (part === '*' ? '[^/]*' : part.startsWith('**') ? '.*' : part.replace(/[.+?^${}()|[\]\\]/g, '\\$&')))
    .join('');
}

/** The files and links at or below a path; links are not followed. Fails where there are too many to seal. */
function walk(repo: string, start: string): string[] {
  const found: string[] = [];
  const visit = (path: string): void => {
    if (found.length > MOST)
      throw new Failure('file_invalid', {
        what: `more than ${MOST} files are protected below ${start || 'the repository'}`,
        why: 'a seal holds each of them',
        next: 'name fewer in protected_files of .autolab/verifier_policy.yaml',
      });
    const full = join(repo, path);
    const seen = lstatSync(full, { throwIfNoEntry: false });
    if (seen?.isFile() || seen?.isSymbolicLink()) found.push(path);
    if (!seen?.isDirectory()) return;
    for (const one of entries(full)) if (one.name !== '.git') visit(path === '' ? one.name : `${path}/${one.name}`);
  };
  visit(start);
  return found;
}

function entries(folder: string) {
  try {
    return readdirSync(folder, { withFileTypes: true });
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return [];
    throw error;
  }
}
