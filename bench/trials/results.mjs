import { appendFileSync, existsSync, readFileSync } from 'node:fs';

/** The lines of a results file by kind: what it was run on, the trials, how long it took, and what other suites have tried. */
export function readResults(file) {
  // A last line that was cut off is left out.
  const text = file !== undefined && existsSync(file) ? readFileSync(file, 'utf8') : '';
  const lines = text
    .split('\n')
    .slice(0, -1)
    .map((line) => JSON.parse(line));
  return {
    machines: lines.flatMap(({ machine }) => machine ?? []),
    trials: lines.filter(({ fault }) => fault !== undefined),
    ended: lines.flatMap(({ ended }) => ended ?? []),
    others: lines.filter(({ suite }) => suite !== undefined),
  };
}

export function append(file, record) {
  if (file !== undefined) appendFileSync(file, `${JSON.stringify(record)}\n`);
}

/** What is kept of a trial: how it went in its own words only where it is not what was hoped for. */
export function kept(record, expected) {
  if (record.outcome !== expected) return record;
  const { said: _, verdict: __, jobs, ...rest } = record;
  return { ...rest, jobs: jobs.length };
}

/** What tells a trial from all others. */
export function identity({ design, seed, n, key }) {
  return `${design} ${seed} ${n} ${key}`;
}
