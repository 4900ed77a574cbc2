import { amountText, isAmount } from './amount.ts';
import { csvFaults } from './csv.ts';
import type { Expected } from './expectation.ts';
import { fileAt, fileFaults, sameFaults, sizeFaults } from './file-rules.ts';
import { findPaths, isGlob } from './glob.ts';
import { hashFaults } from './hashes.ts';
import { jsonFaults } from './json-rules.ts';
import { readNpz } from './npz.ts';
import { npzFaults } from './npz-rules.ts';
import { fileSha256 } from './regular-file.ts';
import { flawText } from './unreadable.ts';

export type Checked = { checked: number; faults: string[] };
type File = { shown: string; path: string; size: number };
type FileKind = 'file' | 'files' | 'json' | 'csv' | 'npz' | 'hashes';
type Look = (file: File) => Promise<string[]>;

/** Looks at the files that each of these paths or patterns names; that one names none is a fault of its own. */
export async function checkFiles(folder: string, paths: readonly string[], expected: Expected<FileKind>): Promise<Checked> {
  const digests = new Map<string, string>();
  const look = lookFor(folder, expected, digests);
  const result: Checked = { checked: 0, faults: [] };
  for (const path of paths) {
    const names = namesOf(folder, path);
    if (!Array.isArray(names)) {
      result.checked++;
      result.faults.push(names.fault);
      continue;
    }
    result.checked += names.length;
    if (expected.kind === 'files' && !isAmount(names.length, expected.count ?? { at_least: 1 }))
      result.faults.push(`${path}: count: ${names.length}; expected ${amountText(expected.count ?? { at_least: 1 })}`);
    for (const shown of names) result.faults.push(...(await faultsOf(folder, shown, look)));
  }
  if ('distinct' in expected && expected.distinct) result.faults.push(...sameFaults(digests, expected.path));
  return result;
}

function namesOf(folder: string, path: string): string[] | { fault: string } {
  if (!isGlob(path)) return [path];
  try {
    const names = findPaths(folder, path);
    return names.length > 0 ? names : { fault: `${path}: no file matches it` };
  } catch (error) {
    return { fault: `${path}: ${flawText(error)}` };
  }
}

async function faultsOf(folder: string, shown: string, look: Look): Promise<string[]> {
  const file = fileAt(folder, shown);
  if ('fault' in file) return [file.fault];
  try {
    return await look({ shown, ...file });
  } catch (error) {
    return [`${shown} ${flawText(error)}`];
  }
}

function lookFor(folder: string, expected: Expected<FileKind>, digests: Map<string, string>): Look {
  const named = (shown: string, faults: readonly string[]) => faults.map((fault) => `${shown}: ${fault}`);
  switch (expected.kind) {
    case 'file':
      return async ({ shown, path, size }) => named(shown, await fileFaults(path, size, expected));
    case 'files':
      return async ({ shown, path, size }) => {
        if (expected.distinct) digests.set(shown, await fileSha256(path));
        return expected.size === undefined ? [] : named(shown, sizeFaults(size, expected.size));
      };
    case 'json':
      return async ({ shown, path }) => jsonFaults(path, shown, expected);
    case 'hashes':
      return async ({ shown, path }) => hashFaults(folder, path, shown);
    case 'csv':
      return async ({ shown, path }) => named(shown, await csvFaults(path, expected));
    case 'npz':
      return async ({ shown, path }) => {
        const { arrays, digest } = await readNpz(path);
        digests.set(shown, digest);
        return named(shown, npzFaults(arrays, expected));
      };
  }
}
