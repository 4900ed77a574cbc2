import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { hostname, tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { execa } from 'execa';
import { afterAll, expect, test } from 'vitest';
import { withLock } from '../../src/base/lock.ts';
import { bootId } from '../../src/base/process.ts';

const top = mkdtempSync(join(tmpdir(), 'lock-'));
afterAll(() => rmSync(top, { recursive: true }));
const SRC = resolve(import.meta.dirname, '../../src/base/lock.ts');
const ROOT = resolve(import.meta.dirname, '../..');

function holder(over: Record<string, unknown>): string {
  return `${JSON.stringify({ host: hostname(), boot: bootId(), pid: process.pid, started: '', token: 't0', purpose: 'test', ...over })}\n`;
}

test('one at a time, also within one process', async () => {
  const path = join(top, 'one');
  let inside = 0;
  const most: number[] = [];
  await Promise.all(
    Array.from({ length: 8 }, () =>
      withLock(path, 'test', async () => {
        most.push(++inside);
        await new Promise((done) => setTimeout(done, 3));
        inside--;
      }),
    ),
  );
  expect(most).toEqual(Array(8).fill(1));
  expect(readdirSync(top).filter((name) => name.startsWith('one'))).toEqual([]);
});

test('many processes count together without losing one', async () => {
  const path = join(top, 'counter');
  writeFileSync(path, '0');
  const script = join(top, 'count.ts');
  writeFileSync(
    script,
    `import { readFileSync, writeFileSync } from 'node:fs';
     import { withLock } from ${JSON.stringify(SRC)};
     for (let i = 0; i < 25; i++) await withLock(${JSON.stringify(`${path}.lock`)}, 'test', () => writeFileSync(${JSON.stringify(path)}, String(Number(readFileSync(${JSON.stringify(path)}, 'utf8')) + 1)), 60_000);`,
  );
  const bundle = join(top, 'count.mjs');
  await execa(join(ROOT, 'node_modules/.bin/esbuild'), [
    script,
    '--bundle',
    '--platform=node',
    '--format=esm',
    `--outfile=${bundle}`,
  ]);
  await Promise.all(Array.from({ length: 6 }, () => execa('node', [bundle])));
  expect(readFileSync(path, 'utf8')).toBe('150');
});

test.each([
  ['another boot', { boot: 'other' }],
  ['no such process', { pid: 2 ** 22 + 1 }],
  ['a later process of the same number', { started: '1' }],
])('a dead holder is passed over: %s', async (_what, over) => {
  const path = join(top, 'dead');
  writeFileSync(path, holder(over));
  expect(await withLock(path, 'test', () => 'mine', 5000)).toBe('mine');
  expect(existsSync(path)).toBe(false);
});

test('a living holder is waited for and named', async () => {
  const path = join(top, 'alive');
  writeFileSync(path, holder({ purpose: 'long work' }));
  await expect(withLock(path, 'test', () => 'mine', 50)).rejects.toMatchObject({
    code: 'lock_held',
    message: expect.stringContaining(`process ${process.pid}`),
  });
  expect(existsSync(path)).toBe(true);
});

test('a holder on another host is reported and never broken', async () => {
  const path = join(top, 'away');
  writeFileSync(path, holder({ host: 'elsewhere', pid: 2 ** 22 + 1 }));
  await expect(withLock(path, 'test', () => 'mine', 50)).rejects.toMatchObject({
    code: 'lock_held',
    why: expect.stringContaining('another host'),
  });
  expect(JSON.parse(readFileSync(path, 'utf8')).host).toBe('elsewhere');
});

test('the lock is free again when the work throws', async () => {
  const path = join(top, 'throws');
  await expect(withLock(path, 'test', () => Promise.reject(new Error('no')))).rejects.toThrow('no');
  expect(await withLock(path, 'test', () => 'free', 50)).toBe('free');
});
