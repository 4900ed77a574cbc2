import { realpathSync } from 'node:fs';
import { join } from 'node:path';
import { account } from '../base/account.ts';
import { digest } from '../base/digest.ts';

/** Where the seal of a repository is. It goes by the path alone, so that nothing in the repository, its identity neither, leads away from it. */
export function sealFile(repo: string): string {
  return join(userFolder(), 'seals', `${byPath(repo)}.json`);
}

/** Where the pause of a repository is, and what it holds. By the path alone as well: another identity must not be a way out of a pause. */
export function pauseFolder(repo: string): string {
  return join(userFolder(), 'pauses', byPath(repo));
}

function byPath(repo: string): string {
  return digest({ path: realpathSync(repo) }).slice(0, 24);
}

/**
 * What is kept for this user, whatever the repository; a folder of it each for every repository and copy. In the home that the password
 * database names, not HOME or XDG of the call, which the caller could set.
 */
export function userFolder(): string {
  return join(account().homedir, '.local', 'state', 'autolab');
}
