import { expect, test } from 'vitest';
import { isNestedTooDeeply } from '../../src/base/nesting.ts';

test.each([
  ['braces', '{'.repeat(2000)],
  ['brackets behind keys', 'a: ['.repeat(101)],
  ['dashes on one line', `${'- '.repeat(101)}a`],
  ['indents', Array.from({ length: 101 }, (_, at) => `${' '.repeat(at)}a:`).join('\n')],
])('%s one in the other are too deep', (_what, text) => expect(isNestedTooDeeply(text)).toBe(true));

test.each([
  ['a long list', '- a\n'.repeat(5000)],
  ['a line of dashes', `${'-'.repeat(500)}\n`],
  ['a document mark', '---\na: 1\n'],
  ['many small ones', 'a: { b: [1, 2] }\n'.repeat(5000)],
  ['ten deep, often', `${Array.from({ length: 10 }, (_, at) => `${' '.repeat(at)}a:`).join('\n')}\n`.repeat(200)],
])('%s is not', (_what, text) => expect(isNestedTooDeeply(text)).toBe(false));
