import { existsSync, unlinkSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { openContext, terminalCaller } from '../../src/context.ts';
import { callTool } from '../../src/tools/call.ts';
import { journalOf } from '../support/artifacts.ts';
import type { Tiny } from '../support/tiny.ts';
import { SCRIPT } from '../support/tiny.ts';
import type { Files } from './experiment.ts';
import {
  BATCH,
  both,
  clearUp,
  DESIGN,
  executions,
  experiment,
  jobs,
  killed,
  LAUNCH,
  launchWith,
  manifest,
  over,
  POLICY,
  policyWith,
  put,
  REVIEW,
  runFolder,
  runs,
  SCRIPT_FILE,
  STATE,
  state,
  submit,
  text,
  trace,
} from './experiment.ts';

clearUp();

const NAMED = '20260101T000000Z_abcdef';
const reviewed = { [POLICY]: policyWith('require: { review_pass: true }') };

describe('gates come before the act', () => {
  const cases: [string, Files, RegExp][] = [
    [
      'the review has failed',
      { [REVIEW]: (old) => old.replace('"status": "pass"', '"status": "failed"') },
      /deny +require\.review_pass/,
    ],
    ['there is no review', {}, /deny +require\.review_pass/],
    ['the review is torn', { [REVIEW]: '{"status": "pa' }, /deny +require\.review_pass/],
    [
      'design.yaml is not valid',
      { [DESIGN]: (old) => old.replace('mode: maximize', 'mode: best') },
      /^file_invalid: .*design\.yaml:8/,
    ],
    ['the policy forbids it', { [POLICY]: policyWith('acts: { submit: deny }') }, /deny +acts\.submit/],
  ];
  test.each(cases)('W1: %s: no submit and no step of the loop makes a job', async (what, files, words) => {
    const tiny = await experiment({ ...reviewed, ...files });
    if (what === 'there is no review') unlinkSync(join(tiny.path, REVIEW));
    for (const args of what === 'the review has failed'
      ? [['submit'], ['submit'], ['submit', '--again'], ['run']]
      : [['submit'], ['run']])
      expect(await tiny.run(args)).toMatchObject({ exit: 1, stdout: '', stderr: expect.stringMatching(words) });
    expect({ runs: runs(tiny), jobs: jobs(tiny), executions: executions(tiny) }).toEqual({ runs: [], jobs: [], executions: [] });
    expect(state(tiny)).toMatchObject({ stage: 'launch', last_run_id: '', pending_run_id: '' });
  });

  test('W1: an agent is refused by the same gate, and every refusal is in the audit log', async () => {
    const tiny = await experiment({ ...reviewed, [REVIEW]: (old) => old.replace('"status": "pass"', '"status": "failed"') });
    const context = openContext({ start: tiny.path });
    const agent = { ...terminalCaller(), surface: 'server' as const, client: 'agent/1' };
    for (let turn = 0; turn < 3; turn++) {
      const outcome = await callTool('submit_run', {}, agent, context);
      expect(outcome).toMatchObject({ kind: 'refused', decision: { verdict: 'deny' } });
    }
    await context.close();
    const lines = text(tiny, '.autolab/gate/audit.jsonl')
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as Record<string, unknown>);
    expect(lines.map(({ kind, tool, verdict }) => ({ kind, tool, verdict }))).toEqual(
      Array.from({ length: 3 }, () => ({ kind: 'decision', tool: 'submit_run', verdict: 'deny' })),
    );
    expect(jobs(tiny)).toEqual([]);
  });

  test('W1: what judges the plan runs before the submission, and a no of it leaves no run behind', async () => {
    const tiny = await experiment({
      [POLICY]: policyWith('allow: { commands: [[sh, check.sh]] }'),
      [LAUNCH]: launchWith('preflight: [[sh, check.sh]]'),
      'experiments/plan/tiny/check.sh': 'echo "the solver is not there" >&2\nexit 3\n',
    });
    for (let turn = 0; turn < 2; turn++)
      expect(await tiny.run(['submit'])).toMatchObject({
        exit: 1,
        stderr: expect.stringMatching(/require\.preflight[\s\S]*the solver is not there/),
      });
    expect({ runs: runs(tiny), jobs: jobs(tiny) }).toEqual({ runs: [], jobs: [] });
  });
});

describe('one plan is one job', () => {
  const journal = join('experiments/plan/tiny/runs', NAMED, 'gate/journal.jsonl');

  test('W2: a: killed between the scheduler’s yes and its record: the job is found by name and adopted', async () => {
    const tiny = await experiment();
    const cut = await killed(tiny, ['submit', '--run-id', NAMED], 'write', 2, join(tiny.path, journal));
    expect(cut.signal).toBe('SIGKILL');
    expect(journalOf(runFolder(tiny, NAMED)).map((row) => row.event)).toEqual(['intent']);
    expect(jobs(tiny)).toEqual(['1']);
    expect(await submit(tiny)).toMatchObject({ run_id: NAMED, job_id: '1', already: true });
    await over(tiny);
    expect({ runs: runs(tiny), jobs: jobs(tiny), executions: executions(tiny) }).toEqual({
      runs: [NAMED],
      jobs: ['1'],
      executions: [`${NAMED} 1`],
    });
  });

  test('W2: b: accepted, and the answer is lost: nothing is failed, nothing is submitted twice', async () => {
    const tiny = await experiment();
    // The scheduler's program dies after it has done its work and before it has said the number.
    put(tiny.path, { 'bin/mv': `#!/bin/sh\n/bin/mv "$@" || exit\ncase $* in *-T*runner/local/jobs/*) kill -9 $PPID ;; esac\n` });
    const env = { PATH: `${join(tiny.path, 'bin')}:${process.env.PATH ?? ''}` };
    const first = await tiny.run(['submit', '--json'], { env });
    expect(first).toMatchObject({ exit: 0 });
    const run = JSON.parse(first.stdout) as { run_id: string; job_id: string };
    expect(run.job_id).toBe('1');
    expect(journalOf(runFolder(tiny, run.run_id)).map((row) => row.event)).toEqual([
      ...['intent', 'ambiguous', 'submitted', 'moved', 'read_back', 'releasing', 'released'],
    ]);
    expect(await submit(tiny)).toMatchObject({ run_id: run.run_id, job_id: '1', already: true });
    await over(tiny);
    expect(executions(tiny)).toEqual([`${run.run_id} 1`]);
  });

  test('W2: c: killed between manifest and state: the same run, also in a later cycle of the same state', async () => {
    const tiny = await killedAtState();
    expect(manifest(tiny, NAMED)).toMatchObject({ job_id: '1' });
    expect(state(tiny)).toMatchObject({ stage: 'launch', last_run_id: '20250101T000000Z_000000' });
    expect(await submit(tiny)).toMatchObject({ run_id: NAMED, job_id: '1', already: true });
    await over(tiny);
    expect(state(tiny)).toMatchObject({ last_run_id: NAMED });
    expect({ jobs: jobs(tiny), executions: executions(tiny) }).toEqual({ jobs: ['1'], executions: [`${NAMED} 1`] });
  });

  test('W2: d: replicates of an array are one job, so that none of them can be left over', async () => {
    const tiny = await experiment({
      [DESIGN]: (old) => old.replace('baselines:', 'replicates: { count: 3 }\nbaselines:'),
      [LAUNCH]: 'schema_version: "1"\nsite: local\narray: { indices: "0-2" }\n',
      [SCRIPT_FILE]: SCRIPT.replace('$AUTOLAB_ATTEMPT', '$AUTOLAB_ATTEMPT $AUTOLAB_TASK_INDEX'),
    });
    await killed(tiny, ['submit', '--run-id', NAMED], 'write', 2, join(tiny.path, journal));
    expect(await submit(tiny)).toMatchObject({ run_id: NAMED, job_id: '1', already: true });
    await over(tiny);
    expect(jobs(tiny)).toEqual(['1']);
    expect(executions(tiny).sort()).toEqual([0, 1, 2].map((index) => `${NAMED} 1 ${index}`));
  });

  test('W2: e, f: what fails or passes after the submission, and a review that passes again, submit nothing', async () => {
    const tiny = await experiment(reviewed);
    const { run_id } = await submit(tiny);
    await over(tiny);
    put(tiny.path, { [REVIEW]: (old) => old.replace('"status": "pass"', '"status": "failed"') });
    expect((await tiny.run(['verify', '--stage', 'launch'])).exit).toBe(1);
    expect(await submit(tiny)).toMatchObject({ run_id, already: true });
    // What `review --status pass` of the reference does: back to launch, as if nothing had been launched.
    put(tiny.path, {
      [REVIEW]: (old) => old.replace('"status": "failed"', '"status": "pass"'),
      [STATE]: (old) => JSON.stringify({ ...(JSON.parse(old) as object), stage: 'launch', stage_attempt: 0, pending_run_id: '' }),
    });
    expect(await submit(tiny)).toMatchObject({ run_id, already: true });
    expect((await tiny.run(['run'])).exit).toBe(0);
    expect({ runs: runs(tiny), jobs: jobs(tiny), executions: executions(tiny) }).toEqual({
      runs: [run_id],
      jobs: ['1'],
      executions: [`${run_id} 1`],
    });
  });

  test('W2: g: the scheduler itself knows which run a job is of', async () => {
    const tiny = await experiment();
    const { run_id } = await submit(tiny);
    const spec = text(tiny, '.autolab/gate/runner/local/jobs/1/spec');
    const name = journalOf(runFolder(tiny, run_id))[0]?.name;
    expect(name).toMatch(new RegExp(`^al_${run_id.toLowerCase()}\\.main\\.1\\.[0-9a-z]+$`));
    expect(spec).toContain(`name=${name}\n`);
    expect(spec).toMatch(new RegExp(`^comment=.*${run_id}`, 'm'));
  });
});

/** A submission that was killed as it was to put its state in place; a slow one makes a rename more, since it notes that it is late. */
async function killedAtState(): Promise<Tiny> {
  const later = both(BATCH, {
    [STATE]: (old) =>
      old
        .replace('"stage_attempt": 0', '"stage_attempt": 2')
        .replace('"last_run_id": ""', '"last_run_id": "20250101T000000Z_000000"'),
  });
  const renames = await trace(await experiment(later), ['submit'], 'rename');
  const nth = renames.findIndex((line) => line.includes('/state.json")')) + 1;
  expect(nth).toBeGreaterThan(0);
  for (const here of [nth, nth + 1, nth - 1, nth, nth + 1, nth - 1]) {
    const tiny = await experiment(later);
    const cut = await killed(tiny, ['submit', '--run-id', NAMED], 'rename', here);
    const file = join(runFolder(tiny, NAMED), 'run_manifest.json');
    const isBetween = existsSync(file) && manifest(tiny, NAMED).job_id === '1' && state(tiny).stage === 'launch';
    if (cut.signal === 'SIGKILL' && isBetween) return tiny;
  }
  throw new Error(`no submission was killed at its rename ${nth}`);
}
