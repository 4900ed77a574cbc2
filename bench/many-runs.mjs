import { cpSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { userInfo } from 'node:os';
import { join } from 'node:path';

/** Where the journals end, in turn: half run, the submissions of the others were cut off. */
const ENDS = ['released', 'intent', 'released', 'ambiguous', 'released', 'absent'];

/** Copies of the one run there is, on Slurm and under ids of their own. Gives the jobs that Slurm has of them. `ends`: where their journals end, in turn. */
export function manyRuns({ path, iteration }, count, ends = ENDS) {
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
    const end = ends[at % ends.length];
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
      run: copy,
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
