import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';

const ROOT = resolve(import.meta.dirname, '../..');

/** The embedded runner, on this machine, by whoever runs the demo. */
export async function localSite() {
  return {
    preset: 'local_dev',
    limits: '',
    folder: tmpdir(),
    as: (words) => words,
    program: [process.execPath, join(ROOT, 'dist', 'main.mjs')],
    own: () => {},
    moveHere: (launch) => launch,
    report: async () => {},
    close: () => {},
  };
}
