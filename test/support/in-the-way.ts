import { chmodSync, existsSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** A folder for the front of a user's PATH, and programs in it that get in the way of Slurm's own, which are in /usr/bin. */
export type InTheWay = {
  folder: string;
  /** Lines of bash in the place of a program. `$real` is the real one; `$way` the folder, where they may leave files. */
  put(program: string, lines: string): void;
  /** The same for submissions alone: Slurm's own test of a job goes through. */
  submission(lines: string): void;
  has(file: string): boolean;
  leave(file: string): void;
  clear(): void;
  remove(): void;
};

export function inTheWay(): InTheWay {
  const folder = mkdtempSync('/tmp/autolab-in-the-way-');
  chmodSync(folder, 0o777);
  const put = (program: string, lines: string) =>
    writeFileSync(join(folder, program), `#!/bin/bash\nway=${folder} real=/usr/bin/${program}\n${lines}\n`, { mode: 0o755 });
  return {
    folder,
    put,
    submission: (lines) => put('sbatch', `case " $* " in *" --test-only "*) exec "$real" "$@" ;; esac\n${lines}`),
    has: (file) => existsSync(join(folder, file)),
    leave: (file) => writeFileSync(join(folder, file), ''),
    clear: () => {
      for (const name of readdirSync(folder)) rmSync(join(folder, name), { recursive: true, force: true });
    },
    remove: () => rmSync(folder, { recursive: true, force: true }),
  };
}
