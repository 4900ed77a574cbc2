import { statSync } from 'node:fs';
import { inside } from '../../base/files.ts';
import { amountText, isAmount } from './amount.ts';
import type { Amount, Expected } from './expectation.ts';
import { fileContains, fileSha256 } from './regular-file.ts';
import { flawText } from './unreadable.ts';

/** A file of a run that is there, and not empty unless it may be; or what it is instead, in words that say its name. */
export function fileAt(folder: string, shown: string, empty?: 'or empty'): { path: string; size: number } | { fault: string } {
  try {
    const path = inside(folder, shown, 'artifact');
    const seen = statSync(path, { throwIfNoEntry: false });
    if (!seen) return { fault: `${shown} is not there` };
    if (!seen.isFile()) return { fault: `${shown} is no file` };
    return seen.size === 0 && !empty ? { fault: `${shown} is empty` } : { path, size: seen.size };
  } catch (error) {
    return { fault: `${shown}: ${flawText(error)}` };
  }
}

/** What is wrong with a file that is there, in words that follow its name. */
export async function fileFaults(path: string, size: number, rules: Omit<Expected<'file'>, 'kind' | 'path'>): Promise<string[]> {
  const faults = rules.size === undefined ? [] : sizeFaults(size, rules.size);
  if (rules.sha256 !== undefined) {
    const actual = await fileSha256(path);
    if (actual !== rules.sha256) faults.push(`sha256: ${actual}; expected ${rules.sha256}`);
  }
  if (rules.contains !== undefined && !(await fileContains(path, rules.contains)))
    faults.push(`contains: nowhere; expected ${JSON.stringify(rules.contains)} in it`);
  return faults;
}

export function sizeFaults(actual: number, expected: Amount): string[] {
  return isAmount(actual, expected) ? [] : [`size: ${actual} bytes; expected ${amountText(expected)}`];
}

/** Which of several contents are the same: one fault for each content that comes more than once. */
export function sameFaults(digests: ReadonlyMap<string, string>, shown: string): string[] {
  const byDigest = new Map<string, string[]>();
  for (const [name, digest] of digests) byDigest.set(digest, [...(byDigest.get(digest) ?? []), name]);
  return [...byDigest.values()]
    .filter((names) => names.length > 1)
    .map((names) => {
      const more = names.length > 3 ? ` and ${names.length - 3} more` : '';
      return `${shown}: distinct: ${names.length} of ${digests.size} have the same content (${names.slice(0, 3).join(', ')}${more}); expected all to differ`;
    });
}
