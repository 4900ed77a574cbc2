import { existsSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { unseen } from '../../src/runs/evidence/evidence.ts';
import { stateFromTasks } from '../../src/runs/evidence/lifecycle.ts';
import { TASK_STATES } from '../../src/runs/types.ts';
import { journalOf } from '../support/artifacts.ts';
import { SCRIPT } from '../support/tiny.ts';
import type { Files } from './experiment.ts';
import {
  BATCH,
  both,
  clearUp,
  DESIGN,
  executions,
  experiment,
  FOLDER,
  failureOf,
  jobs,
  json,
  LAUNCH,
  launchWith,
  manifest,
  over,
  PARSED,
  put,
  runFolder,
  runs,
  SBATCH,
  SCRIPT_FILE,
  STATE,
  script,
  state,
  submit,
  WAITING,
} from './experiment.ts';

clearUp();

describe('arrays are jobs of many tasks; what is no single job is refused', () => {
  test('W12: each task is followed by its index, and one that fails is not hidden by the others', async () => {
    const tiny = await experiment(
      both(BATCH, {
        [LAUNCH]: launchWith('array: { indices: "1,3-4" }'),
        [SBATCH]: `${SCRIPT}[ "$SLURM_ARRAY_TASK_ID" != 3 ]\n`,
      }),
    );
    const { run_id, job_id } = await submit(tiny);
    await over(tiny);
    const tasks = journalOf(runFolder(tiny, run_id)).flatMap((row) =>
      row.event === 'observed' ? (row.tasks as { index: number; state: string }[]) : [],
    );
    expect(Object.fromEntries(tasks.map(({ index, state }) => [index, state]))).toEqual({
      1: 'succeeded',
      3: 'failed',
      4: 'succeeded',
    });
    expect(manifest(tiny, run_id)).toMatchObject({ job_id, status: 'partial', tasks: { total: 3, succeeded: 2, failed: 1 } });
    expect({ jobs: jobs(tiny), ran: executions(tiny).length }).toEqual({ jobs: ['1'], ran: 3 });
  });

  test('W12: a run is polled for the jobs its journal names, never for an id found in another place', async () => {
    const tiny = await experiment(
      both(BATCH, {
        [SBATCH]: WAITING,
      }),
    );
    const { run_id } = await submit(tiny);
    put(runFolder(tiny, run_id), { 'run_manifest.json': (old) => old.replaceAll('"job_id": "1"', '"job_id": "4711_2"') });
    await json(tiny, 'monitor');
    expect(manifest(tiny, run_id)).toMatchObject({ job_id: '1', slurm: { job_id: '1' }, status: 'running' });
    put(tiny.iteration, { go: '' });
    await over(tiny);
  });

  const refused: [string, Files, RegExp][] = [
    [
      'a heterogeneous job',
      { [SCRIPT_FILE]: '#!/bin/sh\n#SBATCH --time=00:01:00\n#SBATCH hetjob\n#SBATCH --gpus=1\necho hi\n' },
      /^script_directive: .*hetjob/,
    ],
    [
      'a dependency in the script',
      { [SCRIPT_FILE]: '#!/bin/sh\n#SBATCH --dependency=afterok:12\necho hi\n' },
      /^script_directive: .*dependency/,
    ],
    [
      'an array inside the script that submits',
      { [SCRIPT_FILE]: '#!/bin/sh\nsbatch --array=0-9 other.sh\n' },
      /^script_submits: /,
    ],
    [
      'replicates that are not the array',
      {
        [LAUNCH]: launchWith('array: { indices: "0-3" }'),
        [DESIGN]: (old) => old.replace('baselines:', 'replicates: { count: 2 }\nbaselines:'),
      },
      /replicates?/,
    ],
    ['an empty range', { [LAUNCH]: launchWith('array: { indices: "5-2" }') }, /^file_invalid: .*launch\.yaml:3/],
  ];
  test.each(refused)('W12: %s is refused by name, not cut down to one job', async (_what, files, words) => {
    const tiny = await experiment(files);
    expect(await tiny.run(['submit'])).toMatchObject({ exit: 1, stdout: '', stderr: expect.stringMatching(words) });
    expect({ runs: runs(tiny), jobs: jobs(tiny) }).toEqual({ runs: [], jobs: [] });
  });
});

describe('success is proven', () => {
  const FOREIGN = '20260101T000000Z_abcdef';

  test('W13: a logs folder that is not empty and a partial manifest are no finished run', async () => {
    const tiny = await experiment(
      both(PARSED, {
        [`${FOLDER}/runs/${FOREIGN}/logs/launch.stdout.log`]: 'something\n',
        [`${FOLDER}/runs/${FOREIGN}/run_manifest.json`]: JSON.stringify({
          run_id: FOREIGN,
          iteration_id: 'tiny',
          status: 'partial',
        }),
        [STATE]: (old) =>
          old
            .replace('"last_run_id": ""', `"last_run_id": "${FOREIGN}"`)
            .replace('"stage": "launch"', '"stage": "slurm_monitor"'),
      }),
    );
    const before = { stage: state(tiny).stage, manifest: manifest(tiny, FOREIGN) };
    for (const args of [['run'], ['sync'], ['extract'], ['sync', FOREIGN], ['extract', FOREIGN]])
      expect(await tiny.run(args)).toMatchObject({ exit: 1, stderr: expect.stringMatching(/^run_unknown: /) });
    expect({ stage: state(tiny).stage, manifest: manifest(tiny, FOREIGN) }).toEqual(before);
  });

  test('W13: words in its output fail no good run, and other runs’ folders do not either', async () => {
    const tiny = await experiment(
      both(PARSED, BATCH, {
        [SBATCH]: script(
          'echo "worker 3 was killed; Failed to open cache" >&2; echo error; mkdir -p runs/20990101T000000Z_ffffff/logs',
        ),
      }),
    );
    const { run_id } = await submit(tiny);
    await over(tiny);
    for (const step of ['sync', 'extract']) expect((await tiny.run([step])).exit).toBe(0);
    expect(manifest(tiny, run_id)).toMatchObject({ status: 'completed', tasks: { succeeded: 1 } });
  });

  test('W13: files of a job that failed, and an end after a signal, are no success', async () => {
    const [failed, stopped] = await Promise.all([
      experiment(both(PARSED, BATCH, { [SBATCH]: script('echo x > "runs/$RUN_ID/result.txt"; exit 1') })),
      experiment(both(PARSED, BATCH, { [SBATCH]: script('trap "exit 0" TERM\nkill -TERM 0\nwhile :; do sleep 0.1; done') })),
    ]);
    for (const [tiny, failure] of [
      [failed, 'exit_code'],
      [stopped, 'interrupted'],
    ] as const) {
      await submit(tiny);
      await over(tiny);
      expect(await failureOf(tiny)).toMatchObject({ state: 'failed', failure: { class: failure } });
      expect((await tiny.run(['sync'])).exit).toBe(1);
    }
  });

  test('W13: one state of many tasks never hides another', () => {
    const states = fc.array(fc.constantFrom(...TASK_STATES), { minLength: 1, maxLength: 6 });
    fc.assert(
      fc.property(states, (list) => {
        const to = stateFromTasks(list.map((state, index) => ({ ...unseen(index), state })))?.to;
        const all = (...some: string[]) => list.every((state) => some.includes(state));
        expect(to === 'completed' || to === 'synced').toBe(false);
        expect(to === 'failed' || to === 'partial').toBe(
          all('succeeded', 'continued', 'failed', 'interrupted') && !all('succeeded', 'continued'),
        );
      }),
    );
  });

  test('W13: a parser that says nothing usable leaves the run where it was', async () => {
    const tiny = await experiment(both(PARSED, BATCH, { 'parse.sh': 'echo "{}"\n' }));
    const { run_id } = await submit(tiny);
    await over(tiny);
    expect((await tiny.run(['sync'])).exit).toBe(0);
    expect(await tiny.run(['extract'])).toMatchObject({ exit: 1, stderr: expect.stringMatching(/^parser_failed: /) });
    expect(existsSync(join(runFolder(tiny, run_id), 'metrics.json'))).toBe(false);
    expect(manifest(tiny, run_id)).toMatchObject({ status: 'synced' });
  });
});
