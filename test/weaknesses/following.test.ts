import { existsSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { beyondRegistry } from '../../src/checks/registry-subset.ts';
import { policyOf } from '../../src/policies/load.ts';
import { presetNames } from '../../src/policies/preset-file.ts';
import { readWorkflow } from '../../src/runs/autolab/workflow.ts';
import type { Sight } from '../../src/runs/evidence/evidence.ts';
import { judgeTask, unseen } from '../../src/runs/evidence/evidence.ts';
import { TASK_OVER } from '../../src/runs/evidence/lifecycle.ts';
import { TIMINGS } from '../../src/runs/evidence/timings.ts';
import type { Marker } from '../../src/sites/job-script.ts';
import type { JobState, JobView } from '../../src/sites/schedulers/scheduler.ts';
import { requirementsSaid } from '../../src/tools/requirements.ts';
import { movesOf, readJsonFile } from '../support/artifacts.ts';
import { ROOT, until } from '../support/repo.ts';
import { SCRIPT } from '../support/tiny.ts';
import type { Looked } from './experiment.ts';
import {
  BATCH,
  both,
  clearUp,
  executions,
  experiment,
  FOLDER,
  failureOf,
  json,
  LAUNCH,
  launchWith,
  manifest,
  over,
  PARSED,
  put,
  runFolder,
  SBATCH,
  script,
  state,
  submit,
  text,
  WAITING,
} from './experiment.ts';

clearUp();

const PRESETS = join(ROOT, 'presets');

describe('the loop finishes out of the box', () => {
  test('W3: a, b, c, e: no remote profile, no command template: `run` alone goes to the metrics, and waiting costs nothing', async () => {
    const tiny = await experiment(both(PARSED, BATCH, { [SBATCH]: WAITING }));
    expect((await tiny.run(['run'])).exit).toBe(0);
    const before = state(tiny);
    expect(before).toMatchObject({ stage: 'slurm_monitor', stage_attempt: 0 });
    for (let look = 0; look < 5; look++) {
      const looked = await json<Looked>(tiny, 'run');
      expect(looked).toMatchObject({ all_over: false, next_look_seconds: 1 });
    }
    expect(state(tiny)).toEqual(before);
    put(tiny.iteration, { go: '' });
    await until('the stage is update_docs', async () => {
      const done = await tiny.run(['run']);
      if (done.exit !== 0) throw new Error(done.stderr);
      return state(tiny).stage === 'update_docs' || undefined;
    });
    const id = String(state(tiny).last_run_id);
    expect(movesOf(runFolder(tiny, id)).at(-1)).toBe('synced -> completed');
    expect(manifest(tiny, id)).toMatchObject({ status: 'completed', artifact_sync_to_local: { status: 'ok' } });
  });

  test('W3: d: a failed job ends with honest failed metrics, and the loop with it', async () => {
    const tiny = await experiment(both(PARSED, BATCH, { [SBATCH]: script('exit 7') }));
    const { run_id } = await submit(tiny);
    await over(tiny);
    expect((await tiny.run(['extract'])).exit).toBe(0);
    expect(readJsonFile(join(runFolder(tiny, run_id), 'metrics.json'))).toMatchObject({
      run_id,
      status: 'failed',
      primary_metric: { name: 'executions', value: null },
    });
    expect(text(tiny, `${FOLDER}/analysis/summary.md`)).toContain('exit code 7');
    expect(state(tiny)).toMatchObject({ stage: 'update_docs' });
  });

  test('W3: f: under every preset every stage can pass what the registry provides', async () => {
    const tiny = await experiment();
    const registry = readWorkflow(tiny.path);
    const presets = presetNames(PRESETS);
    const requiring = new Set<string>();
    for (const name of presets) {
      const { said } = requirementsSaid(policyOf(`policy_resolution: { default_preset: ${name} }\n`, PRESETS), registry);
      if (said.length > 0) requiring.add(name);
      expect([name, beyondRegistry(said, registry)]).toEqual([name, []]);
    }
    expect([...requiring]).toEqual(expect.arrayContaining(['ci_strict', 'integration_change', 'slurm']));
  });
});

const timings = TIMINGS.local ?? { visibility: 0, memory: null, grace: 0, lostLooks: 0, lostAfter: 0 };
const view = (state: JobState, word = state.toUpperCase()): JobView => ({
  ...{ id: '1', index: null, name: 'al_x.main.1.n', user: 'u', state, word, reason: null, blocked: false },
  ...{ exit: null, signal: null, node: null, submitted: 1, started: 2, ended: 3, estimatedStart: null, used: null },
});
const marker = (exit: number, signals: string[] = []): Marker => ({
  ...{ schema_version: '1', step: 'main', task: 0, attempt: 1, restart: 0, job_id: '1', node: 'n', exit, signals },
  ...{ started: 2, ended: 3, stdout: null, stderr: null },
});
const sight = (given: Partial<Sight>): Sight => ({
  view: undefined,
  marker: undefined,
  healthy: true,
  at: 1000,
  cancelled: false,
  ...given,
});
const verdict = (given: Partial<Sight>) => {
  const { state, failure } = judgeTask(unseen(0), sight(given), timings);
  return failure === null ? state : `${state}: ${failure}`;
};

/** Every word of a scheduler → without a marker, with a good one, with one of exit code 3. */
const WORDS: Record<JobState, [string, string, string]> = {
  pending: ['pending', 'pending', 'pending'],
  held: ['held', 'held', 'held'],
  suspended: ['suspended', 'suspended', 'suspended'],
  requeued: ['pending', 'pending', 'pending'],
  running: ['running', 'running', 'running'],
  completing: ['running', 'running', 'running'],
  completed: ['running', 'succeeded', 'failed: exit_code'],
  failed: ['failed: exit_code', 'failed: exit_code', 'failed: exit_code'],
  timeout: ['failed: time_limit', 'failed: time_limit', 'failed: time_limit'],
  cancelled: ['failed: cancelled', 'failed: cancelled', 'failed: cancelled'],
  out_of_memory: ['failed: out_of_memory', 'failed: out_of_memory', 'failed: out_of_memory'],
  node_failure: ['failed: node_failure', 'failed: node_failure', 'failed: node_failure'],
  preempted: ['failed: preempted', 'failed: preempted', 'failed: preempted'],
  dependency: ['failed: dependency', 'failed: dependency', 'failed: dependency'],
  unknown: ['unknown', 'unknown', 'unknown'],
};

describe('every word has its meaning, and no word is guessed', () => {
  test.each(Object.entries(WORDS) as [JobState, [string, string, string]][])('W4: %s', (state, expected) => {
    const seen = [undefined, marker(0), marker(3)].map((own) => verdict({ view: view(state), marker: own }));
    expect(seen).toEqual(expected);
  });

  test('W4: a word of no table is unknown and told, whatever it looks like', () => {
    for (const word of ['completely broken', 'COMPLETED by request of nobody', 'FAILED_OVER', 'R', ''])
      expect(judgeTask(unseen(0), sight({ view: view('unknown', word), marker: marker(0) }), timings)).toMatchObject({
        state: 'unknown',
        detail: `the scheduler says ${word}, which is in no table`,
      });
  });

  const sights = fc.record({
    view: fc.option(
      fc.constantFrom(...(Object.keys(WORDS) as JobState[])).map((state) => view(state)),
      { nil: undefined },
    ),
    marker: fc.option(fc.constantFrom(marker(0), marker(3), marker(0, ['TERM'])), { nil: undefined }),
    healthy: fc.boolean(),
    at: fc.integer({ min: 3, max: 5000 }),
    cancelled: fc.boolean(),
  });

  test('W4: a task that is over stays as it was, and a job that is gone is no success without its marker', () => {
    fc.assert(
      fc.property(fc.array(sights, { maxLength: 20 }), (looks) => {
        let before = unseen(0);
        for (const look of looks) {
          const after = judgeTask(before, look, timings);
          if (TASK_OVER.has(before.state)) expect(after).toEqual(before);
          else if (after.state === 'succeeded') expect(look.view?.state === 'completed' || look.marker?.exit === 0).toBe(true);
          if (!look.healthy && !look.view && !TASK_OVER.has(before.state)) expect(after.state).toBe(before.state);
          before = after;
        }
      }),
    );
  });

  test('W4: gone without a trace is unknown first, then failed as lost, never waited for for ever', () => {
    let task = { ...unseen(0), state: 'running' as const } as ReturnType<typeof unseen>;
    const seen: string[] = [];
    for (let at = 0; at <= timings.lostAfter + 10; at += 5) {
      task = judgeTask(task, sight({ at: 1000 + at }), timings);
      seen.push(task.failure === null ? task.state : `${task.state}: ${task.failure}`);
    }
    expect([...new Set(seen)]).toEqual(['unknown', 'failed: lost']);
  });

  test('W4: exit code, time limit and cancellation are told apart', async () => {
    const [exits, late, ended] = await Promise.all([
      experiment(both(BATCH, { [SBATCH]: script('exit 7') })),
      experiment(
        both(BATCH, { [SBATCH]: '#!/bin/sh\nsleep 600\n', [LAUNCH]: launchWith('resources: { walltime: "00:00:01" }') }),
      ),
      experiment(both(BATCH, { [SBATCH]: script('sleep 600') })),
    ]);
    const ids = await Promise.all([exits, late, ended].map(async (tiny) => (await submit(tiny)).run_id));
    expect((await ended.run(['cancel', ids[2] ?? ''])).exit).toBe(0);
    await Promise.all([exits, late, ended].map(over));
    expect(await Promise.all([exits, late, ended].map(failureOf))).toEqual([
      expect.objectContaining({
        state: 'failed',
        failure: expect.objectContaining({ class: 'exit_code', detail: 'exit code 7' }),
      }),
      expect.objectContaining({ state: 'failed', failure: expect.objectContaining({ class: 'time_limit' }) }),
      expect.objectContaining({ state: 'failed', failure: expect.objectContaining({ class: 'cancelled' }) }),
    ]);
  });

  test('W4: a job the scheduler has forgotten is unknown: no escalation, no second job, no results', async () => {
    const tiny = await experiment(both(BATCH, { [SBATCH]: `${SCRIPT}exec sleep 1\n` }));
    const { run_id } = await submit(tiny);
    await until(
      'the job is over',
      async () => existsSync(join(tiny.path, '.autolab/gate/runner/local/jobs/1/over')) || undefined,
    );
    rmSync(join(tiny.path, '.autolab/gate/runner/local/jobs/1'), { recursive: true });
    rmSync(join(runFolder(tiny, run_id), 'gate/exit'), { recursive: true });
    const before = state(tiny);
    const looked = await json<Looked & { runs: { tasks: unknown }[] }>(tiny, 'monitor');
    expect(looked).toMatchObject({ all_over: false, runs: [{ state: 'submitted', tasks: { unknown: 1 } }] });
    expect(await submit(tiny)).toMatchObject({ run_id, already: true });
    for (const tool of ['sync', 'extract'])
      expect(await tiny.run([tool])).toMatchObject({ exit: 1, stderr: expect.stringMatching(/^not_ready: /) });
    expect(state(tiny)).toEqual(before);
    expect(executions(tiny)).toHaveLength(1);
  });
});
