import { execaSync } from 'execa';

/** The Python that has numpy: whichever comes first on PATH, or Debian's own. */
const python = ['python3', '/usr/bin/python3'].find(
  (name) => execaSync(name, ['-c', 'import numpy'], { reject: false }).exitCode === 0,
);

/** Why tests of numpy's files cannot run here; undefined where they can. */
export const withoutNumpy = python === undefined ? 'python3 has no numpy (Debian: apt-get install python3-numpy)' : undefined;

const PRELUDE = `
import io, json, struct, sys, zipfile
import numpy as np
folder = sys.argv[1]
`;

/** Runs a Python program that has numpy as `np` and the folder to write to as `folder`. Gives what it printed. */
export function numpy(folder: string, program: string, input = ''): string {
  return execaSync(python ?? 'python3', ['-', folder], {
    input: `${PRELUDE}stdin = ${JSON.stringify(input)}\n${program}`,
    maxBuffer: 1 << 28,
  }).stdout;
}
