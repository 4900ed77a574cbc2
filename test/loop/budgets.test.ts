import { existsSync, readdirSync, readFileSync, unlinkSync, writeFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, expect, test } from 'vitest';
import { referenceFindings } from '../reference-schemas/reference.ts';
import { journalOf, readJsonFile } from '../support/artifacts.ts';
import { until } from '../support/repo.ts';
import type { Tiny } from '../support/tiny.ts';
import { forgetTemplate, makeTiny, TINY_POLICY } from '../support/tiny.ts';
import { call, callThrough } from '../tools/calling.ts';

let tiny: Tiny | undefined;
afterEach(() => {
  tiny?.remove();
  tiny = undefined;
});
afterAll(forgetTemplate);

const autolab = (path: string, name: string) => join(path, '.autolab', name);
const stateOf = (path: string) => readJsonFile(autolab(path, 'state.json'));
const setState = (path: string, change: Record<string, unknown>) =>
  writeFileSync(autolab(path, 'state.json'), JSON.stringify({ ...stateOf(path), ...change }));
const policy = (path: string, text: string) => writeFileSync(autolab(path, 'verifier_policy.yaml'), `${TINY_POLICY}${text}`);
const script = (path: string, text: string) =>
  writeFileSync(join(path, 'experiments', 'plan', 'tiny', 'launch', 'run_local.sh'), text, { mode: 0o755 });

/** advance_run until the stage is this one; every step must be done. */
const advanceTo = (path: string, stage: string) =>
  until(`stage ${stage}`, async () => {
    const outcome = await callThrough(path, 'advance_run');
    if (outcome.kind !== 'done') throw new Error(outcome.text);
    return stateOf(path).stage === stage || undefined;
  });

test('failures that need a change are counted; at the budget the stage is human_review, with the packet', async () => {
  tiny = await makeTiny((path) => {
    policy(path, 'retry_policy_by_stage: { launch: { max_retries: 3 } }\n');
    script(path, '#!/bin/sh\nsbatch other.sh\n');
  });
  const { path } = tiny;
  const detail = expect.stringMatching(/^script_submits: .*run_local\.sh line 2 calls sbatch/);
  for (const attempt of [1, 2]) {
    const outcome = await call(path, 'advance_run');
    expect(outcome).toMatchObject({ kind: 'failed', failure: { code: 'script_submits' } });
    expect(outcome.text).toContain(`Attempt ${attempt} of 3 at stage launch`);
    expect(stateOf(path)).toMatchObject({ stage: 'launch', stage_attempt: attempt });
    expect(readJsonFile(autolab(path, 'agent_result.json'))).toEqual({
      status: 'needs_retry',
      summary: expect.stringMatching(new RegExp(`; retrying stage launch \\(${attempt}/3\\)$`)),
      changed_files: [autolab(path, 'state.json'), autolab(path, 'agent_result.json')],
      completion_token_seen: true,
    });
  }
  expect(existsSync(autolab(path, 'escalation_packet.json'))).toBe(false);
  const last = await call(path, 'advance_run');
  expect(last.text).toContain('the retry budget is used up and the stage is human_review now');
  const state = stateOf(path);
  expect(referenceFindings('state', state)).toEqual([]);
  expect(state).toMatchObject({ stage: 'human_review', stage_attempt: 3 });
  expect((state.history as unknown[]).at(-1)).toEqual({
    timestamp_utc: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/),
    stage_before: 'launch',
    stage_after: 'human_review',
    status: 'failed',
    summary: expect.stringMatching(/; retry budget exhausted \(3\/3\), escalating to human_review$/),
    stage_attempt: 3,
  });
  expect(readJsonFile(autolab(path, 'escalation_packet.json'))).toEqual({
    escalated_at: expect.stringMatching(/Z$/),
    stage: 'launch',
    stage_attempt: 3,
    max_retries: 3,
    last_failures: [detail, detail, detail],
    history: [
      expect.stringMatching(/^launch -> launch: script_submits.*\(1\/3\)$/),
      expect.stringMatching(/^launch -> launch: script_submits.*\(2\/3\)$/),
    ],
  });
  expect(readJsonFile(autolab(path, 'agent_result.json'))).toMatchObject({
    status: 'failed',
    changed_files: [autolab(path, 'state.json'), autolab(path, 'escalation_packet.json'), autolab(path, 'agent_result.json')],
  });
  // At human_review nothing goes on by itself, and nothing is counted.
  const stopped = await call(path, 'advance_run');
  expect(stopped).toMatchObject({ kind: 'failed', failure: { code: 'not_ready', next: expect.stringContaining('a person') } });
  expect(stateOf(path)).toEqual(state);
});

test('without a policy for the stage the budget is that of state.json; a success begins anew', async () => {
  tiny = await makeTiny((path) => {
    setState(path, { max_stage_attempts: 2 });
    policy(path, '  require: { review_pass: true }\n');
    unlinkSync(join(path, 'experiments', 'plan', 'tiny', 'review_result.json'));
  });
  const { path, iteration } = tiny;
  // A refusal that needs a change is an attempt.
  const refused = await call(path, 'advance_run');
  expect(refused).toMatchObject({ kind: 'refused' });
  expect(stateOf(path)).toMatchObject({
    stage: 'launch',
    stage_attempt: 1,
    history: [
      expect.objectContaining({
        status: 'failed',
        summary: expect.stringMatching(/^refused: .*require\.review_pass.*\(1\/2\)$/),
      }),
    ],
  });
  writeFileSync(join(iteration, 'review_result.json'), REVIEW);
  expect(await call(path, 'advance_run')).toMatchObject({ kind: 'done' });
  expect(stateOf(path)).toMatchObject({ stage: 'slurm_monitor', stage_attempt: 0 });
  expect(readJsonFile(autolab(path, 'agent_result.json'))).toMatchObject({ status: 'complete' });
});

test('a person, a lock, a crowded queue and a broken policy are no attempts', async () => {
  tiny = await makeTiny((path) => policy(path, '  acts: { submit: ask }\n'));
  const { path } = tiny;
  const before = stateOf(path);
  expect(await call(path, 'advance_run')).toMatchObject({ kind: 'pending' });
  policy(path, '    jobs: { active: 0 }\n');
  expect(await call(path, 'advance_run')).toMatchObject({ kind: 'refused' });
  writeFileSync(autolab(path, 'verifier_policy.yaml'), 'gate: {\n');
  expect(await call(path, 'advance_run')).toMatchObject({ kind: 'refused' });
  expect(stateOf(path)).toEqual(before);
  expect(existsSync(autolab(path, 'agent_result.json'))).toBe(false);
});

test('an attempt that cannot be written down is told beside what happened', async () => {
  tiny = await makeTiny((path) => {
    script(path, '#!/bin/sh\nsbatch other.sh\n');
    writeFileSync(autolab(path, 'lock'), LOCK);
  });
  const outcome = await call(tiny.path, 'advance_run');
  expect(outcome).toMatchObject({ kind: 'failed', failure: { code: 'script_submits' } });
  expect(outcome.text).toMatch(/could not be written down: .*lock is held by process/);
  expect(stateOf(tiny.path)).toMatchObject({ stage: 'launch', stage_attempt: 0 });
});

test('W3d: a script that fails goes through the loop to failed metrics and update_docs', async () => {
  tiny = await makeTiny((path) => script(path, '#!/bin/sh\n#SBATCH --time=00:01:00\necho no >&2\nexit 9\n'));
  const { path, iteration } = tiny;
  await advanceTo(path, 'update_docs');
  const state = stateOf(path);
  const run = join(iteration, 'runs', String(state.last_run_id));
  expect(readJsonFile(join(run, 'run_manifest.json'))).toMatchObject({ status: 'failed', failure: { class: 'exit_code' } });
  const metrics = readJsonFile(join(run, 'metrics.json'));
  expect(referenceFindings('metrics', metrics)).toEqual([]);
  expect(metrics).toMatchObject({ status: 'failed', primary_metric: { name: 'executions', value: null } });
  expect(readFileSync(join(iteration, 'analysis', 'summary.md'), 'utf8')).toMatch(/exit code 9[\s\S]*missing evidence/);
  expect((state.history as { stage_after: string }[]).map((one) => one.stage_after)).toEqual([
    'slurm_monitor',
    'extract_results',
    'update_docs',
  ]);
  expect(state).toMatchObject({ stage_attempt: 0, repeat_guard: { update_docs_cycle_count: 1 } });
});

test('W2: a job that the scheduler refuses at launch goes on to failed metrics, and is not submitted again', async () => {
  tiny = await makeTiny((path) => {
    // The runner of this machine has one node; its own test of the job, which would say so before, is switched off.
    policy(path, '    per_job: { nodes: 2 }\n  require: { preflight: false }\n');
    const launch = join(path, 'experiments', 'plan', 'tiny', 'launch', 'launch.yaml');
    writeFileSync(launch, 'schema_version: "1"\nsite: local\nresources: { nodes: 2 }\n');
  });
  const { path, iteration } = tiny;
  expect(await call(path, 'advance_run')).toMatchObject({
    kind: 'done',
    data: { state: 'failed', job_id: null, note: expect.stringContaining('2 nodes, and this runner has one') },
  });
  expect(stateOf(path)).toMatchObject({ stage: 'extract_results', stage_attempt: 0, pending_run_id: '' });
  await advanceTo(path, 'update_docs');
  const runs = readdirSync(join(iteration, 'runs'));
  expect(runs).toEqual([stateOf(path).last_run_id]);
  const run = join(iteration, 'runs', String(runs[0]));
  expect(journalOf(run).filter((row) => row.event === 'intent')).toHaveLength(1);
  const manifest = readJsonFile(join(run, 'run_manifest.json'));
  expect(manifest).toMatchObject({ status: 'failed', failure: { class: 'launch' } });
  expect(readJsonFile(join(run, 'metrics.json'))).toMatchObject({ status: 'failed', primary_metric: { value: null } });
});

test('W12: an array of which one task fails is partial, and its metrics are', async () => {
  tiny = await makeTiny((path) => {
    policy(path, '  allow: { commands: [[node, parse.mjs]] }\n');
    const iteration = join(path, 'experiments', 'plan', 'tiny');
    script(path, '#!/bin/sh\n#SBATCH --time=00:01:00\n[ "$AUTOLAB_TASK_INDEX" != 1 ] || exit 1\ntrue\n');
    writeFileSync(join(iteration, 'launch', 'launch.yaml'), 'schema_version: "1"\nsite: local\narray: { indices: "0-2" }\n');
    const design = readFileSync(join(iteration, 'design.yaml'), 'utf8');
    writeFileSync(
      join(iteration, 'design.yaml'),
      design.replace('cat metrics.json', 'node parse.mjs {run_id}').replace('location: local', 'location: slurm'),
    );
    writeFileSync(join(iteration, 'launch', 'run_slurm.sbatch'), readFileSync(join(iteration, 'launch', 'run_local.sh')), {
      mode: 0o755,
    });
    writeFileSync(join(path, 'parse.mjs'), PARSER);
  });
  const { path, iteration } = tiny;
  await advanceTo(path, 'update_docs');
  const id = String(stateOf(path).last_run_id);
  const manifest = readJsonFile(join(iteration, 'runs', id, 'run_manifest.json'));
  expect(referenceFindings('run_manifest', manifest)).toEqual([]);
  expect(manifest).toMatchObject({
    status: 'partial',
    tasks: { total: 3, succeeded: 2, failed: 1 },
    artifact_sync_to_local: { status: 'ok' },
  });
  expect(readJsonFile(join(iteration, 'runs', id, 'metrics.json'))).toMatchObject({
    status: 'partial',
    primary_metric: { value: 2 },
  });
});

test('the loop stops at the policy’s guardrail instead of coming to update_docs once more', async () => {
  tiny = await makeTiny((path) => {
    policy(path, 'autorun: { guardrails: { max_update_docs_cycles: 2, on_breach: stop } }\n');
    script(path, '#!/bin/sh\n#SBATCH --time=00:01:00\nexit 1\n');
    setState(path, { repeat_guard: { update_docs_cycle_count: 2, last_decision: 'design', of_others: 1 } });
  });
  const { path } = tiny;
  await advanceTo(path, 'stop');
  const state = stateOf(path);
  expect(referenceFindings('state', state)).toEqual([]);
  expect(state).toMatchObject({
    stage_attempt: 0,
    repeat_guard: { update_docs_cycle_count: 3, last_decision: 'design', of_others: 1 },
  });
  expect((state.history as unknown[]).at(-1)).toMatchObject({
    stage_before: 'extract_results',
    stage_after: 'stop',
    status: 'blocked',
    summary: expect.stringContaining('update_docs_cycle'),
  });
  expect(readJsonFile(autolab(path, 'guardrail_breach.json'))).toEqual({
    breached_at: expect.stringMatching(/Z$/),
    rule: 'update_docs_cycle',
    counters: { update_docs_cycle_count: 3, max_update_docs_cycles: 2 },
    stage: 'extract_results',
    remediation: expect.stringContaining('update_docs_cycle_count to 0'),
  });
});

test('what the Python Autolab keeps in state.json stays there', async () => {
  const theirs = {
    assistant_mode: 'on',
    current_task_id: 't1',
    task_cycle_stage: 'verify',
    paper_targets: ['paper/a.tex'],
    task_change_baseline: { 'a.py': 'sha' },
    slurm_monitor_no_progress: { signature: 's', count: 1 },
    of_a_later_version: { nested: [1] },
  };
  tiny = await makeTiny((path) => {
    setState(path, theirs);
    script(path, '#!/bin/sh\n#SBATCH --time=00:01:00\nexit 1\n');
  });
  await advanceTo(tiny.path, 'update_docs');
  const state = stateOf(tiny.path);
  expect(state).toMatchObject(theirs);
  setState(tiny.path, { stage: 'launch' });
  script(tiny.path, '#!/bin/sh\nsbatch other.sh\n');
  await call(tiny.path, 'advance_run');
  expect(stateOf(tiny.path)).toMatchObject({ ...theirs, stage_attempt: 1 });
});

test('as a person types it: the count beside the failure, and exit 1', async () => {
  tiny = await makeTiny((path) => script(path, '#!/bin/sh\nsbatch other.sh\n'));
  const done = await tiny.run(['run']);
  expect(done).toMatchObject({ exit: 1, stdout: '' });
  expect(done.stderr).toMatch(/^script_submits: [\s\S]*\nAttempt 1 of 5 at stage launch: /);
});

test.each([
  ['decide_repeat', /decide whether to repeat/],
  ['implementation_review', /have the implementation reviewed/],
  ['hypothesis', /hypothesis with your own means/],
  ['stop', /the experiment is closed/],
])('at %s it says what comes next, and what the policy names', async (stage, words) => {
  tiny = await makeTiny((path) => {
    setState(path, { stage });
    policy(
      path,
      'autorun:\n  todo_fallback:\n    local: { stage: design, scope: experiment, text: Try a smaller step. }\n    slurm: { text: not this }\n',
    );
  });
  const outcome = await call(tiny.path, 'advance_run');
  expect(outcome).toMatchObject({ kind: 'failed', failure: { code: 'not_ready', next: expect.stringMatching(words) } });
  expect(outcome.text).toContain('todo_fallback for local says: Try a smaller step. (stage design, scope experiment)');
  expect(outcome.text).not.toContain('not this');
  expect(stateOf(tiny.path)).toMatchObject({ stage, stage_attempt: 0 });
});

const REVIEW = JSON.stringify({
  status: 'pass',
  blocking_findings: [],
  required_checks: { tests: 'pass', dry_run: 'skip', schema: 'pass', env_smoke: 'pass', docs_target_update: 'skip' },
  reviewed_at: '2026-01-01T00:00:00Z',
});
const LOCK = JSON.stringify({
  pid: process.pid,
  host: hostname(),
  owner_uuid: 'u',
  started_at: new Date().toISOString(),
  last_heartbeat_at: new Date().toISOString(),
  started_monotonic: 1,
  last_heartbeat_monotonic: 1,
  command: 'autolab run',
  state_file: 'state.json',
});
const PARSER = `const metrics = { schema_version: '1.0', iteration_id: 'tiny', run_id: process.argv[2], status: 'completed', primary_metric: { name: 'executions', value: 2, delta_vs_baseline: null } };
console.log(JSON.stringify({ metrics }));
`;
