import {
  chmodSync,
  copyFileSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { hostname, tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { execa } from 'execa';
import { afterAll, expect, test, vi } from 'vitest';
import { withLock } from '../../src/base/lock.ts';
import { bootId, startTime } from '../../src/base/process.ts';

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

test.each([
  ['on another host', { host: 'elsewhere' }],
  ['in another container of this host', { pids: 'pid:[1]' }],
])('a holder %s that was silent for 30 minutes is passed over, and not before', async (_what, over) => {
  const path = join(top, 'silent');
  writeFileSync(path, holder({ pid: 2 ** 22 + 1, ...over }));
  const minutesAgo = (minutes: number) => utimesSync(path, new Date(), new Date(Date.now() - minutes * 60_000));
  minutesAgo(29);
  await expect(withLock(path, 'test', () => 'mine', 50)).rejects.toMatchObject({ code: 'lock_held' });
  minutesAgo(31);
  expect(await withLock(path, 'test', () => 'mine', 5000)).toBe('mine');
  expect(readdirSync(top).filter((name) => name.startsWith('silent'))).toEqual([]);
});

test('a holder lets it be seen that it lives', async () => {
  const path = join(top, 'beats');
  vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] });
  try {
    await withLock(path, 'test', () => {
      utimesSync(path, new Date(0), new Date(0));
      vi.advanceTimersByTime(61_000);
      expect(statSync(path).mtimeMs).toBeGreaterThan(Date.now() - 60_000);
      expect(JSON.parse(readFileSync(path, 'utf8'))).toMatchObject({ purpose: 'test', pid: process.pid });
    });
    expect(vi.getTimerCount()).toBe(0);
  } finally {
    vi.useRealTimers();
  }
});

test('a living process that /proc does not show to this user is not taken for dead', async (context) => {
  if (process.getuid?.() !== 0) return context.skip('only root can mount such a /proc');
  const folder = mkdtempSync(join(tmpdir(), 'hidden-'));
  chmodSync(folder, 0o777);
  writeFileSync(join(folder, 'lock'), holder({ pid: process.pid, started: startTime(process.pid) }));
  const script = join(top, 'hidden.ts');
  writeFileSync(
    script,
    `import { withLock } from ${JSON.stringify(SRC)};
     try { await withLock(${JSON.stringify(join(folder, 'lock'))}, 'test', () => console.log('taken'), 50); } catch (error) { console.log(error.code); }`,
  );
  const bundle = join(folder, 'hidden.mjs');
  await execa(join(ROOT, 'node_modules/.bin/esbuild'), [
    script,
    '--bundle',
    '--platform=node',
    '--format=esm',
    `--outfile=${bundle}`,
  ]);
  const node = join(folder, 'node');
  copyFileSync(process.execPath, node);
  const { stdout } = await execa('unshare', [
    '--mount',
    'sh',
    '-c',
    'mount -t proc -o hidepid=2 proc /proc && exec setpriv --reuid 65534 --regid 65534 --clear-groups "$@"',
    'sh',
    node,
    bundle,
  ]);
  rmSync(folder, { recursive: true });
  expect(stdout).toBe('lock_held');
});

test('the lock is free again when the work throws', async () => {
  const path = join(top, 'throws');
  await expect(withLock(path, 'test', () => Promise.reject(new Error('no')))).rejects.toThrow('no');
  expect(await withLock(path, 'test', () => 'free', 50)).toBe('free');
});
