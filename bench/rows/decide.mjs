import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { run } from '../processes.mjs';
import { median } from '../stats.mjs';

const GROUP = 'Decisions, from within';

/** The gate's judgement under the slurm preset. */
export async function decideRows({ inside, folder, presets, counts }) {
  const place = join(folder, 'decide');
  mkdirSync(place);
  const words = JSON.stringify({ folder: place, presets, times: counts.decisions, batch: counts.batch });
  const seen = JSON.parse(await run(process.execPath, [inside('decide'), words]));
  return [
    {
      group: GROUP,
      what: 'one decision about a submission, slurm preset',
      unit: 'µs',
      ours: seen.decide,
      against: { name: 'JSON.parse of its facts', values: seen.decideRaw },
      compare: 'ratio',
      remark: `That is ${Math.round(1e6 / median(seen.decide)).toLocaleString('en-US')} decisions a second.`,
    },
    ...[10, 100, 1000].map((number) => ({
      group: GROUP,
      what: `the same with ${number.toLocaleString('en-US')} rules, each of two conditions`,
      unit: 'µs',
      ours: seen[`rules${number}`],
      against: { name: 'JSON.parse of its facts', values: seen.decideRaw },
      compare: 'ratio',
    })),
    policy('the policy of a repository: files as at the last call', seen.same, seen.loadRaw),
    policy('the policy of a repository: a file has changed', seen.changed, seen.loadRaw),
  ];
}

function policy(what, ours, values) {
  return { group: GROUP, what, unit: 'ms', ours, against: { name: 'YAML parse of the same files', values }, compare: 'ratio' };
}
