import { execFileSync } from 'node:child_process';
import { expect, test } from 'vitest';
import { completion } from '../../src/cli/completion.ts';
import { tools } from '../../src/tools/index.ts';
import { failureOf } from '../runs/failing.ts';

/** What bash offers for the last of these words. */
function offered(...words: string[]): string[] {
  const script = `${completion('bash', tools)}
    COMP_WORDS=(autolab-mcp "$@"); COMP_CWORD=$(($#)); _autolab_mcp; printf '%s\\n' "\${COMPREPLY[@]}"`;
  return execFileSync('bash', ['-c', script, 'bash', ...words], { encoding: 'utf8' })
    .trim()
    .split('\n');
}

test.each<[string[], string[]]>([
  [['sub'], ['submit']],
  [['policy', 'sh'], ['show']],
  [['policy', 'apply', ''], ['preset']],
  [['submit', '--dry'], ['--dry-run']],
  [['verify', '--stage', 'la'], ['launch']],
  [
    ['setup', 'c'],
    ['claude-code', 'codex', 'cursor'],
  ],
  [
    ['completion', ''],
    ['bash', 'zsh', 'fish'],
  ],
  [
    ['slurm-job-list', ''],
    ['append', 'verify'],
  ],
])('after %j bash offers %j', (words, found) => expect(offered(...words)).toEqual(found));

test('every command is offered, in every shell', () => {
  const first = new Set(tools.map(({ command }) => command[0]));
  expect(new Set(offered(''))).toEqual(new Set([...first, 'serve', 'dashboard', 'completion']));
  for (const shell of ['zsh', 'fish']) for (const word of first) expect(completion(shell, tools)).toContain(word);
});

test('another shell is refused, with what to type', () =>
  expect(failureOf(() => completion('tcsh', tools))).toMatchObject({
    code: 'usage',
    next: expect.stringContaining('completion bash'),
  }));
