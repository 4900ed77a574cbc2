import { readFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** Where the packaged files are: the folder above `src/` or `dist/`, wherever in it this module has ended up. */
export const PACKAGE = root(dirname(fileURLToPath(import.meta.url)));

export const VERSION: string = version(readFileSync(join(PACKAGE, 'package.json'), 'utf8'));

function root(folder: string): string {
  return ['base', 'chunks', 'src', 'dist'].includes(basename(folder)) ? root(dirname(folder)) : folder;
}

function version(text: string): string {
  const parsed: unknown = JSON.parse(text);
  if (typeof parsed === 'object' && parsed !== null && 'version' in parsed && typeof parsed.version === 'string')
    return parsed.version;
  throw new Error(`${join(PACKAGE, 'package.json')} names no version`);
}
