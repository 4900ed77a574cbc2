import { until } from './repo.ts';
import type { Slurm } from './slurm.ts';

/** Waits for both nodes after an outage: until then Slurm's own test of a job says that no node has what it asks for. */
export async function nodesAreBack(slurm: Slurm): Promise<void> {
  await until(
    'both nodes are back',
    async () => {
      const { stdout } = await slurm.run('sinfo', '-h', '-N', '-p', 'debug', '-o', '%t');
      return stdout.split('\n').filter((state) => /^(?:idle|mix|alloc|comp)$/.test(state)).length >= 2 ? true : undefined;
    },
    240,
  );
}
