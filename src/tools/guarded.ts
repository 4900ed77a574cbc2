import { existsSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { account } from '../base/account.ts';
import { asFailure } from '../base/errors.ts';
import { PACKAGE } from '../base/package.ts';
import { readSealedNames } from '../policies/seal-names.ts';
import { SEALED, sealedPath } from '../policies/seal-set.ts';
import { sealFile, userFolder } from '../runs/user-folder.ts';

/** A file or folder that is changed by the gate or by a person, and by nobody else. Parts of `path` may be `*`. */
export type Guarded = { name: string; path: string; isFolder: boolean };

/** Beside what a seal covers: where hosts are told which servers and hooks they have, and what is this program’s alone. */
const HOSTS = ['.claude/settings.local.json', '.cursor/mcp.json', '.vscode/mcp.json', '.gemini/settings.json'];
const OURS = ['.autolab/gate', '.codex', 'experiments/*/*/runs/*/gate'];
/** The same of a user, and where hosts keep the plugins that they have installed. */
const USERS = ['.claude/settings.json', '.codex/config.toml', '.codex/hooks.json', '.gemini/settings.json', '.cursor/mcp.json'];
const PLUGINS = ['.claude/plugins', '.codex/plugins'];

/**
 * What may not be changed past the gate in a repository: everything that a seal covers by name, whether or not there is one yet, what
 * the seal that is there covers besides, and what this program keeps. Only where `init` has been; elsewhere nothing is ours. Never throws:
 * a seal that cannot be read covers at least the names.
 */
export function guardedIn(repo: string): Guarded[] {
  if (!existsSync(join(repo, '.autolab', 'gate', 'id'))) return [];
  const sealed = sealedIn(repo);
  const files = [...new Set([...SEALED, ...HOSTS, ...(sealed?.files ?? [])])];
  const patterns = (sealed?.patterns ?? []).map((one) => one.replace(/\/?\*\*.*$/, '')).filter((one) => one !== '');
  return [
    ...files.map((name) => ({ name, path: sealedPath(repo, join(PACKAGE, 'presets'), name), isFolder: false })),
    ...[...OURS, ...patterns].map((name) => ({ name, path: join(repo, name), isFolder: true })),
  ];
}

/**
 * What is nobody else’s wherever it is: approvals, seals and the ends of logs of this user, policies over every repository’s, the settings
 * and plugins of this user’s hosts, and this program where npm has put it for everybody on the machine.
 */
export function guardedAnywhere(): Guarded[] {
  const home = account().homedir;
  const user = join(home, '.config', 'autolab', 'policy.yaml');
  const program = PACKAGE.includes('/lib/node_modules/') ? [PACKAGE] : [];
  return [
    { name: userFolder(), path: userFolder(), isFolder: true },
    { name: user, path: user, isFolder: false },
    { name: '/etc/autolab', path: '/etc/autolab', isFolder: true },
    ...USERS.map((name) => ({ name: `~/${name}`, path: join(home, name), isFolder: false })),
    ...PLUGINS.map((name) => ({ name: `~/${name}`, path: join(home, name), isFolder: true })),
    ...program.map((path) => ({ name: path, path, isFolder: true })),
  ];
}

/** The nearest folder upwards that has an `.autolab` folder; undefined where there is none. */
export function repositoryAbove(start: string): string | undefined {
  for (let folder = start; ; folder = dirname(folder)) {
    if (isFolder(join(folder, '.autolab'))) return folder;
    if (dirname(folder) === folder) return undefined;
  }
}

function isFolder(path: string): boolean {
  try {
    return statSync(path, { throwIfNoEntry: false })?.isDirectory() ?? false;
  } catch {
    // What cannot be looked at is no repository that the gate could be asked about.
    return false;
  }
}

function sealedIn(repo: string) {
  try {
    return readSealedNames(sealFile(repo));
  } catch (error) {
    asFailure(error);
    return undefined;
  }
}
