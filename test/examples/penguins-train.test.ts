import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { copyOf, editData, iterationFolder, RUN, removeCopies, replicateFile, TEMPLATE, train } from './penguins-repo.ts';

let trained: string;

beforeAll(async () => {
  trained = copyOf(TEMPLATE);
  await train(trained, { RUN_ID: RUN, AUTOLAB_TASK_INDEX: '3' });
});

afterAll(removeCopies);

describe('the trainer', () => {
  test('a replicate says how it was made, and its losses fall', () => {
    const { loss, baseline_loss, ...rest } = JSON.parse(readFileSync(replicateFile(trained, 3), 'utf8'));
    expect(rest).toEqual({
      run_id: RUN,
      index: 3,
      seed: 10,
      n_train: 240,
      n_test: 102,
      species: ['Adelie', 'Chinstrap', 'Gentoo'],
      accuracy: 0.980392,
      baseline_accuracy: 0.764706,
      confusion: [[45, 0, 0], [2, 18, 0], [0, 0, 37]], // biome-ignore format: a matrix
      baseline_confusion: [[43, 0, 2], [2, 1, 17], [1, 2, 34]], // biome-ignore format: a matrix
      loss_every: 50,
    });
    for (const curve of [loss, baseline_loss]) {
      expect(curve).toHaveLength(80);
      expect(curve[0]).toBe(1.098612); // ln 3: three species, no knowledge
      expect(curve).toEqual([...curve].sort((a, b) => b - a));
    }
  });

  test('the same task again, by the Slurm script, gives the same bytes', async () => {
    const again = copyOf(TEMPLATE);
    await train(again, { RUN_ID: RUN, AUTOLAB_TASK_INDEX: '3' }, 'run_slurm.sbatch');
    expect(readFileSync(replicateFile(again, 3), 'utf8')).toBe(readFileSync(replicateFile(trained, 3), 'utf8'));
  });

  const runId = (found: string) =>
    `train.mjs: RUN_ID is ${found}; expected the run's id: letters, digits, dot, underscore and hyphen\n`;
  const task = (found: string) =>
    `train.mjs: AUTOLAB_TASK_INDEX is ${found}; expected the replicate's index: a whole number from 0\n`;
  test.each([
    [{}, runId('not set') + task('not set')],
    [{ RUN_ID: '../up', AUTOLAB_TASK_INDEX: '0' }, runId('"../up"')],
    [{ RUN_ID: RUN, AUTOLAB_TASK_INDEX: '' }, task('not set')],
    [{ RUN_ID: RUN, AUTOLAB_TASK_INDEX: '-1' }, task('"-1"')],
    [{ RUN_ID: RUN, AUTOLAB_TASK_INDEX: '1e3' }, task('"1e3"')],
    [{ RUN_ID: RUN, AUTOLAB_TASK_INDEX: '07' }, task('"07"')],
  ])('refuses the environment %o with exit 2 and writes nothing', async (environment, stderr) => {
    const copy = copyOf(TEMPLATE);
    expect(await train(copy, environment)).toEqual({ exit: 2, stdout: '', stderr });
    expect(iterationFolder(copy)).not.toContain('runs');
  });

  test('names the cell that is no number, and writes nothing', async () => {
    const copy = copyOf(TEMPLATE);
    editData(copy, (line, at) => (at === 1 ? line.replace('39.1', '39.1mm') : line));
    const { exit, stderr } = await train(copy, { RUN_ID: RUN, AUTOLAB_TASK_INDEX: '0' });
    expect({ exit, stderr }).toEqual({
      exit: 1,
      stderr: `train.mjs: ${join(copy, 'data/penguins.csv')}:2: bill_length_mm is "39.1mm", not a number\n`,
    });
    expect(iterationFolder(copy)).not.toContain('runs');
  });

  test('a measurement that never varies makes no NaN', async () => {
    const copy = copyOf(TEMPLATE);
    editData(copy, (line, at) => (at === 0 ? line : line.replace(/^(\w+,\w+),[\d.]+,/, '$1,40,')));
    const { exit } = await train(copy, { RUN_ID: RUN, AUTOLAB_TASK_INDEX: '0' });
    const { baseline_accuracy, baseline_loss } = JSON.parse(readFileSync(replicateFile(copy, 0), 'utf8'));
    expect({ exit, baseline_accuracy }).toEqual({ exit: 0, baseline_accuracy: 0.441176 }); // all Adelie: 45 of 102
    expect(baseline_loss.every(Number.isFinite)).toBe(true);
  });
});
