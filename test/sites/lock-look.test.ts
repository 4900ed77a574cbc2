import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { hostname, tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { lockLook, readLockLook } from '../../src/sites/lock-look.ts';
import { processLook } from '../../src/sites/process-look.ts';
import { localTransport } from '../../src/sites/transports/local.ts';
import type { Ask } from '../../src/sites/transports/transport.ts';
import { until } from '../support/repo.ts';

const transport = localTransport();
const ask = async <T>({ command, read }: Ask<T>) => read(await transport.run(command, { timeoutMs: 30_000 }));
let folder: string;
let file: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'lock-'));
  file = join(folder, "a lock's file");
});
afterEach(() => rmSync(folder, { recursive: true }));

/** A process that has the lock, until it is told to go. */
async function holder(options: string[] = []) {
  const child = spawn('flock', [...options, file, 'sh', '-c', 'echo held; exec sleep 600'], {
    stdio: ['ignore', 'pipe', 'ignore'],
    detached: true,
  });
  await once(child.stdout, 'data');
  const { pid = 0 } = child;
  return {
    pid,
    end: async () => {
      process.kill(-pid, 'SIGKILL');
      await once(child, 'close');
    },
  };
}

test('a lock that a process has is held, and the look leaves the file as it was', async () => {
  writeFileSync(file, '{"run_id": "r"}\n');
  const before = statSync(file);
  const held = await holder();
  try {
    const seen = await ask(lockLook(file));
    expect(seen).toMatchObject({ host: hostname(), there: 'file', busy: true, body: '{"run_id": "r"}\n' });
    expect(seen.pids).toContain(held.pid);
  } finally {
    await held.end();
  }
  expect(await ask(lockLook(file))).toMatchObject({ busy: false, pids: [] });
  expect(statSync(file)).toMatchObject({ ino: before.ino, mtimeMs: before.mtimeMs, size: before.size });
});

test('it is held for a shared lock, too, and for one whose file is empty', async () => {
  writeFileSync(file, '');
  const held = await holder(['-s']);
  expect(await ask(lockLook(file))).toMatchObject({ busy: true, body: '' });
  await held.end();
});

test('one that waits for a lock does not have it', async () => {
  writeFileSync(file, '');
  const held = await holder();
  const waiting = spawn('flock', [file, 'true'], { stdio: 'ignore' });
  const over = once(waiting, 'close');
  await until(
    'it waits',
    async () => readFileSync('/proc/locks', 'utf8').includes(`-> FLOCK  ADVISORY  WRITE ${waiting.pid} `) || undefined,
  );
  const { pids } = await ask(lockLook(file));
  expect([pids.includes(held.pid), pids.includes(waiting.pid ?? 0)]).toEqual([true, false]);
  await held.end();
  await over;
});

test('where nothing is, nothing is made', async () => {
  expect(await ask(lockLook(file))).toMatchObject({ there: 'absent', busy: null });
  expect(existsSync(file)).toBe(false);
  expect(await ask(lockLook(folder))).toMatchObject({ there: 'odd', busy: null });
});

test('a file that cannot be read, and an answer that is cut off, prove nothing', async () => {
  expect(() => readLockLook({ ...OUTPUT, stdout: 'host h\nthere file\n' }, file)).toThrow('whether');
  expect(() => readLockLook({ ...OUTPUT, exit: 1, stdout: '' }, file)).toThrow('cannot be found out');
  const blind = 'host h\nnow 1\nthere file\nmodified 1\nsystem nfs\nprobe 3\nbody\n\nend\n';
  expect(readLockLook({ ...OUTPUT, stdout: blind }, file)).toMatchObject({ busy: null, isLocal: false });
});

test('a process is known by since when it runs', async () => {
  const now = Date.now() / 1000;
  const seen = await ask(processLook(process.pid));
  if (seen === null || seen === 'gone') throw new Error('it is not seen');
  expect(seen.since).toBeGreaterThan(now - process.uptime() - 30);
  expect(seen.since).toBeLessThan(now + 2);
  const child = spawn('true', { stdio: 'ignore' });
  await once(child, 'close');
  expect(await ask(processLook(child.pid ?? 0))).toBe('gone');
});

const OUTPUT = { exit: 0, signal: null, stdout: '', stderr: '', timedOut: false, notStarted: false };
