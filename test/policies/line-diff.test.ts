import { expect, it } from 'vitest';
import { unifiedDiff } from '../../src/policies/line-diff.ts';

const numbered = (to: number) => Array.from({ length: to }, (_, at) => `line ${at + 1}\n`).join('');

it('is empty for equal texts', () => {
  expect(unifiedDiff('a\n', 'a\n', 'f')).toBe('');
});

// As GNU diff 3.8 writes them with `diff -u`.
it.each<[string, string, string, string[]]>([
  ['a first line', '', 'a\n', ['@@ -0,0 +1 @@', '+a']],
  [
    'a changed line',
    numbered(9),
    numbered(9).replace('line 5', 'five'),
    ['@@ -2,7 +2,7 @@', ' line 2', ' line 3', ' line 4', '-line 5', '+five', ' line 6', ' line 7', ' line 8'],
  ],
  ['a line at the end', 'a\nb\n', 'a\nb\nc\n', ['@@ -1,2 +1,3 @@', ' a', ' b', '+c']],
  ['no newline at the end', 'a', 'a\nb\n', ['@@ -1 +1,2 @@', '-a', '\\ No newline at end of file', '+a', '+b']],
  [
    'two places',
    numbered(20),
    numbered(20).replace('line 2\n', '').replace('line 19\n', ''),
    [
      '@@ -1,5 +1,4 @@',
      ' line 1',
      '-line 2',
      ' line 3',
      ' line 4',
      ' line 5',
      '@@ -16,5 +15,4 @@',
      ' line 16',
      ' line 17',
      ' line 18',
      '-line 19',
      ' line 20',
    ],
  ],
])('shows %s', (_name, before, after, hunks) => {
  expect(unifiedDiff(before, after, 'f').split('\n')).toEqual(['--- f', '+++ f', ...hunks]);
});
