import { existsSync, lstatSync, renameSync, rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import * as z from 'zod';
import { sha256OfFile } from '../../base/digest.ts';
import { cannotWrite } from '../../base/disk.ts';
import { inside, jsonText, makeFolder, readJson, writeAtomic } from '../../base/files.ts';
import { quote } from '../../base/text.ts';
import type { Run } from '../run.ts';
import { gateOf, runFolders } from '../run.ts';

/** Where what is fetched for a run waits until it is verified. */
export function quarantine(run: Run): string {
  return join(gateOf(run), 'pull', 'files');
}

const record = z.strictObject({ schema_version: z.literal('1'), files: z.record(z.string(), z.string()) });

/** What was fetched for a run earlier: SHA-256 by path from the iteration's folder on. */
function fetched(gate: string): Record<string, string> {
  return record.safeParse(readJson(join(gate, 'pulled.json'))).data?.files ?? {};
}

/** The same for every other run of the iteration: what they have in common, such as a workspace, has grown since. */
function fetchedBefore(run: Run): (path: string, hash: string) => boolean {
  const others = runFolders(run.iterationFolder).filter(({ id, ours }) => ours && id !== run.id);
  const known = others.map(({ id }) => fetched(gateOf({ folder: join(run.iterationFolder, 'runs', id) })));
  return (path, hash) => known.some((files) => files[path] === hash);
}

/**
 * Puts verified files in their places in the iteration's folder, each whole. One of another origin that stands there, with another content, is
 * left as it is and told of; so is what could not be fetched. Gives what is not in its place, in words.
 */
export async function promote(run: Run, paths: readonly string[]): Promise<string[]> {
  const known = fetched(gateOf(run));
  const isOfAnother = fetchedBefore(run);
  const from = quarantine(run);
  const faults: string[] = [];
  for (const path of paths) {
    const source = join(from, path);
    const seen = lstatSync(source, { throwIfNoEntry: false });
    if (!seen?.isFile()) {
      faults.push(`${quote(path, 300)} could not be fetched`);
      continue;
    }
    const target = inside(run.iterationFolder, path, 'artifact');
    const hash = await sha256OfFile(source);
    const now = lstatSync(target, { throwIfNoEntry: false });
    const is = now?.isFile() ? await sha256OfFile(target) : undefined;
    if (now && is !== hash && (is === undefined || (known[path] !== is && !isOfAnother(path, is)))) {
      faults.push(`${quote(path, 300)} is here with another content, which no site has sent: move it away and call again`);
      continue;
    }
    makeFolder(dirname(target));
    try {
      renameSync(source, target);
    } catch (error) {
      throw cannotWrite(target, error);
    }
    known[path] = hash;
  }
  writeAtomic(join(gateOf(run), 'pulled.json'), jsonText({ schema_version: '1', files: known }));
  if (faults.length === 0 && existsSync(from)) rmSync(dirname(from), { recursive: true, force: true });
  return faults;
}
