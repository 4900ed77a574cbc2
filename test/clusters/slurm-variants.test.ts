import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, expect, test } from 'vitest';
import { movesOf, readJsonFile } from '../support/artifacts.ts';
import type { Repo } from '../support/repo.ts';
import { makeRepo, until } from '../support/repo.ts';
import type { Slurm, Variant } from '../support/slurm.ts';
import { startSlurm } from '../support/slurm.ts';
import { onSlurm, SLURM_POLICY } from './experiment.ts';

const LIMIT = 400_000;
let slurm: Slurm | undefined;
let repo: Repo | undefined;
afterEach(async () => {
  await repo?.cleanup();
  await slurm?.close();
}, LIMIT);

test.each<[string, Variant]>([
  ['without accounting', { accounting: false }],
  ['without accounting, and the queue forgets at once', { accounting: false, minJobAge: 2 }],
  ['without comments kept, and the queue forgets at once', { comments: false, minJobAge: 2 }],
  ['in another time zone', { zone: 'Asia/Kolkata' }],
])('on a cluster %s a run is taken to its metrics', { timeout: LIMIT }, async (_what, variant) => {
  slurm = await startSlurm(variant);
  const { run } = slurm;
  repo = await makeRepo(SLURM_POLICY, onSlurm, slurm.identity);
  const one = repo;
  const { run_id, job_id } = await one.json<{ run_id: string; job_id: string }>('submit');
  // Nobody looks until the job is over, and where the queue forgets, until it has forgotten.
  await until(
    'the job has left',
    async () => {
      const { exit, stdout } = await run('squeue', '-h', '-j', job_id, ...(variant.minJobAge === 2 ? ['-t', 'all'] : []));
      return exit !== 0 || stdout.trim() === '' ? true : undefined;
    },
    240,
  );
  await until(
    'it is over',
    async () => ((await one.json<{ all_over: boolean }>('monitor')).all_over ? true : await pause()),
    240,
  );
  expect(await one.autolab('sync')).toMatchObject({ exit: 0 });
  expect(await one.autolab('extract')).toMatchObject({ exit: 0, stdout: expect.stringContaining('heldout_accuracy = 0.986275') });
  const folder = join(one.iteration, 'runs', run_id);
  expect(movesOf(folder).at(-1)).toBe('synced -> completed');
  const manifest = readJsonFile(join(folder, 'run_manifest.json'));
  expect(manifest).toMatchObject({ status: 'completed', job_id, tasks: { total: 5, succeeded: 5 } });
  // Times are the site's epoch whatever zone its daemons live in.
  const { started_at } = manifest.timestamps as { started_at: string };
  expect(Math.abs(Date.parse(started_at) - Date.now())).toBeLessThan(LIMIT);
});

async function pause(): Promise<undefined> {
  await sleep(500);
  return undefined;
}
