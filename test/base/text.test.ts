import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { boundary, cap, clean, nearest, quote, redact } from '../../src/base/text.ts';

describe('clean', () => {
  test.each([
    ['\u001b[31mred\u001b[0m', 'red'],
    ['\u001b]8;;http://x\u0007link\u001b]8;;\u0007', 'link'],
    ['a\u202eb\u200bc\u{e0041}d\ufeff', 'abcd'],
    ['bell\u0007 nul\u0000', 'bell nul'],
    ['a\r\nb\rc', 'a\nb\nc'],
    ['tab\tstays, é and 漢 and 🐧 too', 'tab\tstays, é and 漢 and 🐧 too'],
  ])('%j becomes %j', (text, expected) => expect(clean(text)).toBe(expected));

  test('is done after once', () => {
    fc.assert(fc.property(fc.string({ unit: 'binary' }), (text) => clean(clean(text)) === clean(text)));
  });
});

describe('redact', () => {
  test.each([
    ['export API_KEY=abcdef123456', 'export API_KEY=[redacted]'],
    ['Authorization: Bearer abcdefghijklmnop', 'Authorization: Bearer [token]'],
    ['https://me:hunter22@host/x', 'https://me:[password]@host/x'],
    ['ghp_0123456789abcdefghijABCDEFGHIJ012345', '[token]'],
    ['-----BEGIN OPENSSH PRIVATE KEY-----\nAAAA\n-----END OPENSSH PRIVATE KEY-----', '[private key]'],
    ['--port needs --token-file: everybody on this machine', '--port needs --token-file: everybody on this machine'],
    ['run it with --token-file: hunter22', 'run it with --token-file: [redacted]'],
    ['--api-key=hunterhunter --password: "hunter"', '--api-key=[redacted] --password: [redacted]'],
    ['token-file: hunterhunter', 'token-file: [redacted]'],
    ['accuracy=0.98 tokens seen', 'accuracy=0.98 tokens seen'],
  ])('%j becomes %j', (text, expected) => expect(redact(text)).toBe(expected));
});

test('cap never splits a character and says what it cut', () => {
  expect(cap('abc🐧def', 4)).toBe('abc… [5 more characters]');
  expect(cap('short', 10)).toBe('short');
  expect(quote('\u001b[1mhello\u001b[0m')).toBe('hello');
});

test('a boundary cannot be foretold', () => {
  const first = boundary('x', 'log');
  const second = boundary('x', 'log');
  expect(first).not.toBe(second);
  expect(first).toMatch(/^<untrusted-log-([0-9a-f]{16})>\nx\n<\/untrusted-log-\1>$/);
});

test('nearest finds slips and nothing else', () => {
  expect(nearest('patition', ['partition', 'account'])).toBe('partition');
  expect(nearest('zebra', ['partition', 'account'])).toBeUndefined();
});
