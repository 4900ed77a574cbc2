import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { readJsonFile } from '../support/artifacts.ts';
import { SCRIPT } from '../support/tiny.ts';
import {
  BATCH,
  both,
  clearUp,
  collected,
  DESIGN,
  executions,
  experiment,
  FOLDER,
  jobs,
  json,
  launchWith,
  manifest,
  over,
  PARSED,
  POLICY,
  put,
  runFolder,
  SBATCH,
  SCRIPT_FILE,
  STATE,
  state,
  submit,
  text,
  WAITING,
} from './experiment.ts';

clearUp();

describe('nothing of an earlier cycle is taken for this one', () => {
  test('W7: a run_group left in state.json submits a new job and never points at the old ones', async () => {
    const replicates = 'replicates: { count: 2 }\n';
    const tiny = await experiment(
      both(PARSED, BATCH, { [DESIGN]: (old) => old.replace('baselines:', `${replicates}baselines:`) }),
    );
    const first = await submit(tiny);
    await collected(tiny);
    put(tiny.path, {
      [DESIGN]: (old) => old.replace(replicates, ''),
      [STATE]: (old) =>
        JSON.stringify({
          ...(JSON.parse(old) as object),
          stage: 'launch',
          run_group: [`${first.run_id}_r1`, `${first.run_id}_r2`],
        }),
    });
    const second = await submit(tiny);
    expect(second).toMatchObject({ already: false, job_id: '3' });
    await over(tiny);
    expect(manifest(tiny, second.run_id)).toMatchObject({
      run_id: second.run_id,
      job_id: '3',
      tasks: { total: 1, succeeded: 1 },
    });
    expect(manifest(tiny, first.run_id)).toMatchObject({ job_id: '1' });
    expect(jobs(tiny)).toEqual(['1', '2', '3']);
    expect(state(tiny)).toMatchObject({ last_run_id: second.run_id, run_group: [] });
  });
});

describe('an empty job is never submitted', () => {
  const placeholder = '#!/usr/bin/env bash\nset -euo pipefail\n# The command of the experiment stands here.\n';

  test('W8: a placeholder is replaced by the design’s command, and refused where the design has none', async () => {
    const tiny = await experiment({ [SCRIPT_FILE]: placeholder, [DESIGN]: (old) => old.replace('tiny.main', 'placeholder') });
    for (let turn = 0; turn < 2; turn++)
      expect(await tiny.run(['submit'])).toMatchObject({ exit: 1, stderr: expect.stringMatching(/^script_placeholder: /) });
    expect({ script: text(tiny, SCRIPT_FILE), jobs: jobs(tiny) }).toEqual({ script: placeholder, jobs: [] });
    put(tiny.path, {
      [DESIGN]: (old) =>
        old.replace('{ module: placeholder }', `{ module: tiny.main, cli: 'echo "$RUN_ID 1" >> runs/../executions.log' }`),
    });
    const { run_id } = await submit(tiny);
    await over(tiny);
    expect(executions(tiny)).toEqual([`${run_id} 1`]);
  });

  test('W8: what init leaves behind is no experiment yet', async () => {
    const tiny = await experiment();
    await tiny.run(['init', 'fresh']);
    writeFileSync(join(tiny.path, 'experiments/plan/fresh/launch/launch.yaml'), launchWith());
    expect(await tiny.run(['submit', '--iteration', 'fresh'])).toMatchObject({ exit: 1 });
    expect(existsSync(join(tiny.path, 'experiments/plan/fresh/runs'))).toBe(false);
  });

  test('W8: an edited design never makes the manifest say other resources than the job gets', async () => {
    const tiny = await experiment(both(PARSED, { [SCRIPT_FILE]: SCRIPT.replace('#SBATCH --time=00:01:00\n', '') }));
    const first = await submit(tiny);
    await collected(tiny);
    put(tiny.path, { [DESIGN]: (old) => old.replace('00:01:00', '00:02:00') });
    const second = await submit(tiny);
    expect(second).toMatchObject({ already: false });
    for (const [{ run_id, job_id }, walltime] of [
      [first, 60],
      [second, 120],
    ] as const) {
      const spec = readFileSync(join(tiny.path, `.autolab/gate/runner/local/jobs/${job_id}/spec`), 'utf8');
      expect(spec).toContain(`walltimeSeconds=${walltime}\n`);
      expect(readJsonFile(join(runFolder(tiny, run_id), 'run_manifest.json'))).toMatchObject({
        resource_request: { walltime: `00:0${walltime / 60}:00` },
      });
    }
  });
});

describe('what others wrote is kept', () => {
  test('W19: unknown fields of manifest and state live through the whole loop', async () => {
    const tiny = await experiment(
      both(PARSED, BATCH, {
        [STATE]: (old) =>
          old
            .replace('{', '{\n  "their_key": { "a": [1] },')
            .replace('"repeat_guard": {', '"repeat_guard": { "last_change_baseline": { "x": "1" },'),
      }),
    );
    const { run_id } = await submit(tiny);
    put(runFolder(tiny, run_id), {
      'run_manifest.json': (old) => {
        const value = JSON.parse(old) as Record<string, object>;
        return JSON.stringify({
          ...value,
          theirs: { note: 'é' },
          timestamps: { ...value.timestamps, seen_by_me: 'x' },
          resource_request: { ...value.resource_request, mine: 1 },
        });
      },
    });
    await collected(tiny);
    expect(manifest(tiny, run_id)).toMatchObject({
      status: 'completed',
      theirs: { note: 'é' },
      timestamps: { seen_by_me: 'x' },
      resource_request: { mine: 1 },
    });
    expect(state(tiny)).toMatchObject({
      stage: 'update_docs',
      their_key: { a: [1] },
      repeat_guard: { last_change_baseline: { x: '1' } },
    });
    expect(text(tiny, `${FOLDER}/runs/${run_id}/logs/launch.log`)).toMatch(/^submitted by autolab-mcp .* to local\n$/);
  });

  test('W19: policy apply keeps every comment and every value of one’s own', async () => {
    const own =
      '# why: the queue is small\ngate:\n  limits:\n    per_job: { cpus: 2 } # ours\n# the end\nprompt_lint: { mode: warn } # theirs\n';
    const tiny = await experiment({ [POLICY]: own });
    const done = await tiny.run(['policy', 'apply', 'preset', 'slurm']);
    expect(done).toMatchObject({ exit: 0, stdout: expect.stringContaining('kept: gate.limits.per_job.cpus: 2') });
    for (const words of ['# why: the queue is small', 'cpus: 2 } # ours', '# the end', '# theirs'])
      expect(text(tiny, POLICY)).toContain(words);
  });

  test('W19: a state.json set back under a living job loses neither the job nor its place', async () => {
    const tiny = await experiment(
      both(BATCH, {
        [SBATCH]: WAITING,
      }),
    );
    const earlier = text(tiny, STATE);
    const { run_id } = await submit(tiny);
    put(tiny.path, { [STATE]: earlier });
    expect(await submit(tiny)).toMatchObject({ run_id, already: true });
    await json(tiny, 'monitor');
    expect(state(tiny)).toMatchObject({ stage: 'slurm_monitor', last_run_id: run_id });
    put(tiny.iteration, { go: '' });
    await over(tiny);
  });
});
