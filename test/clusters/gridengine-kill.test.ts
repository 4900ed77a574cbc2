import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { execa } from 'execa';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { GridEngine } from '../support/gridengine.ts';
import { startGridEngine } from '../support/gridengine.ts';
import { killSubmits } from '../support/killed-submits.ts';
import type { Repo } from '../support/repo.ts';
import { gridExperiment, PLAIN } from './gridengine-experiment.ts';

let grid: GridEngine;
let repo: Repo;
beforeAll(async () => {
  grid = await startGridEngine();
  repo = await gridExperiment(grid, PLAIN, { 'run_slurm.sbatch': '#!/bin/bash\necho "$AUTOLAB_RUN_ID" >>runs/../executions\n' });
}, 120_000);
afterAll(async () => {
  await repo?.cleanup();
  await grid?.close();
}, 60_000);

test('a submission to a Grid Engine, killed at every question and act, runs once or was never begun', {
  timeout: 900_000,
}, async () => {
  const executions = join(repo.iteration, 'executions');
  const killed = await killSubmits(
    {
      iteration: repo.iteration,
      json: (...args) => repo.json(...args),
      executions: () => (existsSync(executions) ? readFileSync(executions, 'utf8').trim().split('\n') : []),
      submit: async (prefix, ...args) => {
        const ours = grid.identity.words.slice(-2);
        const [program, ...words] = grid.identity.as([...prefix, ...ours, 'submit', '--json', ...args]);
        const { signal, exitCode, stdout } = await execa(program, words, { cwd: repo.path, reject: false, stdin: 'ignore' });
        return { killed: signal === 'SIGKILL' || exitCode === 137, stdout };
      },
    },
    5,
  );
  const begun = Object.values(killed).filter(({ begun: one }) => one);
  expect(Object.keys(killed).length).toBeGreaterThan(8);
  expect(begun.length).toBeGreaterThan(4);
  expect(killed).toEqual(
    Object.fromEntries(Object.entries(killed).map(([place, { begun: one }]) => [place, { begun: one, executions: one ? 1 : 0 }])),
  );
  const { stdout } = await grid.run('qstat', '-u', grid.user);
  expect(stdout).toBe('');
});
