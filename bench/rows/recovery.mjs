import { cpSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { userInfo } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { countedSlurm } from '../../test/support/counted-slurm.mjs';
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

/** Where the journals end, in turn. */
const ENDS = ['released', 'intent', 'released', 'ambiguous', 'released', 'absent'];

/** Copies of the one run there is, on Slurm and under ids of their own. Gives the jobs that Slurm has of them. */
function manyRuns({ path, iteration }, count) {
  const runs = join(iteration, 'runs');
  const open = join(path, '.autolab', 'gate', 'open');
  const [id] = readdirSync(runs);
  const before = new Set(readdirSync(runs));
  const read = (...words) => readFileSync(join(runs, id, ...words), 'utf8');
  const journal = read('gate', 'journal.jsonl');
  const plan = read('gate', 'plan.json').replace(/("(?:site|scheduler)": ?)"local"/g, '$1"slurm"');
  const marked = readFileSync(join(open, id), 'utf8');
  const jobs = [];
  for (let at = 0; at < count; at++) {
    const copy = `${id.split('_')[0]}_${(at + 0x100000).toString(16)}`;
    if (before.has(copy)) continue;
    const end = ENDS[at % ENDS.length];
    cpSync(join(runs, id), join(runs, copy), { recursive: true });
    // What its job left is not theirs.
    for (const left of ['run_manifest.json', 'gate/claim', 'gate/exit'])
      rmSync(join(runs, copy, left), { recursive: true, force: true });
    writeFileSync(join(runs, copy, 'gate', 'plan.json'), plan);
    const lines = cut(renamed(journal, id, copy), end, at);
    writeFileSync(join(runs, copy, 'gate', 'journal.jsonl'), `${lines.map((line) => JSON.stringify(line)).join('\n')}\n`);
    writeFileSync(join(open, copy), marked);
    if (end !== 'released') continue;
    const { name } = lines.find(({ event }) => event === 'intent');
    jobs.push({
      id: String(at + 1000),
      name,
      state: 'RUNNING',
      user: userInfo().username,
      at: Math.floor(Date.now() / 1000) - 60,
    });
  }
  return jobs;
}

function renamed(text, id, copy) {
  return text.replaceAll(id.toLowerCase(), copy.toLowerCase());
}

function cut(text, end, at) {
  const lines = text
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line));
  const first = lines.findIndex(({ event }) => event === 'intent');
  const of = { step: lines[first].step, attempt: lines[first].attempt };
  const stop = lines.findIndex(({ event }) => event === end);
  const kept = stop < 0 ? [...lines.slice(0, first + 1)] : lines.slice(0, stop + 1);
  if (end === 'ambiguous') kept.push({ event: 'ambiguous', ...of, why: 'no answer in time' });
  if (end === 'absent') kept.push({ event: 'absent', ...of, certain: true, why: 'nothing was accepted' });
  // Long enough ago for a job that was accepted to be seen.
  const then = new Date(Date.now() - 120_000).toISOString();
  const told = kept.map((line, index) => ({ ...line, v: 1, n: index + 1, at: then }));
  return told.map((line) => ('job_id' in line ? { ...line, job_id: String(at + 1000) } : line));
}
