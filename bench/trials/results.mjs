import { appendFileSync, existsSync, readFileSync } from 'node:fs';

/** The records of a results file, in order: what it was run on first, then a line a trial. A last line that was cut off is left out. */
export function readResults(file) {
  if (!existsSync(file)) return { about: [], trials: [] };
  const lines = readFileSync(file, 'utf8')
    .split('\n')
    .slice(0, -1)
    .map((line) => JSON.parse(line));
  return { about: lines.filter(({ machine }) => machine), trials: lines.filter(({ outcome }) => outcome) };
}

export function append(file, record) {
  appendFileSync(file, `${JSON.stringify(record)}\n`);
}

/** What is kept of a trial: how it went in its own words only where it is not what was hoped for. */
export function kept(record, expected) {
  if (record.outcome === expected) {
    const { said: _, jobs, ...rest } = record;
    return { ...rest, jobs: jobs.length };
  }
  return record;
}

/** What tells a trial from all others. */
export function identity({ design, seed, n, key }) {
  return `${design} ${seed} ${n} ${key}`;
}
