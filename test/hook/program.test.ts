import { symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { execa } from 'execa';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Repo } from '../support/repo.ts';
import { MAIN, makeRepo, POLICY } from '../support/repo.ts';

let repo: Repo;

beforeAll(async () => {
  repo = await makeRepo(`${POLICY}  acts: { submit: ask }\nprotected_files: [docs/rules.md]\n`);
  const { digest } = await repo.json<{ digest: string }>('policy', 'seal', '--dry-run');
  await repo.autolab('policy', 'seal', '--expect', digest);
});
afterAll(() => repo.cleanup());

type Said = { exit: number | undefined; stdout: string; stderr: string; reason: string | undefined };

async function hook(input: unknown, options: { cwd?: string; event?: string } = {}): Promise<Said> {
  const text = typeof input === 'string' ? input : JSON.stringify(input);
  const { event = 'pre-tool-use', cwd = repo.path } = options;
  const { exitCode, stdout, stderr } = await execa('node', [MAIN, 'hook', event], { cwd, input: text, reject: false });
  const said: { hookSpecificOutput?: Record<string, string> } = stdout === '' ? {} : JSON.parse(stdout);
  const { permissionDecisionReason: reason, ...rest } = said.hookSpecificOutput ?? {};
  if (reason !== undefined) expect(rest).toEqual({ hookEventName: 'PreToolUse', permissionDecision: 'deny' });
  return { exit: exitCode, stdout, stderr, reason };
}

const call = (tool_name: string, tool_input: object, cwd = repo.path) => ({
  hook_event_name: 'PreToolUse',
  session_id: 's',
  tool_name,
  tool_input,
  cwd,
});
const SILENT = { exit: 0, stdout: '', stderr: '', reason: undefined };

test('what is ordinary goes its way, without a word', async () => {
  expect(await hook(call('Bash', { command: 'git status && squeue --me' }))).toEqual(SILENT);
  expect(await hook(call('Read', { file_path: join(repo.path, '.autolab/verifier_policy.yaml') }))).toEqual(SILENT);
  expect(await hook(call('Write', { file_path: join(repo.path, 'src/a.py'), content: 'sbatch' }))).toEqual(SILENT);
  expect(await hook(call('Bash', { command: 'autolab-mcp submit' }))).toEqual(SILENT);
});

test('a detour is refused as everything is: rule, file and line of the policy, and the tool to use instead', async () => {
  const { exit, reason } = await hook(call('Bash', { command: 'cd launch && sbatch run.sh' }));
  expect(exit).toBe(0);
  expect(reason).toMatch(
    /^This was stopped before it ran.*nothing was done\.\ndeny: 1 rule denies\.\ndeny {2}detour\.submit \[\.autolab\/verifier_policy\.yaml:\d+\]/,
  );
  expect(reason).toContain('gate.acts.submit is ask');
  expect(reason).toContain('submit_run');
});

test.each([
  ['Claude Code writes', 'Write', { file_path: '/REPO/.autolab/verifier_policy.yaml', content: '' }],
  ['Claude Code edits', 'Edit', { file_path: '/REPO/.mcp.json', old_string: 'a', new_string: 'b' }],
  ['Claude Code edits much', 'MultiEdit', { file_path: '/REPO/src/../.autolab/sites.yaml', edits: [] }],
  ['Claude Code edits a notebook', 'NotebookEdit', { notebook_path: '/REPO/.autolab/gate/x.ipynb', new_source: '' }],
  ['a file that only the seal names', 'Write', { file_path: '/REPO/scripts/parse_results.mjs', content: '' }],
  ['a file that Autolab’s keys protect', 'Edit', { file_path: '/REPO/docs/rules.md', old_string: 'a', new_string: 'b' }],
  ['a link to the policy', 'Write', { file_path: '/REPO/harmless.yaml', content: '' }],
  [
    'Codex patches',
    'apply_patch',
    { command: '*** Begin Patch\n*** Update File: .autolab/verifier_policy.yaml\n@@\n-a\n+b\n*** End Patch' },
  ],
  ['Codex runs a list of words', 'shell', { command: ['bash', '-lc', 'sbatch x.sh'] }],
  ['Codex runs in another folder', 'exec_command', { cmd: 'echo > verifier_policy.yaml', workdir: '/REPO/.autolab' }],
  ['several files are edited', 'MultiEdit', { edits: [{ file_path: '/REPO/.mcp.json', old_string: 'a', new_string: 'b' }] }],
  ['a map of changes', 'apply_patch', { changes: { '/REPO/.mcp.json': { delete: {} } } }],
  ['a person’s command of ours', 'Bash', { command: `node ${MAIN} approve ap_1` }],
])('%s: stopped', async (_, tool, input) => {
  symlinkSync('.autolab/verifier_policy.yaml', join(repo.path, 'harmless.yaml'), 'file');
  try {
    const text = JSON.stringify(call(tool, input)).replaceAll('/REPO', repo.path);
    expect((await hook(text)).reason).toMatch(/detour\.(?:write|submit|person)/);
  } finally {
    await execa('rm', [join(repo.path, 'harmless.yaml')]);
  }
});

test('where there is no repository a scheduler is closed too, and files are nobody’s', async () => {
  const cwd = tmpdir();
  expect((await hook(call('Bash', { command: 'scancel 1' }, cwd), { cwd })).reason).toContain('cancel_run');
  expect(await hook(call('Write', { file_path: join(cwd, '.mcp.json'), content: '' }, cwd), { cwd })).toEqual(SILENT);
  expect((await hook(call('Write', { file_path: join(repo.path, '.mcp.json'), content: '' }, cwd), { cwd })).reason).toContain(
    '.mcp.json',
  );
});

test('a policy that nobody can read takes nothing from the no', async () => {
  const file = join(repo.path, '.autolab', 'verifier_policy.yaml');
  const { stdout: before } = await execa('cat', [file], { stripFinalNewline: false });
  writeFileSync(file, 'gate: [');
  try {
    expect((await hook(call('Bash', { command: 'sbatch x.sh' }))).reason).toContain('detour.submit');
  } finally {
    writeFileSync(file, before);
  }
});

describe('what cannot be judged is stopped: exit 2, and why on stderr', () => {
  test.each([
    ['nothing', ''],
    ['no JSON', '{'],
    ['no object', '[1]'],
    ['no tool', '{"hook_event_name":"PreToolUse","tool_input":{}}'],
    ['no arguments', '{"hook_event_name":"PreToolUse","tool_name":"Bash","tool_input":7}'],
    ['no command', '{"hook_event_name":"PreToolUse","tool_name":"Bash","tool_input":{}}'],
    ['a command that is null', '{"tool_name":"Bash","tool_input":{"command":null}}'],
    ['a command that is no text', '{"tool_name":"Bash","tool_input":{"command":{"a":"sbatch"}}}'],
    ['an edit of nothing', '{"tool_name":"Write","tool_input":{"content":""}}'],
    ['more than anybody writes', JSON.stringify({ tool_name: 'Bash', tool_input: { command: 'a'.repeat(33 * 1024 * 1024) } })],
  ])('%s', async (_, text) => {
    const { exit, stdout, stderr } = await hook(text);
    expect({ exit, stdout }).toEqual({ exit: 2, stdout: '' });
    expect(stderr).toMatch(/stopped[\s\S]*next: /);
  });

  test('another hook', async () => {
    expect(await hook('{}', { event: 'nothing' })).toMatchObject({
      exit: 2,
      stderr: expect.stringContaining('there is no hook "nothing"'),
    });
  });

  test('a host whose event has another name is told by the exit code', async () => {
    const { exit, stdout, stderr } = await hook({
      hook_event_name: 'beforeShellExecution',
      command: 'sbatch x.sh',
      cwd: repo.path,
    });
    expect({ exit, stdout }).toEqual({ exit: 2, stdout: '' });
    expect(stderr).toContain('detour.submit');
  });

  test('a host that never ends its text', async () => {
    const child = execa('node', [MAIN, 'hook', 'pre-tool-use'], { cwd: repo.path, stdin: 'pipe', reject: false });
    child.stdin.write('{');
    expect(await child).toMatchObject({ exitCode: 2, stderr: expect.stringMatching(/did not end its text[\s\S]*next: /) });
  });

  test('an answer that nobody reads', async () => {
    const text = JSON.stringify(call('Bash', { command: 'sbatch x.sh' }));
    const script = '{ printf %s "$1"; } | { node "$2" hook pre-tool-use 1>&3; echo $? >&2; } 3>&1 1>/dev/null | exec 0<&-';
    const { stderr } = await execa('bash', ['-c', script, 'sh', text, MAIN], { cwd: repo.path, reject: false });
    expect(stderr.trim().split('\n').at(-1)).toBe('2');
  });
});
