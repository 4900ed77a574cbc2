import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { scratch } from '../runs/samples.ts';

const top = scratch('hostile');
process.once('exit', top.remove);

/** A file in a folder of this process with a text in it, for readers that take a path. */
export function fileWith(name: string, text: string): string {
  const path = join(top.path, name);
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, text);
  return path;
}

export const FOLDER = top.path;
