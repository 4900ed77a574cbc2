import { join } from 'node:path';
import * as z from 'zod';
import { digest } from '../../base/digest.ts';
import { jsonText, readText, writeAtomic } from '../../base/files.ts';
import { instant } from '../../base/ids.ts';
import { repositoryTag, userFolder } from '../home.ts';

const userOf = z.object({ repository: z.string().nullable(), path: z.string(), run: z.string() });
/** The run that a workspace was given to last, of any repository of this user. */
export type LastUser = z.output<typeof userOf>;

/** By the key of the workspace here. What does not read is as if it were not there. */
export function lastUser(key: string): LastUser | undefined {
  try {
    return readUser(readText(userFile(key)));
  } catch {
    return undefined;
  }
}

/** Writes down, for every repository of this user, that the workspace is now this run's. The caller holds the users' common lock. */
export function noteUser(repo: string, key: string, run: string): void {
  writeAtomic(userFile(key), userNote(repo, key, run), 0o600);
}

/** The text of the note, for whoever looks where the workspace is. */
export function userNote(repo: string, workspace: string, run: string): string {
  return jsonText({ schema_version: '1', workspace, repository: repositoryTag(repo), path: repo, run, at: instant() });
}

/** The name of the note, of a workspace by its path on the machine of the note. */
export function noteName(workspace: string): string {
  return `${digest({ workspace }).slice(0, 24)}.json`;
}

export function readUser(text: string | undefined): LastUser | undefined {
  try {
    return userOf.safeParse(JSON.parse(text ?? '')).data;
  } catch {
    return undefined;
  }
}

function userFile(key: string): string {
  return join(userFolder(), 'workspaces', noteName(key));
}
