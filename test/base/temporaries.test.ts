import { spawn } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { clearLock, withLock } from '../../src/base/lock.ts';
import { bootId, startTime } from '../../src/base/process.ts';
import { deadIn, noteTemporaries, temporaryBeside } from '../../src/base/temporaries.ts';

let folder: string;
let notes: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'temporaries-'));
  notes = join(folder, 'writing');
  noteTemporaries(notes);
});
afterEach(() => rmSync(folder, { recursive: true }));

/** Our own note, renamed to be that of another process, with a temporary file of that one. */
function leave(change: (parts: string[]) => string[]): string {
  temporaryBeside(join(folder, 'work', 'state.json'));
  const [name = ''] = readdirSync(notes);
  const parts = change(name.split('.'));
  renameSync(join(notes, name), join(notes, parts.join('.')));
  const left = join(folder, 'work', `.state.json.${parts[2]}.${parts[4]}0.tmp`);
  mkdirSync(dirname(left), { recursive: true });
  writeFileSync(left, 'half');
  return left;
}
const sweep = () => {
  for (const dead of deadIn(notes)) dead.sweep();
};

async function gone(): Promise<number> {
  const child = spawn('true');
  await new Promise((done) => child.once('exit', done));
  return child.pid ?? 0;
}

test('what a process that is gone had begun is taken away, and its note with it', async () => {
  const pid = String(await gone());
  const left = leave((parts) => parts.with(2, pid));
  const others = ['state.json', `.state.json.${pid}.00000000x.tmp`, `.other.${pid}.tmp`].map((name) => join(dirname(left), name));
  for (const other of others) writeFileSync(other, '');
  sweep();
  expect([existsSync(left), readdirSync(notes)]).toEqual([false, []]);
  expect(others.filter((other) => !existsSync(other))).toEqual([]);
});

test('a number that was given to another process since keeps nothing', () => {
  const left = leave((parts) => parts.with(3, '1'));
  sweep();
  expect(existsSync(left)).toBe(false);
});

test('of before the machine was started again nobody lives', () => {
  const left = leave((parts) => parts.with(1, '00000000'));
  sweep();
  expect(existsSync(left)).toBe(false);
});

test.each([
  ['a process that lives', (parts: string[]) => parts],
  ['another machine, or another table of processes', (parts: string[]) => parts.with(0, '000000000000').with(3, '1')],
])('what is of %s is left alone', (_whose, change) => {
  const left = leave(change);
  sweep();
  expect([existsSync(left), readdirSync(notes).length]).toEqual([true, 1]);
});

test('a lock is noted before it is taken, and one that was left is cleared, with the right to break it', async () => {
  const lock = join(folder, 'lock');
  await withLock(lock, 'test', () => {
    expect(readFileSync(join(notes, readdirSync(notes)[0] ?? ''), 'utf8')).toContain(`lock ${lock}\n`);
    clearLock(lock);
    expect(existsSync(lock)).toBe(true);
    const holder = JSON.parse(readFileSync(lock, 'utf8')) as object;
    const dead = JSON.stringify({ ...holder, started: '1', token: 'dead' });
    writeFileSync(lock, dead);
    writeFileSync(`${lock}.other.break`, dead);
    clearLock(lock);
    expect(readdirSync(folder)).toEqual(['writing']);
  });
});

test('a note that cannot be written keeps nobody from working', async () => {
  writeFileSync(notes, 'in the way');
  expect(await withLock(join(folder, 'lock'), 'test', () => 'done')).toBe('done');
  expect([bootId(), startTime(process.pid)].every(Boolean)).toBe(true);
});
