import { afterAll, expect, test } from 'vitest';
import type { HookCall } from '../../src/hook/call.ts';
import { readHookCall } from '../../src/hook/call.ts';
import { detoursIn } from '../../src/hook/judge.ts';
import { removeFolder } from '../support/folders.ts';
import { placeInRepository } from './corpus.ts';

const place = placeInRepository();
afterAll(() => removeFolder(place.repo));

/** Whether a call in the repository is stopped. */
function isStopped(tool_name: string, tool_input: object): boolean {
  const text = JSON.stringify({ tool_name, tool_input, cwd: place.repo });
  return isDetour(readHookCall(text.replaceAll('/REPO', place.repo), '/'));
}

function isDetour({ cwd, also = cwd, texts, writes }: HookCall): boolean {
  return [cwd, also].some(
    (folder) =>
      writes.some((write) => place.guard(write, folder) !== undefined) ||
      texts.some((text) => detoursIn(text, { ...place, cwd: folder }).length > 0),
  );
}

const POLICY = '/REPO/.autolab/verifier_policy.yaml';

test.each([
  ['search_replace', { file_path: POLICY, old_string: 'a', new_string: 'b' }],
  ['mcp__fs__find_and_replace', { path: '/REPO/.mcp.json' }],
  ['findAndReplace', { path: '/REPO/.mcp.json' }],
  ['get_or_set', { path: '/REPO/.mcp.json' }],
  ['open_file', { path: '/REPO/.mcp.json', content: '{}' }],
  ['search', { path: POLICY, pattern: 'a', replace: 'b' }],
  ['mcp__fs__move_file', { source: POLICY, destination: '/tmp/x' }],
  ['rename_file', { old_path: POLICY, new_path: '/tmp/x' }],
  ['delete_files', { paths: ['/REPO/.autolab'] }],
  ['format_files', { files: ['src/a.ts', '.autolab/verifier_policy.yaml'] }],
  ['fix', { filePaths: ['.mcp.json'] }],
  ['mcp__web__fetch_to_file', { url: 'https://example.org', path: POLICY }],
  ['mcp__ide__open_file_for_writing', { path: POLICY }],
  ['open_file', { path: POLICY, text: 'gate: {}' }],
  // An argument that the tool does not have moves nothing.
  ['Bash', { command: 'echo x > .autolab/verifier_policy.yaml', cwd: '/var' }],
  ['Write', { file_path: '.autolab/verifier_policy.yaml', content: '', directory: '/var' }],
])('%s changes what is guarded: stopped (%j)', (tool, input) => {
  expect(isStopped(tool, input)).toBe(true);
});

test.each([
  ['shell', 'workdir'],
  ['run_shell_command', 'directory'],
  ['run_shell_command', 'dir_path'],
  ['run_in_terminal', 'cwd'],
  ['mcp__sh__run', 'cwd'],
])('a command that %s runs in the folder %s is judged there', (tool, key) => {
  const command = 'echo > verifier_policy.yaml';
  expect(isStopped(tool, { command, [key]: '.autolab' })).toBe(true);
  expect(isStopped(tool, { command, [key]: '/REPO/.autolab' })).toBe(true);
  expect(isStopped(tool, { command, [key]: 'src' })).toBe(false);
});

test('the folder of a session is no folder below itself', () => {
  const call = { command: 'echo > .mcp.json', cwd: place.repo.slice(1) };
  expect(isDetour(readHookCall(JSON.stringify(call), '/'))).toBe(true);
});

test.each([
  ['Read', { file_path: POLICY }],
  ['Grep', { path: '/REPO/.autolab', pattern: 'a', output_mode: 'content' }],
  ['search_text', { path: POLICY, text: 'a' }],
  ['search_file_content', { dir_path: '/REPO', pattern: 'a' }],
  ['read_many_files', { paths: [POLICY] }],
  ['get_errors', { filePaths: [POLICY] }],
  ['mcp__file-edit__read_file', { path: POLICY }],
  ['mcp__fs__directory_tree', { path: '/REPO' }],
  ['mcp__git__git_add', { repo_path: '/REPO', files: ['.autolab/verifier_policy.yaml'] }],
  ['copy_file', { source: POLICY, destination: '/tmp/x' }],
  ['lint', { paths: ['.'] }],
  ['Write', { file_path: '/REPO/src/a.ts', content: POLICY }],
  ['str_replace_based_edit_tool', { command: 'view', path: POLICY }],
])('%s changes nothing that is guarded: it goes its way (%j)', (tool, input) => {
  expect(isStopped(tool, input)).toBe(false);
});
