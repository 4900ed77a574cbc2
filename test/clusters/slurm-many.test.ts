import { afterAll, beforeAll, expect, test } from 'vitest';
import type { JobView } from '../../src/sites/schedulers/scheduler.ts';
import { slurmScheduler } from '../../src/sites/schedulers/slurm.ts';
import type { Ask } from '../../src/sites/transports/transport.ts';
import { until } from '../support/repo.ts';
import type { Slurm } from '../support/slurm.ts';
import { startSlurm } from '../support/slurm.ts';

const LIMIT = 300_000;
const scheduler = slurmScheduler();
let slurm: Slurm;
beforeAll(async () => {
  slurm = await startSlurm({ eager: true, minJobAge: 2 });
}, LIMIT);
afterAll(() => slurm?.close(), LIMIT);

const ask = async <T>({ command, read }: Ask<T>): Promise<T> => read(await slurm.transport.run(command, { timeoutMs: 60_000 }));
const since = Date.now() / 1000 - 3600;
const submitted = async (name: string, script: string) =>
  (await slurm.run('sbatch', '--parsable', `--job-name=${name}`, '--output=/dev/null', `--wrap=${script}`)).stdout;
/** Ids that Slurm has no job of, and names as long as ours. */
const gone = (many: number) =>
  Array.from({ length: many }, (_, at) => ({ id: String(1000 + at), name: `al_20261130t120000z_98ed7f.main.1.${at}`, open: 1 }));

test('of thousands of open jobs each is asked for, and those that are there are found', { timeout: LIMIT }, async () => {
  const over = { id: await submitted('al_over', 'exit 3'), name: 'al_over', open: 1 };
  const alive = { id: await submitted('al_alive', 'sleep 600'), name: 'al_alive', open: 1 };
  await until('the queue has forgotten what is over, so that only accounting knows it', async () => {
    const { stdout } = await slurm.run('squeue', '-h', '-t', 'all', '-n', over.name);
    return stdout === '' ? true : undefined;
  });
  const states = (views: readonly JobView[]) => views.map(({ name, state }) => `${name} ${state}`).sort();
  // More than one argument can hold of ids with their names, and of ids alone.
  for (const many of [5000, 12_000]) {
    const jobs = [over, ...gone(many - 2), alive];
    const seen = await until('accounting has heard', async () => {
      const look = await ask(scheduler.poll({ jobs, user: slurm.user, since }));
      expect(look).toMatchObject({ healthy: true });
      return look.jobs.length > 1 ? look : undefined;
    });
    expect(states(seen.jobs)).toEqual(['al_alive running', 'al_over failed']);
    const ids = jobs.map(({ id }) => id);
    const history = await ask(scheduler.history(slurm.user, since, ids));
    expect(history.jobs.map(({ name }) => name).sort()).toEqual(['al_alive', 'al_over']);
  }
  await ask(scheduler.cancel([...gone(12_000), alive], slurm.user));
  expect((await slurm.run('squeue', '-h', '-t', 'RUNNING', '-n', alive.name)).stdout).toBe('');
});
