import { join } from 'node:path';
import { run } from '../processes.mjs';

/** One look at the embedded runner, and what it means for the records. */
export async function pollRows({ inside, folder, counts }) {
  const { jobs, tasks, polls: times } = counts;
  const words = JSON.stringify({ folder: join(folder, 'poll'), jobs, tasks, times });
  const seen = JSON.parse(await run(process.execPath, [inside('poll'), words]));
  const commands = [...seen.one, ...seen.all].map((one) => one.commands);
  const group = 'A look at the runs';
  const row = (what, ours, name, values, more = {}) => ({
    group,
    what,
    unit: 'ms',
    ours,
    against: { name, values },
    compare: 'ratio',
    ...more,
  });
  const many = tasks.toLocaleString('en-US');
  const budget = { of: 'value', most: 150 };
  return [
    row(
      'poll of 1 job',
      seen.one.map((one) => one.ms),
      'sh -c cat of its files',
      seen.oneRaw,
    ),
    row(
      `poll of ${jobs} jobs`,
      seen.all.map((one) => one.ms),
      'sh -c cat of their files',
      seen.allRaw,
    ),
    {
      group,
      what: `commands a poll, 1 and ${jobs} jobs`,
      unit: 'commands',
      ours: commands,
      budget: { of: 'value', most: 3 },
      remark: 'A look that finds tasks gone from the queue asks for all of their markers with one command more.',
    },
    row(`${many} running tasks reconciled`, seen.running, 'JSON.parse of the look', seen.runningRaw, { budget }),
    row(`${many} ended tasks reconciled with their markers`, seen.ended, 'JSON.parse of look and markers', seen.endedRaw, {
      budget,
      because: 'the marker of each task is searched for among all markers, so that the time grows with the square of the tasks.',
    }),
  ];
}
