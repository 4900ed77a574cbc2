import { dirname, join } from 'node:path';
import { readText } from '../../base/files.ts';
import { quote } from '../../base/text.ts';
import { fileAt } from './file-rules.ts';
import { fileSha256 } from './regular-file.ts';

/**
 * What is not as a list of hashes says that sha256sum wrote (sha256sum(1): the hash, two characters, the name, relative to the list's
 * folder). A list that names nothing proves nothing.
 */
export async function hashFaults(folder: string, path: string, shown: string): Promise<string[]> {
  const lines = (readText(path) ?? '').split(/\r?\n/).filter((line) => line !== '');
  if (lines.length === 0) return [`${shown}: names no file`];
  const faults: string[] = [];
  for (const line of lines) {
    const [, expected, name = ''] = /^([0-9a-f]{64}) [ *](.+)$/.exec(line) ?? [];
    if (expected === undefined) faults.push(`${shown}: "${quote(line, 60)}" is no line of sha256sum`);
    else faults.push(...(await hashFault(folder, join(dirname(shown), name), expected)));
  }
  return faults;
}

async function hashFault(folder: string, shown: string, expected: string): Promise<string[]> {
  // An empty file has a hash, too.
  const file = fileAt(folder, shown, 'or empty');
  if ('fault' in file) return [file.fault];
  const actual = await fileSha256(file.path);
  return actual === expected ? [] : [`${shown}: sha256: ${actual}; expected ${expected}`];
}
