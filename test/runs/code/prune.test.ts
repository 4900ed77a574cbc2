import { existsSync, mkdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { execa } from 'execa';
import { afterAll, expect, test } from 'vitest';
import { codeFolder } from '../../../src/runs/code/place.ts';
import { needSnapshot, pruneSnapshots } from '../../../src/runs/code/prune.ts';
import { takeSnapshot } from '../../../src/runs/code/snapshot.ts';
import { readCapsule } from '../../../src/runs/launch/capsule.ts';
import { markOpen, markOver } from '../../../src/runs/open.ts';
import { scratch } from '../samples.ts';

const top = scratch('prune');
afterAll(top.remove);
const IT = 'experiments/plan/it1';
const RUN = '20260101T000000Z_aaaaaa';

/** A repository with a snapshot that a run needs. */
async function frozen(name: string) {
  const repo = join(top.path, name);
  mkdirSync(join(repo, IT), { recursive: true });
  writeFileSync(join(repo, IT, 'a.py'), '1');
  await execa('git', ['init', '-q'], { cwd: repo });
  const { listing } = await readCapsule(repo);
  if (!listing) throw new Error('no git');
  const { id, root } = takeSnapshot(repo, listing, IT);
  needSnapshot(repo, id, RUN, IT);
  const isThere = () => {
    pruneSnapshots(repo);
    return existsSync(join(codeFolder(repo), id));
  };
  return { repo, root, isThere };
}

test('a snapshot stays while its run may still run, also where the folder of that was moved', async () => {
  const { repo, isThere } = await frozen('moved');
  markOpen(repo, RUN, IT);
  renameSync(join(repo, IT), join(repo, `${IT}-old`));
  expect(isThere()).toBe(true);
  expect(isThere()).toBe(true);
  markOver(repo, RUN);
  expect(isThere()).toBe(false);
});

test('a snapshot in which a run has put its results in the place of a file stays; one of which a file has gone does not', async () => {
  const replaced = await frozen('replaced');
  const file = join(replaced.root, IT, 'a.py');
  rmSync(file);
  writeFileSync(file, 'results');
  expect(replaced.isThere()).toBe(true);
  const gone = await frozen('gone');
  rmSync(join(gone.root, IT, 'a.py'));
  expect(gone.isThere()).toBe(false);
});
