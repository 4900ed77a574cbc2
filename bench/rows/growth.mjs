import { mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { countedSlurm } from '../../test/support/counted-slurm.mjs';
import { manyRuns } from '../many-runs.mjs';
import { residentMegabytes, run } from '../processes.mjs';
import { median } from '../stats.mjs';
import { connect } from '../wire.mjs';

const GROUP = 'Growth, from small to large';
/** Noise of a few measurements included. */
const LINEAR = 1.1;

/** How the time of each path grows: the exponent between a size and the next, ten times as large. */
export async function growthRows(setting) {
  return [...(await ofRecords(setting)), ...(await ofRules(setting)), ...(await ofRuns(setting))];
}

async function ofRecords({ inside, folder, counts }) {
  const { grownRows: sizes, grownTimes: times } = counts;
  const seen = [];
  for (const rows of sizes) {
    const place = join(folder, `grown-${rows}`);
    mkdirSync(place);
    seen.push(JSON.parse(await run(process.execPath, [inside('records'), JSON.stringify({ folder: place, rows, times })])));
    rmSync(place, { recursive: true });
  }
  return [
    [
      'ledger: a new row',
      'append',
      'the file is read, and searched once for the run; what is written is one line. 114 MB are likely more than the caches of the processor hold, so that a byte costs more there',
    ],
    ['ledger: a row that changes', 'update', 'the file is written anew as a whole'],
    ['ledger: verify a row', 'verify', 'the file is read, and searched once; as above'],
    ['audit: append', 'auditAppend', 'only the end of the log is read'],
    ['audit: verify', 'auditVerify', 'every line is parsed and hashed once, piece by piece'],
  ].flatMap(([what, key, why]) =>
    grown(
      what,
      'ms',
      sizes,
      'rows',
      seen.map((one) => one[key]),
      why,
    ),
  );
}

async function ofRules({ inside, folder, presets, counts }) {
  const place = join(folder, 'grown-rules');
  mkdirSync(place);
  const words = JSON.stringify({ folder: place, presets, times: counts.decisions, batch: Math.max(100, counts.batch / 10) });
  const seen = JSON.parse(await run(process.execPath, [inside('decide'), words]));
  const sizes = [10, 100, 1000];
  const each = sizes.map((number) => seen[`rules${number}`]);
  return grown('a decision', 'µs', sizes, 'rules', each, 'each rule is judged once');
}

/** A server that begins on so many open runs at Slurm, of which nothing changes. */
async function ofRuns({ main, repository, folder, counts }) {
  const sizes = counts.grownRuns;
  const seen = [];
  for (const count of sizes)
    seen.push(await serve(main, repository, join(folder, `grown-slurm-${count}`), count, counts.grownTimes));
  await repository.reset();
  const each = (key) => seen.map((one) => one[key]);
  const runs = (what, key, why) => grown(what, 'ms', sizes, 'open runs', each(key), why);
  return [
    ...runs('spawn to tools/list', 'listed', 'no run is read for it'),
    ...runs('list_runs', 'list', 'each journal is read once; the answer is a page'),
    ...runs('monitor_runs, the first one', 'first', 'one poll for all of them; each journal is read, each projection compared'),
    ...runs('monitor_runs once more', 'again', 'the same'),
    ...sizes.flatMap((count, at) => [
      {
        group: GROUP,
        what: `calls of the scheduler by a look at ${many(count)} open runs`,
        unit: 'calls',
        ours: seen[at].calls,
        budget: { of: 'value', most: 3 },
      },
      { group: GROUP, what: `the answer of list_runs, ${many(count)} open runs`, unit: 'bytes', ours: seen[at].bytes },
      { group: GROUP, what: `resident memory after these calls, ${many(count)} open runs`, unit: 'MB', ours: seen[at].memory },
    ]),
  ];
}

async function serve(main, repository, place, count, times) {
  await repository.reset();
  const first = await connect([main, 'serve'], { cwd: repository.path });
  await first.call('submit_run');
  await first.close();
  const slurm = countedSlurm(place, manyRuns(repository, count, ['released']));
  const env = { ...process.env, PATH: `${slurm.path}:${process.env.PATH}` };
  const took = { listed: [], list: [], first: [], again: [], calls: [], bytes: [], memory: [] };
  for (let round = 0; round < times; round++) {
    const server = await connect([main, 'serve'], { cwd: repository.path, env });
    took.listed.push(server.listed);
    const timed = async (key, tool) => {
      const began = performance.now();
      const answer = await server.call(tool);
      took[key].push(performance.now() - began);
      return answer;
    };
    took.bytes.push(JSON.stringify(await timed('list', 'list_runs')).length);
    await timed('first', 'monitor_runs');
    await sleep(1100); // The pace of the policy.
    slurm.forget();
    await timed('again', 'monitor_runs');
    took.calls.push(slurm.calls().length);
    took.memory.push(residentMegabytes(server.pid));
    await server.close();
    await sleep(1100);
  }
  return took;
}

/** The times at each size, and the exponent of the last tenfold: 1 is in proportion, 0 is not at all. */
function grown(what, unit, sizes, of, each, why) {
  const [before, last] = sizes.slice(-2);
  const exponent = Math.log(median(each.at(-1)) / median(each.at(-2))) / Math.log(last / before);
  return [
    ...sizes.map((size, at) => ({ group: GROUP, what: `${what}: ${many(size)} ${of}`, unit, ours: each[at] })),
    {
      group: GROUP,
      what: `${what}: exponent from ${many(before)} to ${many(last)} ${of}`,
      unit: '',
      ours: [exponent],
      budget: { of: 'value', most: LINEAR },
      because: why,
      remark: `- ${what}: ${why}.`,
    },
  ];
}

function many(count) {
  return count.toLocaleString('en-US');
}
