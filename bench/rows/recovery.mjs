import { cpSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { interleave } from '../stats.mjs';
import { connect } from '../wire.mjs';

const GROUP = 'A new server on a repository with many open runs';

/** What it takes a new server to answer, to tell of the runs and to look at them, with a repository that is left in every phase of a submission. */
export async function recoveryRows({ main, noop, repository, counts }) {
  await submitOne(main, repository);
  manyRuns(repository, counts.openRuns);
  const ours = async () => {
    const server = await connect([main, 'serve'], { cwd: repository.path });
    const took = { listed: server.listed };
    for (const [name, tool] of [
      ['runs', 'list_runs'],
      ['monitor', 'monitor_runs'],
      ['again', 'monitor_runs'],
    ]) {
      const began = performance.now();
      await server.call(tool);
      took[name] = performance.now() - began;
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
    row('monitor_runs once more', 'again'),
  ];
}

export async function submitOne(main, repository) {
  const server = await connect([main, 'serve'], { cwd: repository.path });
  await server.call('submit_run');
  await server.close();
}

/** Copies of the one run there is, under ids of their own, whose journals end at each of these lines in turn. */
const ENDS = ['intent', 'ambiguous', 'submitted', 'releasing', 'released', 'absent'];

export function manyRuns({ path, iteration }, count) {
  const runs = join(iteration, 'runs');
  const open = join(path, '.autolab', 'gate', 'open');
  const [id] = readdirSync(runs);
  const before = new Set(readdirSync(runs));
  const journal = readFileSync(join(runs, id, 'gate', 'journal.jsonl'), 'utf8');
  const marked = readFileSync(join(open, id), 'utf8');
  for (let at = 0; at < count; at++) {
    const copy = `${id.split('_')[0]}_${(at + 0x100000).toString(16)}`;
    if (before.has(copy)) continue;
    cpSync(join(runs, id), join(runs, copy), { recursive: true });
    mkdirSync(join(runs, copy, 'gate'), { recursive: true });
    writeFileSync(join(runs, copy, 'gate', 'journal.jsonl'), cut(renamed(journal, id, copy), ENDS[at % ENDS.length], at));
    writeFileSync(join(open, copy), marked);
  }
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
  const told = kept.map((line, index) => ({ ...line, v: 1, n: index + 1, at: line.at ?? lines[0].at }));
  return `${told.map((line) => JSON.stringify('job_id' in line ? { ...line, job_id: String(at + 1000) } : line)).join('\n')}\n`;
}
