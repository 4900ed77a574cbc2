import { appendFileSync, existsSync, mkdtempSync, readFileSync, rmSync, symlinkSync, unlinkSync, writeFileSync } from 'node:fs';
import { hostname, tmpdir } from 'node:os';
import { join } from 'node:path';
import { execa } from 'execa';
import { afterAll, afterEach, describe, expect, test } from 'vitest';
import { MAIN } from '../support/repo.ts';
import type { Tiny } from '../support/tiny.ts';
import { forgetTemplate, makeTiny } from '../support/tiny.ts';

let tiny: Tiny | undefined;
afterEach(() => {
  tiny?.remove();
  tiny = undefined;
});
afterAll(forgetTemplate);

const at = (path: string, ...names: string[]) => join(path, 'experiments', 'plan', 'tiny', ...names);
const all =
  (...edits: ((path: string) => void)[]) =>
  (path: string) => {
    for (const edit of edits) edit(path);
  };
const gone =
  (...names: string[]) =>
  (path: string) =>
    unlinkSync(at(path, ...names));
const launchYaml = (text: string) => (path: string) =>
  writeFileSync(at(path, 'launch', 'launch.yaml'), `schema_version: "1"\nsite: local\n${text}`);
const script = (text: string) => (path: string) => writeFileSync(at(path, 'launch', 'run_local.sh'), text, { mode: 0o755 });
const design = (from: string | RegExp, to: string) => (path: string) =>
  writeFileSync(at(path, 'design.yaml'), readFileSync(at(path, 'design.yaml'), 'utf8').replace(from, to));

/** What is wrong → the exit code, the failure's code, and words that must be in it: the value, and where. */
const CASES: [string, (path: string) => void, number, RegExp][] = [
  ['design.yaml is missing', (path) => unlinkSync(at(path, 'design.yaml')), 1, /^file_missing: .*design\.yaml[\s\S]*next: /],
  ['design.yaml is empty', (path) => writeFileSync(at(path, 'design.yaml'), ''), 1, /^file_invalid: .*design\.yaml/],
  [
    'design.yaml is torn',
    (path) => writeFileSync(at(path, 'design.yaml'), 'schema_version: "1.0"\nid: {'),
    1,
    /^file_invalid: .*design\.yaml:\d+/,
  ],
  ['an unquoted walltime', design('"00:01:00"', '12:00:00'), 1, /^file_invalid: .*design\.yaml:6.*43200/],
  ['an unknown key in design.yaml', design('compute: {', 'compute: { gpus: 4,'), 1, /^file_invalid: .*design\.yaml:6.*gpus/],
  ['an unknown key in launch.yaml', launchYaml('resource: { cpus: 2 }\n'), 1, /^file_invalid: .*launch\.yaml:3.*resource/],
  [
    'a newer launch.yaml',
    (path) => writeFileSync(at(path, 'launch', 'launch.yaml'), 'schema_version: "2"\n'),
    1,
    /^file_newer: /,
  ],
  [
    'launch.yaml sets SBATCH_*',
    launchYaml('environment: { set: { SBATCH_ARRAY_INX: "0-99" } }\n'),
    1,
    /^file_invalid: .*launch\.yaml:3.*SBATCH_ARRAY_INX/,
  ],
  [
    'a site that is none',
    (path) => writeFileSync(at(path, 'launch', 'launch.yaml'), 'schema_version: "1"\nsite: moon\n'),
    1,
    /^site_unavailable: .*"moon"/,
  ],
  [
    'a script that submits',
    script('#!/bin/sh\necho hi\nsbatch other.sh\n'),
    1,
    /^script_submits: .*run_local\.sh line 3 calls sbatch/,
  ],
  [
    'a script that submits, and would again when it is started anew',
    all(script('#!/bin/sh\n#SBATCH --requeue\necho hi\n'), launchYaml('submits: { jobs: 2, each: { walltime: "0:10:00" } }\n')),
    1,
    /^file_invalid: step main submits jobs by itself .*may be started again/,
  ],
  ['an unknown directive', script('#!/bin/sh\n#SBATCH --hetjob\necho hi\n'), 1, /^script_directive: .*hetjob/],
  [
    'a placeholder with no command to put there',
    all(script('#!/bin/sh\nset -e\n# nothing yet\n'), design('tiny.main', 'placeholder')),
    1,
    /^script_placeholder: /,
  ],
  ['no script and no command', all(gone('launch', 'run_local.sh'), design('tiny.main', 'placeholder')), 1, /^script_missing: /],
  ['another iteration_id in design.yaml', design('iteration_id: tiny', 'iteration_id: other'), 1, /^file_invalid: .*other.*tiny/],
  ['state.json is empty', (path) => writeFileSync(join(path, '.autolab', 'state.json'), ''), 1, /^file_invalid: .*state\.json/],
  [
    'state.json is torn',
    (path) => writeFileSync(join(path, '.autolab', 'state.json'), '{"iteration_id": "ti'),
    1,
    /^file_invalid: .*state\.json/,
  ],
  [
    'the launch script is a link that leads away',
    all(gone('launch', 'run_local.sh'), (path) => symlinkSync('/etc/passwd', at(path, 'launch', 'run_local.sh'))),
    1,
    /^path_outside: /,
  ],
];

describe('what is wrong is said with place, value and remedy, and nothing is submitted or left behind', () => {
  test.each(CASES)('%s', async (_what, spoil, exit, words) => {
    tiny = await makeTiny(spoil);
    const done = await tiny.run(['submit']);
    expect(done).toMatchObject({ exit, stdout: '', stderr: expect.stringMatching(words) });
    expect(done.stderr).toMatch(/^next: \S/m);
    expect(existsSync(join(tiny.iteration, 'runs'))).toBe(false);
  });
});

/** What the gate refuses, with the rule that does. */
const REFUSED: [string, (path: string) => void, RegExp][] = [
  [
    'a policy that does not parse',
    (path) => writeFileSync(join(path, '.autolab', 'verifier_policy.yaml'), 'gate: {\n'),
    /deny +policy \[\.autolab\/verifier_policy\.yaml:\d+\]/,
  ],
  [
    'a misspelt key of the policy',
    (path) => appendFileSync(join(path, '.autolab', 'verifier_policy.yaml'), '  limit: { jobs: { active: 1 } }\n'),
    /limit/,
  ],
  [
    'a plan over a limit',
    launchYaml('resources: { cpus: 64 }\n'),
    /deny +limits\.per_job\.cpus \[presets\/local_dev\.yaml:\d+\].*64/,
  ],
  ['a command nobody allowed', launchYaml('preflight: [[rm, -rf, /tmp/x]]\n'), /deny +allow\.commands.*rm/],
  ['no review', (path) => unlinkSync(at(path, 'review_result.json')), /deny +require\.review_pass/],
  [
    'a review that has not passed',
    (path) =>
      writeFileSync(
        at(path, 'review_result.json'),
        readFileSync(at(path, 'review_result.json'), 'utf8').replace('"status": "pass"', '"status": "failed"'),
      ),
    /deny +require\.review_pass/,
  ],
  [
    'no walltime',
    all(script('#!/bin/sh\necho hi\n'), design(', walltime_estimate: "00:01:00"', '')),
    /deny +limits\.per_job\.walltime/,
  ],
];

describe('what the policy forbids is refused by rule, file and line', () => {
  test.each(REFUSED)('%s', async (_what, spoil, words) => {
    tiny = await makeTiny((path) => {
      appendFileSync(join(path, '.autolab', 'verifier_policy.yaml'), '  require: { review_pass: true }\n');
      spoil(path);
    });
    const done = await tiny.run(['submit']);
    expect(done).toMatchObject({ exit: 1, stdout: '', stderr: expect.stringMatching(words) });
    expect(existsSync(join(tiny.iteration, 'runs'))).toBe(false);
  });
});

describe('arguments', () => {
  test.each([
    ['a run id with a slash', ['cancel', 'a/b']],
    ['a run id with dots', ['logs', 'a..b']],
    ['an iteration with a newline', ['submit', '--iteration', 'a\nb']],
    ['an iteration with a comma', ['submit', '--iteration', 'a,RUN_ID=x']],
    ['an iteration with shell characters', ['submit', '--iteration', '$(id)']],
    ['an unknown flag', ['submit', '--dryrun']],
    ['an unknown command', ['sumbit']],
    ['a number that is none', ['logs', '--lines', 'many']],
  ])('%s: exit 2, and the value is named', async (_what, args) => {
    tiny = await makeTiny();
    const done = await tiny.run(args);
    expect(done).toMatchObject({ exit: 2, stdout: '' });
    expect(done.stderr).toMatch(/next: |did you mean|Did you mean/);
  });

  test('no repository', async () => {
    const empty = mkdtempSync(join(tmpdir(), 'empty-'));
    const done = await execa(process.execPath, [MAIN, 'submit'], { cwd: empty, reject: false, stdin: 'ignore' });
    expect(done).toMatchObject({ exitCode: 1, stderr: expect.stringMatching(/^no_repository: .*\n[\s\S]*autolab-mcp init/) });
    rmSync(empty, { recursive: true });
  });
});

describe('somebody else is at work', () => {
  const pythonLock = (pid: number, beat: Date) =>
    JSON.stringify({
      pid,
      host: hostname(),
      owner_uuid: 'u',
      started_at: beat.toISOString(),
      last_heartbeat_at: beat.toISOString(),
      started_monotonic: 1,
      last_heartbeat_monotonic: 1,
      command: 'autolab run',
      state_file: 'state.json',
    });

  test('the Python Autolab holds its lock: the job is submitted once, and its papers follow', async () => {
    tiny = await makeTiny((path) => writeFileSync(join(path, '.autolab', 'lock'), pythonLock(process.pid, new Date())));
    const done = await tiny.run(['submit']);
    expect(done.stderr + done.stdout).toContain(String(process.pid));
    unlinkSync(join(tiny.path, '.autolab', 'lock'));
    const again = await tiny.run(['monitor', '--json']);
    expect(again).toMatchObject({ exit: 0 });
    const runs = (JSON.parse((await tiny.run(['runs', '--json'])).stdout) as { runs: { run_id: string }[] }).runs;
    expect(runs).toHaveLength(1);
    expect(existsSync(at(tiny.path, 'runs', runs[0]?.run_id ?? '', 'run_manifest.json'))).toBe(true);
  }, 120_000);

  test('eight processes submit the same iteration at once: one run, one job, one execution', async () => {
    tiny = await makeTiny();
    const here = tiny;
    const answers = await Promise.all(Array.from({ length: 8 }, () => here.run(['submit', '--json'])));
    const ids = new Set(
      answers.filter((one) => one.exit === 0).map((one) => (JSON.parse(one.stdout) as { run_id: string }).run_id),
    );
    const later = await here.run(['submit', '--json']);
    ids.add((JSON.parse(later.stdout) as { run_id: string }).run_id);
    expect(ids.size).toBe(1);
    for (let look = 0; look < 200; look++) {
      const seen = JSON.parse((await here.run(['monitor', '--json'])).stdout) as { all_over: boolean };
      if (seen.all_over) break;
    }
    expect(readFileSync(join(here.iteration, 'executions.log'), 'utf8').trim().split('\n')).toHaveLength(1);
  }, 180_000);
});
