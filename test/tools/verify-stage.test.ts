import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, expect, test } from 'vitest';
import type { Changes } from '../checks/iteration.ts';
import { FINISHED, ITERATION, RUN } from '../checks/iteration.ts';
import { call, callThrough, initialise, removeInitialised } from './calling.ts';

afterEach(removeInitialised);

const TIME = expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/);
const resultOf = (repo: string): unknown => JSON.parse(readFileSync(join(repo, '.autolab', 'verification_result.json'), 'utf8'));
const logsOf = (repo: string): string[] => readdirSync(join(repo, '.autolab', 'logs')).sort();

/** A policy that runs commands at the review, where the registry provides them. */
const policy = (text: string): Changes => ({
  '.autolab/verifier_policy.yaml': `requirements_by_stage:\n  implementation_review: { tests: true, dry_run: true }\n${text}`,
  '.autolab/workflow.yaml': (old) => old.replace(/(implementation_review:[\s\S]*?tests: )false/, '$1true'),
});

test('a good stage before its launch: every check passes, and the result is where Autolab looks for it', async () => {
  const repo = initialise();
  const outcome = await call(repo, 'verify_stage', {});
  expect(outcome).toMatchObject({ kind: 'done', exit: 0, faults: [] });
  if (outcome.kind !== 'done') return;
  const codes = (outcome.data.checks as { code: string; status: string }[]).map(({ code, status }) => `${status} ${code}`);
  expect(codes).toEqual([
    'pass design_valid',
    'pass launch_file_valid',
    'pass script_ready',
    'pass site_known',
    'pass review_passed',
    'pass no_placeholders',
    'pass line_limits',
    'pass registry_subset',
    'pass manifest_valid',
    'pass journal_agrees',
    'pass host_mode_agrees',
    'pass identities_agree',
    'pass run_health',
    'pass sync_status',
    'pass ledger_row',
  ]);
  expect(outcome.data).toMatchObject({
    stage: 'launch',
    run_id: null,
    passed: true,
    message: 'verification passed (15 command(s)); left to the Python Autolab: prompt_lint',
    commands: [],
    result_file: '.autolab/verification_result.json',
  });
  const details = {
    stage: 'launch',
    requirements: {
      tests: false,
      dry_run: false,
      schema: true,
      prompt_lint: true,
      consistency: true,
      env_smoke: true,
      docs_target_update: false,
    },
    commands: expect.any(Array),
  };
  const shared = {
    generated_at: TIME,
    stage_requested: '',
    stage_effective: 'launch',
    passed: true,
    message: outcome.data.message,
    details,
  };
  expect(resultOf(repo)).toEqual({ iteration_id: 'penguins-softmax', experiment_id: 'exp1', state_stage: 'launch', ...shared });
  const [log] = logsOf(repo);
  expect(log).toMatch(/^verification_\d{8}T\d{6}Z_launch\.json$/);
  const logged: unknown = JSON.parse(readFileSync(join(repo, '.autolab', 'logs', log ?? ''), 'utf8'));
  expect(logged).toEqual({ state_file: join(repo, '.autolab', 'state.json'), ...shared });
});

test('a check in the result file has the form of a verifier of the reference', async () => {
  const repo = initialise(FINISHED, { 'docs/slurm_job_list.md': '# SLURM job list\n' });
  const outcome = await call(repo, 'verify_stage', { stage: 'slurm_monitor' });
  expect(outcome).toMatchObject({ kind: 'done', exit: 1, data: { stage: 'slurm_monitor', run_id: RUN, passed: false } });
  const error = `docs/slurm_job_list.md: run ${RUN} is not listed`;
  const result = resultOf(repo) as { details: { commands: { name: string }[] } };
  expect(result).toMatchObject({ stage_requested: 'slurm_monitor', message: `verification failed: ${error}` });
  expect(result.details.commands.find(({ name }) => name === 'ledger_row')).toEqual({
    name: 'ledger_row',
    command: 'autolab-mcp check ledger_row',
    status: 'fail',
    returncode: 1,
    duration_seconds: 0,
    stdout: '',
    stderr: error,
    detail: error,
    structured: {
      status: 'fail',
      verifier: 'ledger_row',
      stage: 'slurm_monitor',
      checks: [{ name: error, status: 'fail', detail: error }],
      errors: [error],
    },
  });
});

test('the answer in words: what failed comes first, each with what to do', async () => {
  const repo = initialise({
    [`${ITERATION}/design.yaml`]: (old) => old.replace('gpu_count: 0', 'gpu_count: some'),
    '.autolab/verifier_policy.yaml': 'template_fill: { enabled: false }\n',
  });
  const outcome = await call(repo, 'verify_stage', { stage: 'launch' });
  expect(outcome.text.split('\n').slice(0, 4)).toEqual([
    'Stage launch of penguins-softmax: FAILED.',
    'FAIL design_valid (wanted: design.yaml is valid and about this iteration)',
    expect.stringMatching(new RegExp(`^ {2}${ITERATION}/design\\.yaml:13: compute\\.gpu_count is "some"; expected a number`)),
    `  → change compute.gpu_count (${ITERATION}/design.yaml:13:14)`,
  ]);
  expect(outcome.text).toContain('not required by the policy: no_placeholders, line_limits');
});

test('the stage is never guessed', async () => {
  const repo = initialise({ '.autolab/state.json': (old) => old.replace('"launch"', '"design"') });
  expect(await call(repo, 'verify_stage')).toMatchObject({
    kind: 'failed',
    exit: 2,
    failure: {
      code: 'usage',
      what: '.autolab/state.json is at stage design, which is not verified here',
      next: 'name one: --stage implementation_review, --stage launch, --stage slurm_monitor, --stage extract_results',
    },
  });
  expect(await call(repo, 'verify_stage', { stage: 'lunch' })).toMatchObject({
    kind: 'failed',
    exit: 2,
    failure: { code: 'usage' },
  });
});

test('a review that the policy does not require before a launch is not judged there', async () => {
  const repo = initialise({
    [`${ITERATION}/review_result.json`]: null,
    '.autolab/verifier_policy.yaml': 'gate: { require: { review_pass: false } }\n',
  });
  const outcome = await call(repo, 'verify_stage', { stage: 'launch' });
  expect(outcome).toMatchObject({ kind: 'done', exit: 0 });
  expect(outcome.text).toContain('not required by the policy: review_passed');
});

test('required commands of the policy run in the repository, with Autolab’s placeholders filled in', async () => {
  const repo = initialise(
    policy(
      'test_command: sh scripts/check.sh "two words" <ITERATION_ID>\ndry_run_command: [sh, scripts/check.sh, "{{iteration_path}}"]\n',
    ),
    { 'scripts/check.sh': 'pwd\nfor word do echo "[$word]"; done\n' },
  );
  const outcome = await callThrough(repo, 'verify_stage', { stage: 'implementation_review' });
  expect(outcome).toMatchObject({
    kind: 'done',
    exit: 0,
    data: {
      passed: true,
      commands: [
        {
          name: 'tests',
          command: 'sh scripts/check.sh "two words" <ITERATION_ID>',
          status: 'pass',
          exit: 0,
          stdout: `${repo}\n[two words]\n[penguins-softmax]\n`,
        },
        {
          name: 'dry_run',
          command: 'sh scripts/check.sh {{iteration_path}}',
          status: 'pass',
          exit: 0,
          stdout: `${repo}\n[${ITERATION}]\n`,
        },
      ],
    },
  });
});

test('a command that fails ends the verification, with its words as data', async () => {
  const repo = initialise(policy('test_command: sh scripts/fail.sh\ndry_run_command: touch ran\n'), {
    'scripts/fail.sh': 'echo oops >&2\nexit 3\n',
  });
  const outcome = await callThrough(repo, 'verify_stage', { stage: 'implementation_review' });
  expect(outcome).toMatchObject({
    kind: 'done',
    exit: 1,
    data: {
      passed: false,
      message: 'verification failed: tests ended with exit code 3',
      commands: [{ name: 'tests', status: 'fail', exit: 3, stderr: 'oops\n' }],
    },
  });
  expect(outcome.text).toMatch(/<untrusted-tests-[0-9a-f]{16}>\noops\n/);
  expect(existsSync(join(repo, 'ran'))).toBe(false);
});

test.each([
  ['test_command: ""\n', 'tests is required at implementation_review, and the policy has no test_command'],
  [
    'test_command: pytest | tee log\n',
    'test_command: cannot be read as words from " | tee log": no shell runs it, so | & ; < > ( ) $ and backticks mean nothing',
  ],
  [
    'test_command: pytest {{data}}\n',
    'test_command: it has {{data}}; known are {{python_bin}}, {{iteration_id}}, {{iteration_path}}',
  ],
])('a command that cannot be run is a failure in clear words: %s', async (command, words) => {
  const repo = initialise(policy(command));
  const outcome = await call(repo, 'verify_stage', { stage: 'implementation_review' });
  expect(outcome).toMatchObject({
    kind: 'done',
    exit: 1,
    data: { commands: [{ name: 'tests', status: 'error', exit: null, findings: [{ what: words }] }] },
  });
});

test('no command runs while a file is bad', async () => {
  const repo = initialise(policy('test_command: touch ran\ndry_run_command: touch ran\n'), {
    [`${ITERATION}/design.yaml`]: null,
  });
  expect(await call(repo, 'verify_stage', { stage: 'implementation_review' })).toMatchObject({
    kind: 'done',
    exit: 1,
    data: { commands: [] },
  });
  expect(existsSync(join(repo, 'ran'))).toBe(false);
});

test('while a command still runs the call says so, and the same call goes on without running anything twice', async () => {
  const repo = initialise(policy('test_command: sh scripts/count.sh\ndry_run_command: sh scripts/wait.sh\n'), {
    'scripts/count.sh': 'echo once >>counted\n',
    'scripts/wait.sh': 'until [ -e go ]; do sleep 0.1; done\necho waited >>counted\n',
  });
  expect(await call(repo, 'verify_stage', { stage: 'implementation_review' })).toMatchObject({
    kind: 'running',
    what: expect.stringMatching(/^dry_run of stage implementation_review: sh scripts\/wait\.sh$/),
  });
  expect(existsSync(join(repo, '.autolab', 'verification_result.json'))).toBe(false);
  writeFileSync(join(repo, 'go'), '');
  expect(await callThrough(repo, 'verify_stage', { stage: 'implementation_review' })).toMatchObject({ kind: 'done', exit: 0 });
  expect(readFileSync(join(repo, 'counted'), 'utf8')).toBe('once\nwaited\n');
});

test('of the results in the logs the newest 200 are kept', async () => {
  const repo = initialise();
  mkdirSync(join(repo, '.autolab', 'logs'));
  const old = Array.from({ length: 205 }, (_, at) => `verification_20200101T000${String(at).padStart(3, '0')}Z_launch.json`);
  for (const name of [...old, 'orchestrator.log']) writeFileSync(join(repo, '.autolab', 'logs', name), '');
  await call(repo, 'verify_stage');
  expect(logsOf(repo)).toEqual(['orchestrator.log', ...old.slice(6), expect.stringMatching(/^verification_20[2-9]/)]);
});
