import { join, resolve } from 'node:path';
import * as z from 'zod';
import { digest } from '../../base/digest.ts';
import { Failure } from '../../base/errors.ts';
import { readJson } from '../../base/files.ts';

/** A snapshot as the journal knows it: its name, and a digest of the list of its files. */
export type Frozen = { id: string; digest: string };

const manifest = z.strictObject({
  schema_version: z.literal('1'),
  /** The working tree it was taken of, and where the repository of ours is in that. */
  top: z.string(),
  prefix: z.string(),
  /** Each file by its path from the top on, as git would list it: mode and name of its content. */
  files: z.record(z.string(), z.string()),
  /** Size and time of modification of each, by which an accident is seen without reading it. */
  seen: z.record(z.string(), z.tuple([z.number(), z.number()])),
});
/** What a snapshot is made of. */
export type Contents = z.output<typeof manifest>;

/** Where a repository's snapshots are. */
export function codeFolder(repo: string): string {
  return join(repo, '.autolab', 'gate', 'code');
}

/** The files of a snapshot: the working tree as it was, from its top on. */
export function treeOf(repo: string, id: string): string {
  return join(codeFolder(repo), id, 'tree');
}

/** The list of a snapshot; undefined where there is no such snapshot, or its list does not read. */
export function contentsOf(repo: string, id: string): Contents | undefined {
  try {
    return manifest.safeParse(readJson(join(codeFolder(repo), id, 'snapshot.json'))).data;
  } catch (error) {
    if (error instanceof Failure) return undefined;
    throw error;
  }
}

export function digestOf({ top, prefix, files }: Contents): string {
  return digest({ top, prefix, files });
}

/** The repository of ours within a snapshot: what stands for it in a run that executes from there. */
export function rootOf(repo: string, id: string): string {
  return resolve(treeOf(repo, id), contentsOf(repo, id)?.prefix ?? '');
}
