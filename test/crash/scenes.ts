import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { execa } from 'execa';
import { stateFolder } from '../../src/runs/home.ts';
import { removeFolder } from '../support/folders.ts';
import { until } from '../support/repo.ts';
import type { Tiny } from '../support/tiny.ts';
import type { Scene } from './operation.ts';

/** A repository that is put back to how it is now before each further trial: its jobs are over, and its identity goes by its path. */
export async function kept(tiny: Tiny): Promise<Scene> {
  const copy = mkdtempSync(join(tmpdir(), 'crash-kept-'));
  const state = stateFolder(tiny.path);
  await over(tiny);
  await execa('cp', ['-a', tiny.path, join(copy, 'repo')]);
  await execa('cp', ['-a', state, join(copy, 'state')]);
  return {
    tiny: {
      ...tiny,
      remove: () => {
        tiny.remove();
        rmSync(copy, { recursive: true, force: true });
      },
    },
    again: async () => {
      removeFolder(tiny.path);
      rmSync(state, { recursive: true, force: true });
      await execa('cp', ['-a', join(copy, 'repo'), tiny.path]);
      await execa('cp', ['-a', join(copy, 'state'), state]);
    },
  };
}

/** Waits until the scheduler has nothing to do; nobody of ours looks. */
async function over({ path }: Tiny): Promise<void> {
  const jobs = join(path, '.autolab', 'gate', 'runner', 'local', 'jobs');
  const all = 'for job in "$0"/*; do [ ! -d "$job" ] || [ -e "$job/over" ] || exit 1; done';
  await until('the jobs are over', async () => {
    if (!existsSync(jobs)) return true;
    return (await execa('sh', ['-c', all, jobs], { reject: false })).exitCode === 0 || undefined;
  });
}
