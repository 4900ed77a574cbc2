import { execa } from 'execa';
import { ROOT } from './support/repo.ts';

/** Tests of the program are tests of what is in dist/, so it is made anew from the source they stand beside. */
export default async function setup(): Promise<void> {
  await execa('node', ['scripts/build.mjs'], { cwd: ROOT });
}
