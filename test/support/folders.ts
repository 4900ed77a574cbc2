import { rmSync } from 'node:fs';
import { systemCode } from '../../src/base/errors.ts';

/**
 * Takes a folder away in which a job may still write its last files. rmSync itself empties a folder once and then only tries again to
 * remove it, so that one file that came meanwhile stays for ever.
 */
export function removeFolder(path: string): void {
  for (let turn = 0; ; turn++) {
    try {
      rmSync(path, { recursive: true, force: true });
      return;
    } catch (error) {
      if (systemCode(error) !== 'ENOTEMPTY' || turn === 100) throw error;
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 100);
    }
  }
}
