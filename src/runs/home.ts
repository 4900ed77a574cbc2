import { randomBytes } from 'node:crypto';
import { readdirSync, realpathSync } from 'node:fs';
import { join } from 'node:path';
import * as z from 'zod';
import { digest } from '../base/digest.ts';
import { statOf } from '../base/disk.ts';
import { Failure, systemCode } from '../base/errors.ts';
import { jsonText, makeFolder, readJson, writeAtomic } from '../base/files.ts';
import { instant } from '../base/ids.ts';
import { userFolder } from './user-folder.ts';

export { pauseFolder, sealFile, userFolder } from './user-folder.ts';

const identity = z.object({ schema_version: z.literal('1'), id: z.string().regex(/^[0-9a-f]{32}$/), created_at: z.string() });

/** The identity of a repository, made at `init`. A copy keeps it and is told apart by its path. */
export function repositoryId(repo: string): string | undefined {
  const path = join(repo, '.autolab', 'gate', 'id');
  const json = readJson(path);
  if (json === undefined) return undefined;
  const parsed = identity.safeParse(json);
  if (parsed.success) return parsed.data.id;
  throw new Failure('file_invalid', {
    what: `${path} is not a repository identity`,
    why: z.prettifyError(parsed.error),
    next: `restore ${path} from git`,
  });
}

export function mintRepositoryId(repo: string): string {
  const known = repositoryId(repo);
  if (known) return known;
  const id = randomBytes(16).toString('hex');
  writeAtomic(join(repo, '.autolab', 'gate', 'id'), jsonText({ schema_version: '1', id, created_at: instant() }));
  return id;
}

/** Which repository, and which copy of it: what the name of its state folder begins with. Null where it has no identity yet. */
export function repositoryTag(repo: string): string | null {
  const id = repositoryId(repo);
  return id === undefined ? null : stateName(repo, id).slice(0, 12);
}

function stateName(repo: string, id: string): string {
  return digest({ id, path: realpathSync(repo) }).slice(0, 24);
}

/**
 * Where approvals and the audit head of a repository live: outside it, in a folder of our own. Made with mode 0700; refused when it belongs to somebody else.
 */
export function stateFolder(repo: string): string {
  const id = repositoryId(repo);
  if (!id) {
    throw new Failure('no_repository', {
      what: `${repo} has no .autolab/gate/id`,
      why: 'it was never initialised by autolab-mcp',
      next: 'a person runs `autolab-mcp init` there once',
    });
  }
  const folder = join(userFolder(), stateName(repo, id));
  makeFolder(folder, 0o700);
  const owner = statOf(folder)?.uid;
  if (process.getuid && owner !== process.getuid()) {
    throw new Failure('path_outside', {
      what: `${folder} belongs to user ${owner}`,
      why: 'approvals and the audit head must be yours alone',
      next: `remove or rename ${folder}`,
    });
  }
  return folder;
}

/** The state folders of all repositories of this user. */
export function stateFolders(): string[] {
  try {
    return readdirSync(userFolder(), { withFileTypes: true })
      .filter((one) => one.isDirectory() && /^[0-9a-f]{24}$/.test(one.name))
      .map((one) => join(userFolder(), one.name));
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return [];
    throw error;
  }
}
