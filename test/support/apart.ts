import { mkdirSync, mkdtempSync } from 'node:fs';
import { join } from 'node:path';
import { execa } from 'execa';
import { userFolder } from '../../src/runs/home.ts';

/** Where a program keeps what is the user's, as seen from the tests, and the start of a command line under which it does. */
export type UserState = { folder: string; prefix: readonly string[] };

/**
 * A state folder of their own for programs of a test, in `scratch`, so that a lock that one of them holds for long keeps nobody else. It
 * is mounted over the usual one, since no variable leads there; where nobody may mount it is the usual one, and `prefix` is empty.
 */
export async function setApart(scratch: string): Promise<UserState> {
  mkdirSync(userFolder(), { recursive: true });
  const folder = mkdtempSync(join(scratch, 'state-'));
  const prefix = ['unshare', '-m', 'sh', '-c', 'mount --bind "$0" "$1" && shift && exec "$@"', folder, userFolder()];
  const [program = '', ...rest] = [...prefix, 'true'];
  const { exitCode } = await execa(program, rest, { reject: false });
  return exitCode === 0 ? { folder, prefix } : { folder: userFolder(), prefix: [] };
}
