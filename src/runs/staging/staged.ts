import { rmSync } from 'node:fs';
import { join } from 'node:path';
import * as z from 'zod';
import { jsonText, readJson, writeAtomic } from '../../base/files.ts';

const record = z.strictObject({
  schema_version: z.literal('1'),
  site: z.string(),
  root: z.string(),
  at: z.string(),
  /** The commit the tracked files were of; null where there is none. */
  commit: z.string().nullable(),
  /** By path from the site's root on: where it came from, and its SHA-256, read back there. */
  files: z.record(z.string(), z.strictObject({ from: z.string(), sha256: z.string() })),
});
/** What is at a site, as it was read back there after everything that must work there did. */
export type Staged = z.output<typeof record>;

function fileOf(repo: string, site: string): string {
  return join(repo, '.autolab', 'gate', 'staged', `${site}.json`);
}

/** What was staged last, completely; undefined where nothing was, or where it is not known any more. */
export function readStaged(repo: string, site: string): Staged | undefined {
  return record.safeParse(readJson(fileOf(repo, site))).data;
}

export function writeStaged(repo: string, staged: Omit<Staged, 'schema_version'>): void {
  writeAtomic(fileOf(repo, staged.site), jsonText({ schema_version: '1', ...staged }));
}

/** Before anything is changed there: until all of it is verified nothing counts as staged. */
export function forgetStaged(repo: string, site: string): void {
  rmSync(fileOf(repo, site), { force: true });
}
