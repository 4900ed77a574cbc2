import { execFileSync } from 'node:child_process';
import { cpSync, mkdirSync, renameSync, rmSync, statfsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** More than any cell takes. MiB. */
const SIZE = 64;

/** Puts a folder, with all that is in it, on a file system of its own, in which so many KiB are left, or which can only be read. */
export function smallDisk(folder: string, room: number | 'read only'): { makeRoom(): void; remove(): void } {
  const was = `${folder}.was`;
  const filler = join(folder, 'filler');
  renameSync(folder, was);
  mkdirSync(folder);
  execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${SIZE}m`, 'autolab-test', folder]);
  cpSync(was, folder, { recursive: true, preserveTimestamps: true });
  if (room === 'read only') {
    execFileSync('mount', ['-o', 'remount,ro', folder]);
  } else {
    const { bavail, bsize } = statfsSync(folder);
    writeFileSync(filler, Buffer.alloc(bavail * bsize - room * 1024, 1));
  }
  return {
    makeRoom: () => {
      if (room === 'read only') execFileSync('mount', ['-o', 'remount,rw', folder]);
      else rmSync(filler);
    },
    remove: () => {
      // A job's own processes may still stand in it.
      execFileSync('umount', ['--lazy', folder]);
      rmSync(was, { recursive: true, force: true });
    },
  };
}
