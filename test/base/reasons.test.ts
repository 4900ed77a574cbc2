import { constants } from 'node:os';
import { expect, test } from 'vitest';
import { mendOf, reasonOf, systemCode } from '../../src/base/reasons.ts';

/** As Node makes it. */
const refused = (code: string, errno: number) => Object.assign(new Error(code), { code, errno, syscall: 'fsync' });

test.each([
  ['ENOSPC', 'ENOSPC', constants.errno.ENOSPC, 'the disk is full (ENOSPC)', 'make room on that disk'],
  // Node 20 has no names for these.
  ['EDQUOT', 'Unknown system error -122', constants.errno.EDQUOT, 'the quota is used up (EDQUOT)', /quota/],
  ['ESTALE', 'Unknown system error -116', constants.errno.ESTALE, 'the file server has lost it (ESTALE)', /file server/],
])('a refusal of a disk with %s is told in words', (name, code, errno, why, mend) => {
  const error = refused(code, -errno);
  expect(systemCode(error)).toBe(name);
  expect(reasonOf(error)).toBe(why);
  expect(mendOf(error)).toMatch(mend);
});

test('what is no refusal has no code', () => {
  expect(systemCode(new Error('x'))).toBeUndefined();
  expect(systemCode('EIO')).toBeUndefined();
  expect(reasonOf(new Error('x'))).toBe('Error: x');
});
