import { linkSync, unlinkSync, writeFileSync } from 'node:fs';
import { cannotWrite } from './disk.ts';
import { systemCode } from './errors.ts';

/** Writes a new file of its own name for `path`, which it is then linked to. */
export function putNew(file: string, text: string, path: string): void {
  try {
    writeFileSync(file, text, { flag: 'wx' });
  } catch (error) {
    throw cannotWrite(path, error);
  }
}

/** Takes a file of its own name away again. It was perhaps never made, or the disk does not let it go: what it was for is what counts. */
export function tidy(file: string): void {
  try {
    unlinkSync(file);
  } catch {
    // See above.
  }
}

/** Links a whole file into place; false where something is there already. */
export function tryLink(from: string, to: string): boolean {
  try {
    linkSync(from, to);
    return true;
  } catch (error) {
    if (systemCode(error) === 'EEXIST') return false;
    throw cannotWrite(to, error);
  }
}
