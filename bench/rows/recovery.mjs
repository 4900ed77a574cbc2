import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { countedSlurm } from '../../test/support/counted-slurm.mjs';
import { manyRuns } from '../many-runs.mjs';
import { interleave } from '../stats.mjs';
import { connect } from '../wire.mjs';

const GROUP = 'A new server on a repository with many open runs';

/** What it takes a new server to answer, to tell of the runs and to look at them, where half of them run and the submissions of the others were cut off. */
export async function recoveryRows({ main, noop, repository, folder, counts }) {
  await repository.reset();
  await submitOne(main, repository);
  const slurm = countedSlurm(join(folder, 'counted-slurm'), manyRuns(repository, counts.openRuns));
  const ours = async () => {
    slurm.forget();
    const server = await connect([main, 'serve'], {
      cwd: repository.path,
      env: { ...process.env, PATH: `${slurm.path}:${process.env.PATH}` },
    });
    const took = { listed: server.listed };
    for (const [name, tool] of [
      ['runs', 'list_runs'],
      ['monitor', 'monitor_runs'],
      ['again', 'monitor_runs'],
    ]) {
      const began = performance.now();
      await server.call(tool);
      took[name] = performance.now() - began;
      if (name === 'monitor') {
        took.calls = slurm.calls().length;
        await sleep(1100); // The pace of the policy.
      }
    }
    await server.close();
    return took;
  };
  const theirs = async () => {
    const server = await connect([noop], { cwd: repository.path });
    await server.close();
    return { listed: server.listed };
  };
  const seen = await interleave(counts.recoveries, { ours, noop: theirs }, 0);
  await repository.reset();
  const against = { name: 'no-op server, spawn to tools/list', values: seen.noop.map((one) => one.listed) };
  const row = (what, key, more = {}) => ({
    group: GROUP,
    what: `${counts.openRuns.toLocaleString('en-US')} open runs: ${what}`,
    unit: 'ms',
    ours: seen.ours.map((one) => one[key]),
    against,
    compare: 'ratio',
    ...more,
  });
  return [
    row('spawn to tools/list', 'listed', { budget: { of: 'value', most: 2000 } }),
    row('list_runs', 'runs'),
    row('monitor_runs, with recovery of what was cut off', 'monitor'),
    row('monitor_runs once more, nothing is new', 'again'),
    row('calls of the scheduler by the first one', 'calls', { unit: 'calls', against: undefined, compare: undefined }),
  ];
}

async function submitOne(main, repository) {
  const server = await connect([main, 'serve'], { cwd: repository.path });
  await server.call('submit_run');
  await server.close();
}
