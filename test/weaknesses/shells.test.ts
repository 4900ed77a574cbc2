import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { stateFolder } from '../../src/runs/home.ts';
import { localTransport } from '../../src/sites/transports/local.ts';
import { journalOf } from '../support/artifacts.ts';
import { until } from '../support/repo.ts';
import { SCRIPT } from '../support/tiny.ts';
import type { Files } from './experiment.ts';
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
  LAUNCH,
  launchWith,
  manifest,
  over,
  PARSED,
  POLICY,
  policyWith,
  put,
  runFolder,
  runs,
  SBATCH,
  STATE,
  script,
  submit,
  text,
} from './experiment.ts';

clearUp();

const SECRET = 'hunter2-hunter2-hunter2';

/** Every file under a folder that holds a text. */
function holding(folder: string, words: string): string[] {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
    .filter((path) => readFileSync(path).includes(words));
}

describe('what a site is told is words, not a line for a shell', () => {
  test('W6: arguments arrive as they are, whatever is in them, and the script comes on stdin', async () => {
    const words = ['a b', "it's", '$(touch pwned)', '`id`', 'x;y|z&', '*', '~', '--', '\n', '"', '\\', '(', ''];
    const { stdout, exit } = await localTransport().run(
      { argv: ['sh', '-s', '--', ...words], stdin: 'set -eu\nfor one; do printf "%s\\0" "$one"; done\n' },
      { timeoutMs: 30_000 },
    );
    expect({ exit, words: stdout.split('\0').slice(0, -1) }).toEqual({ exit: 0, words });
  });

  test('W6: a script that fails in the middle goes no further, and half an answer is no answer', async () => {
    const tiny = await experiment(BATCH);
    const { run_id } = await submit(tiny);
    // The site cannot be read: neither empty nor finished follows from that.
    const root = join(tiny.path, '.autolab/gate/runner/local');
    // Nothing of the runner works in the folder any more when it is taken away.
    const log = join(root, 'jobs', '1', 'log');
    await until('the job is over', async () => (existsSync(log) && /^END /m.test(readFileSync(log, 'utf8')) ? true : undefined));
    renameSync(join(root, 'jobs'), join(root, 'away'));
    writeFileSync(join(root, 'jobs'), 'no folder');
    const looked = await json<{ all_over: boolean; sites: { healthy: boolean }[]; runs: { state: string }[] }>(tiny, 'monitor');
    expect(looked).toMatchObject({ all_over: false, sites: [{ healthy: false }], runs: [{ state: 'submitted' }] });
    rmSync(join(root, 'jobs'));
    renameSync(join(root, 'away'), join(root, 'jobs'));
    await over(tiny);
    expect(manifest(tiny, run_id)).toMatchObject({ status: 'running', tasks: { succeeded: 1 } });
  });

  test('W6: a refusal of the scheduler is a failed run without a job, never a submitted one', async () => {
    const tiny = await experiment(
      both(BATCH, {
        [POLICY]: policyWith('require: { preflight: false }').replace('  limits:\n', '  limits:\n    per_job: { nodes: 2 }\n'),
        [LAUNCH]: launchWith('resources: { nodes: 2 }'),
      }),
    );
    const { run_id, job_id, state } = await submit(tiny);
    expect({ job_id, state }).toEqual({ job_id: null, state: 'failed' });
    expect(journalOf(runFolder(tiny, run_id)).map((row) => row.event)).toEqual(['intent', 'refused', 'moved']);
    expect(manifest(tiny, run_id)).toMatchObject({ status: 'failed', failure: { class: 'launch' } });
    expect(jobs(tiny)).toEqual([]);
  });

  test('W6: a transport this version does not have is refused, not tried in another way', async () => {
    const tiny = await experiment({
      '.autolab/sites.yaml': 'schema_version: "1"\nsites:\n  far: { scheduler: local, transport: ssh }\n',
      [LAUNCH]: 'schema_version: "1"\nsite: far\n',
    });
    expect(await tiny.run(['submit'])).toMatchObject({ exit: 1, stderr: expect.stringMatching(/^file_invalid: .*sites\.yaml/) });
    expect(runs(tiny)).toEqual([]);
  });

  test('W6, W14: a repository whose path a shell would read otherwise runs the whole loop', async () => {
    const tiny = await experiment(both(PARSED, BATCH));
    const path = join(tiny.path, `a (b) $(touch pwned) 'c' & d;é`);
    mkdirSync(path);
    for (const name of readdirSync(tiny.path).filter((one) => join(tiny.path, one) !== path))
      renameSync(join(tiny.path, name), join(path, name));
    const here = { ...tiny, path, iteration: join(path, FOLDER), run: (args: string[]) => tiny.run(['--repo', path, ...args]) };
    try {
      const { run_id } = await submit(here);
      await collected(here);
      expect(manifest(here, run_id)).toMatchObject({ status: 'completed' });
      expect(executions(here)).toEqual([`${run_id} 1`]);
      expect(readdirSync(tiny.path, { recursive: true, encoding: 'utf8' }).filter((name) => name.endsWith('/pwned'))).toEqual([]);
    } finally {
      rmSync(stateFolder(path), { recursive: true, force: true });
      renameSync(join(path, '.autolab'), join(tiny.path, '.autolab'));
    }
  });
});

describe('what may run, and with what', () => {
  test('W14: the caller’s environment goes into no job, no parser and no file', async () => {
    const tiny = await experiment(
      both(PARSED, BATCH, {
        [SBATCH]: `${SCRIPT}env > runs/../seen.txt\n`,
        'parse.sh': (old) => `env > parser.txt\n${old}`,
        [LAUNCH]: launchWith('environment: { pass: [WANTED] }'),
      }),
    );
    const env = { MY_API_KEY: SECRET, AWS_SECRET_ACCESS_KEY: SECRET, WANTED: 'yes', BASH_ENV: '/nowhere', LD_PRELOAD_X: SECRET };
    for (const args of [['submit'], ['monitor']]) expect((await tiny.run(args, { env })).exit).toBe(0);
    await over(tiny);
    for (const args of [['sync'], ['extract']]) expect((await tiny.run(args, { env })).exit).toBe(0);
    expect(text(tiny, `${FOLDER}/seen.txt`)).toContain('WANTED=yes\n');
    expect(text(tiny, 'parser.txt')).toContain('AUTOLAB_ITERATION_ID=tiny\n');
    expect([...holding(tiny.path, SECRET), ...holding(stateFolder(tiny.path), SECRET)]).toEqual([]);
    expect(text(tiny, `${FOLDER}/seen.txt`)).not.toContain('BASH_ENV');
  });

  test('W14: a secret is not passed on by name', async () => {
    const tiny = await experiment(both(BATCH, { [LAUNCH]: launchWith('environment: { pass: [MY_API_KEY] }') }));
    expect(await tiny.run(['submit'], { env: { MY_API_KEY: SECRET } })).toMatchObject({
      exit: 1,
      stderr: expect.stringMatching(/^file_invalid: .*MY_API_KEY/),
    });
    expect(holding(tiny.path, SECRET)).toEqual([]);
  });

  test.each([
    ['a comma and a variable', 'tiny,LD_PRELOAD=/x'],
    ['..', '..'],
    ['a way out', '../../../tmp/away'],
    ['a line break', 'tiny\nrm'],
  ])('W14: an iteration id with %s is refused from the command line, state.json and design.yaml', async (_what, id) => {
    const tiny = await experiment();
    expect(await tiny.run(['submit', '--iteration', id])).toMatchObject({ exit: 2, stdout: '' });
    put(tiny.path, { [DESIGN]: (old) => old.replace('iteration_id: tiny', `iteration_id: ${JSON.stringify(id)}`) });
    expect(await tiny.run(['submit'])).toMatchObject({
      exit: 1,
      stderr: expect.stringMatching(/^file_invalid: .*iteration_id|^file_invalid: .*iteration/),
    });
    put(tiny.path, { [STATE]: (old) => old.replace('"iteration_id": "tiny"', `"iteration_id": ${JSON.stringify(id)}`) });
    for (const command of ['submit', 'run', 'verify']) expect((await tiny.run([command])).exit).toBeGreaterThan(0);
    expect({ runs: runs(tiny), jobs: jobs(tiny) }).toEqual({ runs: [], jobs: [] });
  });

  test('W14: a command that a file of the repository names runs only if the policy lists it', async () => {
    const tiny = await experiment(both(PARSED, BATCH, { 'evil.sh': 'touch pwned\n' }));
    const spoil: Files[] = [
      { [LAUNCH]: launchWith('preflight: [[sh, evil.sh]]') },
      { [LAUNCH]: launchWith('preflight: [[sh, -c, "touch pwned"]]') },
    ];
    for (const files of spoil) {
      put(tiny.path, files);
      for (const args of [['submit', '--dry-run'], ['submit']]) await tiny.run(args);
      expect({
        jobs: jobs(tiny),
        pwned: existsSync(join(tiny.path, 'pwned')) || existsSync(join(tiny.iteration, 'pwned')),
      }).toEqual({ jobs: [], pwned: false });
    }
    put(tiny.path, { [LAUNCH]: launchWith() });
    await submit(tiny);
    await over(tiny);
    await tiny.run(['sync']);
    const parser = (command: string) =>
      put(tiny.path, { [DESIGN]: (old) => old.replace(/command: ".*"/, `command: "${command}"`) });
    parser('sh evil.sh');
    expect(await tiny.run(['extract'])).toMatchObject({ exit: 1, stderr: expect.stringMatching(/deny +allow\.commands/) });
    parser('sh parse.sh {run_id}; touch pwned');
    expect(await tiny.run(['extract'])).toMatchObject({ exit: 1, stderr: expect.stringMatching(/no shell runs it/) });
    expect(existsSync(join(tiny.path, 'pwned'))).toBe(false);
  });

  test('W14: a script changed after the decision does not run', async () => {
    const tiny = await experiment(
      both(BATCH, {
        [SBATCH]: script('until [ -e runs/../go ]; do sleep 0.05; done; echo "$AUTOLAB_RUN_ID 1" >> runs/../executions.log'),
      }),
    );
    const { run_id } = await submit(tiny);
    put(tiny.path, { [SBATCH]: script('touch pwned') });
    put(tiny.iteration, { go: '' });
    await over(tiny);
    expect(executions(tiny)).toEqual([`${run_id} 1`]);
    expect(existsSync(join(tiny.iteration, 'pwned'))).toBe(false);
  });

  test('W14: a parser over its time limit is ended with all that it started', async () => {
    const tiny = await experiment(
      both(PARSED, BATCH, {
        [POLICY]: (old) => `${old}extract_results: { parser: { command_timeout_seconds: 3 } }\n`,
        'parse.sh': '(sleep 1000 & echo $! > child.pid; wait) &\nsetsid -f true\ntrap "" TERM\nsleep 1000\n',
      }),
    );
    const { run_id } = await submit(tiny);
    await over(tiny);
    await tiny.run(['sync']);
    expect(await tiny.run(['extract'])).toMatchObject({
      exit: 1,
      stderr: expect.stringMatching(/^parser_failed: [\s\S]*did not end in time/),
    });
    const pid = Number(text(tiny, 'child.pid'));
    await until('the parser’s child is gone', async () => !existsSync(`/proc/${pid}`) || undefined);
    expect(manifest(tiny, run_id)).toMatchObject({ status: 'synced' });
  });

  test('W14: a Python hook runs once, in a process of its own, whatever it raises', async () => {
    const hook =
      'import os, sys\ndef parse_results(repo_root, run_id):\n    open("calls.txt", "a").write(f"{os.getpid()}\\n")\n    raise TypeError("unexpected keyword argument")\n';
    const tiny = await experiment(
      both(BATCH, {
        [POLICY]: policyWith('allow: { commands: [[python3, -m, hook]] }'),
        [DESIGN]: (old) => old.replace('{ kind: command, command: "cat metrics.json" }', '{ kind: python, module: hook }'),
        'hook.py': hook,
      }),
    );
    await submit(tiny);
    await over(tiny);
    await tiny.run(['sync']);
    const before = text(tiny, STATE);
    expect(await tiny.run(['extract'])).toMatchObject({
      exit: 1,
      stderr: expect.stringMatching(/^parser_failed: [\s\S]*TypeError/),
    });
    expect(text(tiny, 'calls.txt').trim().split('\n')).toHaveLength(1);
    expect(text(tiny, STATE)).toBe(before);
  });
});
