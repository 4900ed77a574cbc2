import { readFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { execa } from 'execa';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { tools } from '../../src/tools/index.ts';
import type { Repo } from '../support/repo.ts';
import { MAIN, makeRepo, POLICY, ROOT } from '../support/repo.ts';

let repo: Repo;
let empty: string;

beforeAll(async () => {
  repo = await makeRepo(`${POLICY}  acts: { submit: ask }\n`);
  empty = await mkdtemp(join(tmpdir(), 'autolab-empty-'));
});
afterAll(async () => {
  await repo.cleanup();
  await rm(empty, { recursive: true, force: true });
});

const at = async (cwd: string, ...args: string[]) => {
  const { exitCode, stdout, stderr } = await execa('node', [MAIN, ...args], { cwd, reject: false, stdin: 'ignore' });
  return { exit: exitCode, stdout, stderr };
};

describe('help', () => {
  test('names every command', async () => {
    const { exit, stdout, stderr } = await at(empty, '--help');
    expect({ exit, stderr }).toEqual({ exit: 0, stderr: '' });
    for (const tool of tools) expect(stdout).toContain(`  ${tool.command.join(' ')}`);
  });

  test.each(tools.map((tool) => [tool.command.join(' '), tool] as const))('of %s is its definition', async (command, tool) => {
    const { exit, stdout } = await at(empty, ...command.split(' '), '--help');
    expect(exit).toBe(0);
    expect(stdout.replaceAll('\n', ' ')).toContain(tool.description.replaceAll('\n', ' '));
    for (const name of Object.keys(tool.input.shape)) expect(stdout).toContain(`--${name.replaceAll('_', '-')}`);
  });

  test('of a group is its commands', async () => {
    const { stdout } = await at(empty, 'slurm-job-list', '--help');
    expect(stdout).toContain('slurm-job-list append');
    expect(stdout).not.toContain('submit');
  });

  test('version', async () => {
    const { version } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8'));
    expect(await at(empty, '--version')).toEqual({ exit: 0, stdout: version, stderr: '' });
  });
});

describe('wrong usage ends with 2, says what is wrong, and writes nothing to stdout', () => {
  test.each([
    [['submt'], 'there is no command "submt": did you mean submit?'],
    [['policy'], 'there is no command "policy"'],
    [['verify', '--stge', 'launch'], 'there is no flag "--stge": did you mean --stage?'],
    [['verify', '--stage'], '--stage needs a value'],
    [['runs', '--limit', 'ten'], '--limit needs a number and was given "ten"'],
    [['runs', '--limit', '0'], 'limit (0)'],
    [['approve'], '<id> is missing'],
    [['serve', 'now'], 'serve takes no "now"'],
    [['serve', '--port', '1'], '--port'],
    [['runs', '--repo'], '--repo needs a value'],
  ])('%j', async (args, message) => {
    const { exit, stdout, stderr } = await at(repo.path, ...args);
    expect({ exit, stdout }).toEqual({ exit: 2, stdout: '' });
    expect(stderr.replace('\nwhy', '').replace('usage: ', '')).toContain(message);
  });
});

describe('--json', () => {
  test('prints exactly the structured output', async () => {
    const { exit, stdout, stderr } = await repo.autolab('runs', '--json');
    expect({ exit, stderr }).toEqual({ exit: 0, stderr: '' });
    expect(JSON.parse(stdout)).toEqual({ runs: [], total: 0, shown: 0, more: false, unreadable: [] });
  });

  test('prints nothing else: a failure is JSON on stderr', async () => {
    const { exit, stdout, stderr } = await repo.autolab('--json', 'runs', 'no-such-run');
    expect({ exit, stdout }).toEqual({ exit: 1, stdout: '' });
    expect(JSON.parse(stderr)).toMatchObject({ kind: 'failed', failure: { code: 'run_unknown' } });
  });
});

describe('the repository', () => {
  test('is looked for upwards, or named by --repo or by Autolab’s own --state-file', async () => {
    const below = await at(join(repo.path, 'experiments'), 'runs', '--json');
    const named = await at(empty, 'runs', '--json', '--repo', repo.path);
    const state = await at(empty, '--state-file', join(repo.path, '.autolab', 'state.json'), 'runs', '--json');
    expect([named, state]).toEqual([below, below]);
    expect(below.exit).toBe(0);
  });

  test('is missed in words', async () => {
    const { exit, stderr } = await at(empty, 'runs');
    expect(exit).toBe(1);
    expect(stderr).toContain('no_repository');
    expect(stderr).toContain('autolab-mcp init');
  });
});

/** What a person at a terminal sees and types: `script` gives the command a terminal of its own. */
function atTerminal(typed: string, ...args: string[]) {
  const command = [process.execPath, MAIN, ...args].map((word) => `'${word}'`).join(' ');
  const env = { TERM: 'xterm', NO_COLOR: '' };
  return execa('script', ['-qec', command, '/dev/null'], { cwd: repo.path, env, input: typed, reject: false });
}

describe('approving', () => {
  const pending = async (): Promise<string> => {
    const { exit, stdout, stderr } = await repo.autolab('submit');
    expect({ exit, stdout }).toEqual({ exit: 1, stdout: '' });
    return /autolab-mcp approve (ap_[0-9a-f]{12})/.exec(stderr)?.[1] ?? stderr;
  };
  const stateOf = async (id: string): Promise<string | undefined> =>
    (await repo.json<{ approvals: { state: string }[] }>('approvals', id)).approvals[0]?.state;

  test('needs a terminal, whatever flags are given', async () => {
    const id = await pending();
    const { exit, stderr } = await execa('setsid', ['-w', process.execPath, MAIN, 'approve', id], {
      cwd: repo.path,
      input: 'yes\n',
      reject: false,
    }).then(({ exitCode, stderr }) => ({ exit: exitCode, stderr }));
    expect(exit).toBe(1);
    expect(stderr).toContain('needs a terminal');
    expect((await repo.autolab('approve', id, '--yes')).exit).toBe(2);
    expect(await stateOf(id)).toBe('pending');
  });

  test('shows what would be done and takes nothing but yes', async () => {
    const id = await pending();
    const { exitCode, stdout } = await atTerminal('y\n', 'approve', id);
    expect(exitCode).toBe(1);
    expect(stdout).toContain('What exactly would be done');
    expect(stdout).toMatch(/acts\.submit.*verifier_policy\.yaml:\d+/);
    expect(await stateOf(id)).toBe('pending');
  });

  test('grants on yes, once', async () => {
    const id = await pending();
    const { exitCode, stdout } = await atTerminal('yes\n', 'approve', id);
    expect([exitCode, stdout.includes(`${id} is granted`)]).toEqual([0, true]);
    expect(await stateOf(id)).toBe('granted');
    const again = await atTerminal('yes\n', 'approve', id);
    expect([again.exitCode, again.stdout.includes(`${id} is granted`), again.stdout.includes('Type yes')]).toEqual([
      0,
      true,
      false,
    ]);
    await repo.autolab('approve', id, '--refuse');
  });
});

test('a reader that goes away ends the program quietly', async () => {
  const { exitCode, stderr } = await execa({
    shell: '/bin/bash',
    cwd: repo.path,
    reject: false,
  })`set -o pipefail; ${process.execPath} ${MAIN} --help | true`;
  expect([exitCode, stderr]).toEqual([0, '']);
});

test('colour is for terminals without NO_COLOR', async () => {
  const plain = await repo.autolab('runs', 'no-such-run');
  expect(plain.stderr).not.toContain('\u001b');
  expect((await atTerminal('', 'runs', 'no-such-run')).stdout).toContain('\u001b[1m');
  const wished = await execa('script', ['-qec', `'${process.execPath}' '${MAIN}' runs no-such-run`, '/dev/null'], {
    cwd: repo.path,
    env: { NO_COLOR: '1' },
    reject: false,
    stdin: 'ignore',
  });
  expect(wished.stdout).not.toContain('\u001b');
});
