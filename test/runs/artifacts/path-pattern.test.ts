import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { expect, test } from 'vitest';
import { findPaths } from '../../../src/runs/artifacts/glob.ts';
import { pathPattern } from '../../../src/runs/artifacts/path-pattern.ts';

const PATHS = ['a.txt', 'data/a.txt', 'data/b/a.txt', 'data/b/c.npz', 'data/.hidden', 'data/.b/a.txt', 'logs/out.log'];

test.each<[string, string[]]>([
  ['a.txt', ['a.txt']],
  ['*.txt', ['a.txt']],
  ['data/*', ['data/a.txt', 'data/b/a.txt', 'data/b/c.npz']],
  ['data', ['data/a.txt', 'data/b/a.txt', 'data/b/c.npz', 'data/.hidden', 'data/.b/a.txt']],
  ['data/**', ['data/a.txt', 'data/b/a.txt', 'data/b/c.npz']],
  ['data/**/a.txt', ['data/a.txt', 'data/b/a.txt']],
  ['**/a.txt', ['a.txt', 'data/a.txt', 'data/b/a.txt']],
  ['data/.hid*', ['data/.hidden']],
  ['./data//b/?.npz', ['data/b/c.npz']],
  ['dat', []],
  ['data/b/c.npz/x', []],
])('%s', (pattern, expected) => {
  const { test: isIn } = pathPattern(pattern);
  expect(PATHS.filter(isIn)).toEqual(expected);
});

test('what names files alone names what a search of the disk finds', () => {
  const top = mkdtempSync(join(tmpdir(), 'path-pattern-'));
  try {
    for (const path of PATHS) {
      mkdirSync(dirname(join(top, path)), { recursive: true });
      writeFileSync(join(top, path), '');
    }
    for (const pattern of ['*.txt', 'data/**', '**/a.txt', 'data/**/*.npz', 'data/b/*', '**/**/c.npz'])
      expect([pattern, PATHS.filter(pathPattern(pattern).test).sort()]).toEqual([pattern, findPaths(top, pattern)]);
  } finally {
    rmSync(top, { recursive: true });
  }
});

test('a pattern made to take for ever takes no time', () => {
  const path = `${'a/'.repeat(2000)}c`;
  expect(pathPattern(`${'**/a/'.repeat(200)}b`).test(path)).toBe(false);
  expect(pathPattern(`${'**/'.repeat(500)}c`).test(path)).toBe(true);
  expect(pathPattern('*'.repeat(500)).test('a'.repeat(5000))).toBe(true);
});
