import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { hostname, tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { instant } from '../../../src/base/ids.ts';
import { withAutolabLock } from '../../../src/runs/autolab/autolab-lock.ts';
import { viewOf } from '../failing.ts';

let repo: string;
let lock: string;
beforeEach(() => {
  repo = mkdtempSync(join(tmpdir(), 'autolab-lock-'));
  mkdirSync(join(repo, '.autolab'));
  lock = join(repo, '.autolab', 'lock');
});
afterEach(() => rmSync(repo, { recursive: true }));

const files = () => readdirSync(join(repo, '.autolab')).sort();
const ago = (minutes: number) => instant(new Date(Date.now() - minutes * 60_000));

/** A lock as the reference writes it. */
function reference(fields: Record<string, unknown>): void {
  const holder = {
    pid: process.pid,
    host: hostname(),
    owner_uuid: 'feedfeedfeedfeedfeedfeedfeedfeed',
    started_at: ago(1),
    last_heartbeat_at: ago(1),
    started_monotonic: 1.5,
    last_heartbeat_monotonic: 1.5,
    command: 'autolab run',
    state_file: 'x',
  };
  writeFileSync(lock, JSON.stringify({ ...holder, ...fields }));
}

async function deadPid(): Promise<number> {
  const child = spawn('true');
  await once(child, 'exit');
  return child.pid ?? 0;
}

const refusal = (waitMs: number) => withAutolabLock(repo, 'autolab-mcp test', () => 'taken', waitMs).then(() => 'taken', viewOf);

test('the lock is complete and in the reference’s format while it is held, and gone afterwards', async () => {
  const seen = await withAutolabLock(repo, 'autolab-mcp submit', () => JSON.parse(readFileSync(lock, 'utf8')) as unknown);
  expect(seen).toEqual({
    pid: process.pid,
    host: hostname(),
    owner_uuid: expect.stringMatching(/^[0-9a-f]{32}$/),
    started_at: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/),
    last_heartbeat_at: expect.stringMatching(/Z$/),
    started_monotonic: expect.any(Number),
    last_heartbeat_monotonic: expect.any(Number),
    command: 'autolab-mcp submit',
    state_file: join(repo, '.autolab', 'state.json'),
    autolab_mcp: { boot: expect.any(String), started: expect.any(String) },
  });
  expect(files()).toEqual([]);
});

test('it is released when the work fails, and the work’s error comes out', async () => {
  await expect(withAutolabLock(repo, 'x', () => Promise.reject(new Error('work')))).rejects.toThrow('work');
  expect(files()).toEqual([]);
});

test('holders take turns', async () => {
  let inside = 0;
  const most: number[] = [];
  const work = async () => {
    most.push(++inside);
    await new Promise((done) => setImmediate(done));
    inside--;
  };
  await Promise.all(Array.from({ length: 8 }, () => withAutolabLock(repo, 'x', work, 30_000)));
  expect(most).toEqual(Array.from({ length: 8 }, () => 1));
});

test('a living holder is named', async () => {
  reference({});
  expect(await refusal(0)).toEqual({
    code: 'lock_held',
    what: `${lock} is held by process ${process.pid} on ${hostname()} (autolab run), last heard of at ${JSON.parse(readFileSync(lock, 'utf8')).last_heartbeat_at}`,
    why: 'it is still running',
    next: 'call again when it is done',
    retry: true,
  });
});

test('a holder of another host is believed for 30 minutes', async () => {
  reference({ host: 'elsewhere', pid: 1, last_heartbeat_at: ago(29) });
  expect(await refusal(0)).toMatchObject({ code: 'lock_held', why: expect.stringContaining('another host') });
  reference({ host: 'elsewhere', pid: 1, last_heartbeat_at: ago(31) });
  expect(await refusal(30_000)).toBe('taken');
});

test('a holder of this host that is gone is broken at once, as the reference breaks it', async () => {
  reference({ pid: await deadPid() });
  const before = readFileSync(lock, 'utf8');
  expect(await refusal(30_000)).toBe('taken');
  const [stale = '', ...others] = files();
  expect([stale.replace(/[0-9a-f]{8}$/, 'HEX'), others]).toEqual(['lock.stale.HEX', []]);
  expect(readFileSync(join(repo, '.autolab', stale), 'utf8')).toBe(before);
});

test('a pid that was given to another process does not keep a dead lock alive', async () => {
  reference({ autolab_mcp: { boot: '', started: '1' } });
  expect(await refusal(30_000)).toBe('taken');
});

test('many who find a dead holder still take turns', async () => {
  reference({ pid: await deadPid() });
  let inside = 0;
  const work = async () => {
    expect(++inside).toBe(1);
    await new Promise((done) => setImmediate(done));
    inside--;
  };
  await Promise.all(Array.from({ length: 8 }, () => withAutolabLock(repo, 'x', work, 30_000)));
  expect(files().filter((name) => !name.startsWith('lock.stale.'))).toEqual([]);
});

test.each(['', '{"pid": 12', '{}', '[]', 'null'])('a lock that reads %j is reported, never taken', async (text) => {
  writeFileSync(lock, text);
  utimesSync(lock, new Date(0), new Date(0));
  expect(await refusal(0)).toEqual({
    code: 'lock_held',
    what: `${lock} is there and names no holder`,
    why: 'it is empty or not readable, so whether somebody holds it cannot be known',
    next: `see that no autolab runs here, then remove ${lock}`,
    retry: true,
  });
  expect(readFileSync(lock, 'utf8')).toBe(text);
});

test('a lock that is being written is waited for', async () => {
  writeFileSync(lock, '');
  const waiting = refusal(0);
  reference({});
  expect(await waiting).toMatchObject({ code: 'lock_held', what: expect.stringContaining('(autolab run)') });
});

test('a lock that another has taken meanwhile is left to it', async () => {
  await withAutolabLock(repo, 'x', () => reference({}));
  expect(existsSync(lock)).toBe(true);
});
