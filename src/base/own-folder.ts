import { lstatSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';

/**
 * A folder of this account alone with a short name, for sockets, whose paths may have 107 characters (unix(7)): in the run-time folder of
 * the login where there is one, else in /tmp, by user id. Made where it is missing. `isOurs` is false where something of that name is not ours alone.
 */
export function ownFolder(name: string): { folder: string; isOurs: boolean } {
  const uid = process.getuid?.() ?? 0;
  const runtime = `/run/user/${uid}`;
  const folder = isOursAlone(runtime) ? join(runtime, name) : `/tmp/${name}-${uid}`;
  try {
    mkdirSync(folder, { mode: 0o700 });
  } catch {
    // It may be there already; whether it is ours is looked at next.
  }
  return { folder, isOurs: isOursAlone(folder) };
}

/** A real folder, no link, that belongs to this account and that nobody else may look into. */
export function isOursAlone(folder: string): boolean {
  const seen = lstatSync(folder, { throwIfNoEntry: false });
  return seen?.isDirectory() === true && seen.uid === (process.getuid?.() ?? 0) && (seen.mode & 0o077) === 0;
}
