import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, expect, test } from 'vitest';
import { movesOf } from '../support/artifacts.ts';
import { answered } from '../support/asking.ts';
import { until } from '../support/repo.ts';
import type { Done, Tiny } from '../support/tiny.ts';
import { forgetTemplate } from '../support/tiny.ts';
import { allAtOnce, executionsOf, failures, makeMany, names, runsOf, troubles, untilOver } from './crowd.ts';

const LIMIT = 600_000;
let tiny: Tiny;
afterEach(() => tiny.remove());
afterAll(forgetTemplate);

test.each([2, 8, 32])(
  '%i that append rows of their own to the ledger lose none, and each stands once',
  { timeout: LIMIT },
  async (many) => {
    tiny = await makeMany(1);
    const rows = Array.from({ length: many }, (_, at) => `2026010${(at % 9) + 1}T000000Z_${String(at).padStart(6, '0')}`);
    for (const run of rows) {
      const folder = join(tiny.iteration, 'runs', run);
      mkdirSync(folder, { recursive: true });
      const manifest = {
        run_id: run,
        iteration_id: 'tiny',
        host_mode: 'slurm',
        status: 'submitted',
        job_id: '1',
        started_at: '2026-01-01T00:00:00Z',
      };
      writeFileSync(join(folder, 'run_manifest.json'), JSON.stringify(manifest));
    }
    const path = (run: string) => join('experiments', 'plan', 'tiny', 'runs', run, 'run_manifest.json');
    // Each row by two at once, since whoever was cut off calls again.
    const members = [...rows, ...rows].map((run) => ({ args: ['slurm-job-list', 'append', '--manifest', path(run)] }));
    expect(failures(await allAtOnce(tiny, members))).toEqual([]);
    const ledger = readFileSync(join(tiny.path, 'docs', 'slurm_job_list.md'), 'utf8').split('\n');
    expect(rows.map((run) => ledger.filter((line) => line.includes(`run_id=${run} `)).length)).toEqual(rows.map(() => 1));
  },
);

test('many that monitor a run that has ended move it once', { timeout: LIMIT }, async () => {
  tiny = await makeMany(1);
  const { run_id } = await answered<{ run_id: string }>(tiny, 'submit');
  await until('it has run', async () => executionsOf(tiny).length > 0 || undefined);
  expect(
    failures(
      await allAtOnce(
        tiny,
        Array.from({ length: 16 }, () => ({ args: ['monitor', '--json'] })),
      ),
    ),
  ).toEqual([]);
  await untilOver(tiny);
  const moves = movesOf(join(tiny.iteration, 'runs', run_id));
  expect(moves.at(-1)).toBe('submitted -> running');
  expect(new Set(moves).size).toBe(moves.length);
  expect(await troubles(tiny, ['tiny'])).toEqual([]);
});

/** The script waits, so that there is something to cancel. */
const WAITS =
  '#!/bin/sh\n#SBATCH --time=00:10:00\necho "$AUTOLAB_RUN_ID $AUTOLAB_ATTEMPT" >>runs/../executions.log\nwhile [ ! -e runs/../go ]; do sleep 0.2; done\n';

test('while others submit, cancel, look and collect, every run ends as one of these made it end, and every answer can be read', {
  timeout: LIMIT,
}, async () => {
  const iterations = names(8);
  tiny = await makeMany(8, WAITS);
  const reads: Done[] = [];
  let isOver = false;
  const reader = async (args: string[]): Promise<void> => {
    while (!isOver) reads.push(await tiny.run(args));
  };
  const readers = [reader(['runs', '--json']), reader(['slurm-job-list', 'verify', '--manifest', 'none', '--json'])];
  const twice = [...iterations, ...iterations];
  expect(
    failures(
      await allAtOnce(
        tiny,
        twice.map((one) => ({ args: ['submit', '--iteration', one, '--json'] })),
      ),
    ),
  ).toEqual([]);
  const ids = iterations.map((one) => runsOf(tiny, one)[0] ?? 'none');
  const doomed = ids.slice(0, 4);
  const crowd = [
    ...[...doomed, ...doomed].map((id) => ['cancel', id, '--json']),
    ...Array.from({ length: 8 }, () => ['monitor', '--json']),
    ...twice.map((one) => ['submit', '--iteration', one, '--json']),
  ].map((args) => ({ args }));
  const answers = await allAtOnce(tiny, crowd);
  for (const one of iterations.slice(4)) writeFileSync(join(tiny.path, 'experiments', 'plan', one, 'go'), '');
  await untilOver(tiny);
  await allAtOnce(
    tiny,
    ids.slice(4).flatMap((id) => ['sync', 'extract'].map((verb) => ({ args: [verb, id, '--json'] }))),
  );
  isOver = true;
  await Promise.all(readers);
  expect(failures(answers.slice(0, 16))).toEqual([]);
  expect(reads.filter(({ stdout, stderr }) => stdout === '' && !/^\{/.test(stderr))).toEqual([]);
  expect(failures(reads.filter(({ stdout }) => stdout.includes('"runs"')))).toEqual([]);
  const { runs } = await answered<{ runs: { run_id: string; state: string }[] }>(tiny, 'runs');
  const stateOf = (id: string) => runs.find((run) => run.run_id === id)?.state;
  expect(doomed.map(stateOf)).toEqual(doomed.map(() => 'failed'));
  expect(
    ids
      .slice(4)
      .map(stateOf)
      .filter((state) => state === 'failed'),
  ).toEqual([]);
  for (const one of iterations) expect(executionsOf(tiny, one).length).toBeLessThanOrEqual(1);
  expect(await troubles(tiny, iterations)).toEqual([]);
});
