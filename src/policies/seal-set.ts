import { statSync } from 'node:fs';
import { isAbsolute, join, relative, resolve } from 'node:path';
import { asFailure } from '../base/errors.ts';
import { inside } from '../base/files.ts';
import type { Policy } from './load.ts';
import { filesMatching, protectedPatterns } from './protected.ts';

/**
 * What a seal covers by name: who the repository is, what the gate goes by, and how clients start this program. Besides these the
 * preset in use, the files of the repository that commands of the policy name, and what Autolab’s own keys protect; see `sealedNames`. One that is not there is sealed
 * as absent.
 */
export const SEALED = [
  '.autolab/gate/id',
  '.autolab/verifier_policy.yaml',
  '.autolab/sites.yaml',
  '.autolab/remote_profiles.yaml',
  '.autolab/workflow.yaml',
  '.autolab/notices.yaml',
  '.mcp.json',
  '.claude/settings.json',
] as const;

/** How a seal names a preset: it is a file of the program, not of the repository. */
const PACKAGED = 'package:';

/** Every name a seal of this policy covers, in order: paths from the repository on, and `package:presets/NAME.yaml`. */
export function sealedNames(repo: string, policy: Policy): string[] {
  const preset = policy.preset === null ? [] : [`${PACKAGED}presets/${policy.preset}.yaml`];
  const kept = filesMatching(repo, protectedPatterns(policy));
  return [...new Set([...SEALED, ...preset, ...named(repo, policy), ...kept])];
}

/** Where the file of a name is. */
export function sealedPath(repo: string, packaged: string, name: string): string {
  return name.startsWith(PACKAGED) ? resolve(packaged, '..', name.slice(PACKAGED.length)) : join(repo, name);
}

/** Files of the repository that the policy's commands name, by the word that names them. */
function named(repo: string, { gate, autolab }: Policy): string[] {
  const said = [autolab.test_command, autolab.dry_run_command].map(wordsOf);
  return [...gate.allow.commands, ...said].flatMap((words) => words.flatMap((word) => fileOf(repo, word) ?? []));
}

function wordsOf(command: string | readonly string[]): readonly string[] {
  return typeof command === 'string' ? command.split(/\s+/).map((word) => word.replace(/^["']|["']$/g, '')) : command;
}

/** The word as a path from the repository on, if it names a file in it, or one that could be made there. */
function fileOf(repo: string, word: string): string | undefined {
  const path = word.replace(/^--?[\w-]+=/, '');
  if (path === '' || path.startsWith('-') || path.includes('://') || path.includes('{{')) return undefined;
  const full = resolve(repo, path);
  const from = relative(repo, full);
  if (from === '' || from.startsWith('..') || isAbsolute(from)) return undefined;
  const found = statSync(full, { throwIfNoEntry: false });
  if (found) return found.isFile() && isInside(repo, full) ? from : undefined;
  return path.includes('/') || /\.[A-Za-z]\w*$/.test(path) ? from : undefined;
}

/** A link that leads out of the repository, such as `.venv/bin/python`, is no file of it. */
function isInside(repo: string, full: string): boolean {
  try {
    inside(repo, full);
    return true;
  } catch (error) {
    if (asFailure(error).code === 'path_outside') return false;
    throw error;
  }
}
