import { expect, test } from 'vitest';
import { clientName } from '../../src/server/caller.ts';
import { INSTRUCTIONS } from '../../src/server/instructions.ts';
import { readAnswer } from '../../src/server/question.ts';

test.each([
  [{ name: 'claude-code', version: '2.1.330' }, 'claude-code/2.1.330'],
  [{ name: 'my client', version: '' }, 'my-client'],
  [{ name: 'evil\u001b[31m\nname\u202e', version: '1/2' }, 'evil-name/1-2'],
  [{ name: 'x'.repeat(1000), version: '1' }, `${'x'.repeat(64)}/1`],
  [{ name: '', version: '' }, 'unknown'],
  [{ name: 7 }, 'unknown'],
  [undefined, 'unknown'],
])('%j is named %s', (info, name) => {
  expect(clientName(info)).toBe(name);
});

test.each([
  ['accept', { answer: 'approve' }, 'granted'],
  ['accept', { answer: 'refuse' }, 'refused'],
  ['accept', { answer: 'yes' }, 'none'],
  ['accept', undefined, 'none'],
  ['accept', { approve: true }, 'none'],
  ['decline', { answer: 'approve' }, 'refused'],
  ['cancel', { answer: 'approve' }, 'none'],
] as const)('%s %j is %s', (action, content, answer) => {
  expect(readAnswer(action, content)).toBe(answer);
});

test('the instructions fit where hosts cut them', () => {
  expect(Buffer.byteLength(INSTRUCTIONS)).toBeLessThan(2048);
});
