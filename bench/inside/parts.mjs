// What a submission is made of, part by part, in the repository that it is measured in.
import { spawnSync } from 'node:child_process';
import { closeSync, fsyncSync, openSync, rmSync, writeFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { writeAtomic } from '../../src/base/files.ts';
import { withLock } from '../../src/base/lock.ts';
import { readCapsule } from '../../src/runs/launch/capsule.ts';
import { interleave, timed } from '../stats.mjs';

const { repo, folder, times } = JSON.parse(process.argv[2]);
const made = join(repo, 'new-file');
let turn = 0;

const capsule = () =>
  timed(async () => {
    const { capsule: read } = await readCapsule(repo);
    if (read.why !== null) throw new Error(read.why);
  });

const found = await interleave(times, {
  clean: capsule,
  changed: async () => {
    writeFileSync(made, 'new\n');
    const ms = await capsule();
    rmSync(made);
    return ms;
  },
  git: () =>
    timed(() => spawnSync('git', ['status', '--porcelain=v1', '-z', '--untracked-files=all', '--no-renames'], { cwd: repo })),
  replace: () => timed(() => writeAtomic(join(folder, 'replaced'), `${++turn}\n`)),
  sync: () =>
    timed(() => {
      const fd = openSync(join(folder, 'synced'), 'a');
      writeSync(fd, 'x\n');
      fsyncSync(fd);
      closeSync(fd);
    }),
  lock: () => timed(() => withLock(join(folder, 'lock'), 'bench', () => undefined)),
});
console.log(JSON.stringify(found));
