import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { execa } from 'execa';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { readJsonFile } from '../support/artifacts.ts';
import { numpy, withoutNumpy } from '../support/numpy.ts';
import { ROOT } from '../support/repo.ts';
import { backlogSchema, designSchema, reviewSchema, stateSchema } from './autolab-artifacts.ts';

const TEMPLATE = join(ROOT, 'examples', 'pi', 'repo');
const ITERATION = 'experiments/plan/pi-chain';
const copy = mkdtempSync(join(tmpdir(), 'pi-steps-'));
const inRun = (...names: string[]) => join(copy, ITERATION, 'runs', 'r1', ...names);
const template = (name: string) => readFileSync(join(TEMPLATE, name), 'utf8');
beforeAll(() => cpSync(TEMPLATE, copy, { recursive: true }));
afterAll(() => rmSync(copy, { recursive: true, force: true }));

/** One task of a step, as its job starts it. */
async function run(step: string, more: Record<string, string> = {}): Promise<{ exit: number; said: string }> {
  const PATH = `${dirname(process.execPath)}:/usr/bin:/bin`;
  const env = { PATH, AUTOLAB_RUN_ID: 'r1', AUTOLAB_ATTEMPT: '1', AUTOLAB_BASE_SEED: '314', SLURM_ARRAY_TASK_MAX: '7', ...more };
  const options = { cwd: join(copy, ITERATION), env, extendEnv: false, reject: false, all: true } as const;
  const done = await execa(join('launch', `${step}.sh`), options);
  return { exit: done.exitCode ?? -1, said: done.all };
}

describe('the template', () => {
  const [design, launch] = [parse(template(`${ITERATION}/design.yaml`)), parse(template(`${ITERATION}/launch/launch.yaml`))];

  test('every artifact satisfies its closed schema, and every YAML file means the same in YAML 1.1', () => {
    stateSchema.parse(JSON.parse(template('.autolab/state.json')));
    reviewSchema.parse(JSON.parse(template(`${ITERATION}/review_result.json`)));
    backlogSchema.parse(parse(template('.autolab/backlog.yaml')));
    designSchema.parse(design);
    for (const file of ['.autolab/backlog.yaml', `${ITERATION}/design.yaml`, `${ITERATION}/launch/launch.yaml`])
      expect(parse(template(file), { version: '1.1' }), file).toEqual(parse(template(file)));
  });

  test('its expectations follow from its configuration', () => {
    const { samples } = JSON.parse(template(`${ITERATION}/config.json`));
    const { count } = design.replicates;
    expect(design.variants[0].changes.samples).toBe(samples);
    expect(launch.steps[0].array.indices).toBe(`0-${count - 1}`);
    expect(launch.artifacts.expect).toMatchObject([{ size: 128 + (8 * samples) / count }, {}, { sum: { histval: samples } }, {}]);
  });
});

describe('the steps', () => {
  test('a batch is repeated to the byte, and its share follows from the width of the array', async () => {
    const batch = () => readFileSync(inRun('batches', 'batch_5', 'r2.npy'));
    await run('gen', { AUTOLAB_TASK_INDEX: '5' });
    const first = batch();
    await run('gen', { AUTOLAB_TASK_INDEX: '5' });
    expect(batch().equals(first)).toBe(true);
    expect(readJsonFile(inRun('batches', 'batch_5', 'READY'))).toMatchObject({
      run_id: 'r1',
      attempt: 1,
      seed: 314,
      task_seed: 319,
    });
    // The array that a retry by hand would have: sbatch --array=5.
    expect((await run('gen', { AUTOLAB_TASK_INDEX: '5', SLURM_ARRAY_TASK_MAX: '5' })).said).toContain('66666 points');
  });

  test('a fault of a task is in its first attempt and in no other task', async () => {
    const size = () => statSync(inRun('batches', 'batch_2', 'r2.npy')).size;
    const fault = { AUTOLAB_TASK_INDEX: '2', PI_FAULT: 'short:2' };
    await run('gen', fault);
    expect(size()).toBe(200128);
    await run('gen', { ...fault, PI_FAULT: 'short:3' });
    expect(size()).toBe(400128);
    expect(await run('gen', { ...fault, PI_FAULT: 'task:2' })).toEqual({ exit: 1, said: 'batch 2: no points, as PI_FAULT says' });
    expect(await run('gen', { ...fault, PI_FAULT: 'task:2', AUTOLAB_ATTEMPT: '2' })).toMatchObject({ exit: 0 });
    expect(await run('gen', { ...fault, PI_FAULT: 'taks:2' })).toEqual({ exit: 2, said: 'PI_FAULT is "taks:2"' });
  });

  // Without numpy there is nothing to compare with; CI installs it, and counts a skipped test as failed.
  test.skipIf(withoutNumpy !== undefined)('numpy reads the histogram, and it is numpy’s own', async () => {
    rmSync(inRun(), { recursive: true, force: true });
    for (const index of ['1', '4']) await run('gen', { AUTOLAB_TASK_INDEX: index });
    // A batch without its marker is none.
    mkdirSync(inRun('batches', 'batch_6'));
    writeFileSync(inRun('batches', 'batch_6', 'r2.npy'), 'half');
    expect(await run('hist')).toEqual({ exit: 0, said: 'histogram of 2 batches' });
    const said = numpy(
      inRun(),
      `
made = np.load(f'{folder}/hist/r2.npz')
r2 = np.concatenate([np.load(f'{folder}/batches/batch_{i}/r2.npy') for i in (1, 4)])
histval, edges = np.histogram(r2, bins=200, range=(0, 2))
print(json.dumps([len(r2), bool((made['histval'] == histval).all()), bool(np.allclose(made['binedges'], edges, atol=1e-15)), sorted(made.files)]))
`,
    );
    expect(JSON.parse(said)).toEqual([100000, true, true, ['bincenters', 'binedges', 'histval']]);
  });
});
