import { randomBytes } from 'node:crypto';
import { appendFileSync, statSync, unlinkSync } from 'node:fs';
import { hostname } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { cannotRead, namesIn, readBytes } from './disk.ts';
import { Failure, systemCode } from './errors.ts';
import { makeFolder } from './files.ts';
import { putNew, tidy, tryLink } from './links.ts';
import { bootId, ownStartTime, processTable, startTime } from './process.ts';
import { noteLock, temporaryBeside } from './temporaries.ts';

/** How long to wait for another holder before giving up. Locks are held for writes only, never over ssh or a person. */
const WAIT_MS = 15_000;
/** Every look is a request to the file server where the lock is on one: who waits longer looks less often, and not in step with the others. */
const LOOK_MS = { first: 5, most: 60 };
/** A holder touches its lock this often. One whose life cannot be seen from here counts as dead after so long a silence, as in Autolab. */
const BEAT_MS = 60_000;
const SILENCE_MS = 30 * 60_000;
/** A lock is a line. */
const LOCK_LIMIT = 64 * 1024;

/** `pids`: the namespace in which `pid` counts; containers can share a name and a boot. */
type Holder = { host: string; boot: string; pids?: string; pid: number; started: string; token: string; purpose: string };

/**
 * Runs `work` while holding `path`. The lock is a complete file linked into place, so nobody ever sees it empty. It is broken when
 * its holder was on this host and is gone (other boot, no such process, or the pid belongs to a later process). A holder elsewhere, on
 * another host or in another container, is reported and believed until it was silent for 30 minutes by the clock of the file system.
 * Fails with `lock_held` after `waitMs`.
 */
export async function withLock<T>(path: string, purpose: string, work: () => T | Promise<T>, waitMs = WAIT_MS): Promise<T> {
  const letGo = await keepLock(path, purpose, waitMs);
  try {
    return await work();
  } finally {
    letGo();
  }
}

/** The same lock, kept until what it gives is called, or this process ends: for what is begun in one place and finished in another. */
export async function keepLock(path: string, purpose: string, waitMs = WAIT_MS): Promise<() => void> {
  makeFolder(dirname(path));
  noteLock(path);
  const token = await acquire(path, purpose, waitMs);
  const beat = setInterval(() => touch(path, token), BEAT_MS);
  beat.unref();
  return () => {
    clearInterval(beat);
    giveBack(path, token);
  };
}

/** What could not be taken away although it was given back: for this process, and for others once it has ended, nobody holds it. */
const givenBack = new Set<string>();

/** What was done under the lock is done, so a disk that does not let it go, not even when asked again, is no failure of that. */
function giveBack(path: string, token: string): void {
  const remove = () => {
    if (read(path)?.token === token) unlinkSync(path);
  };
  try {
    remove();
  } catch {
    try {
      remove();
    } catch {
      givenBack.add(token);
    }
  }
}

/**
 * Takes a lock away that a process of this host left when it was killed, and the rights to remove one that such processes had taken;
 * leaves everything else as it is.
 */
export function clearLock(path: string): void {
  const rights = namesIn(dirname(path)).filter((name) => name.startsWith(`${basename(path)}.`) && name.endsWith('.break'));
  for (const left of [path, ...rights.map((name) => join(dirname(path), name))]) {
    const holder = read(left);
    if (!holder || !isGone(holder, left)) continue;
    const proof = temporaryBeside(left);
    try {
      putNew(proof, text(mine('clearing')), left);
      breakLock(left, holder, proof);
    } finally {
      tidy(proof);
    }
  }
}

function mine(purpose: string): Holder {
  const token = randomBytes(8).toString('hex');
  return {
    host: hostname(),
    boot: bootId(),
    pids: processTable(),
    pid: process.pid,
    started: ownStartTime() ?? '',
    token,
    purpose,
  };
}

function text(holder: Holder): string {
  return `${JSON.stringify(holder)}\n`;
}

async function acquire(path: string, purpose: string, waitMs: number): Promise<string> {
  const holder = mine(purpose);
  const temporary = temporaryBeside(path);
  try {
    putNew(temporary, text(holder), path);
    const end = Date.now() + waitMs;
    for (let pause = LOOK_MS.first; ; pause = Math.min(pause * 1.5, LOOK_MS.most), await sleep(pause * (0.5 + Math.random()))) {
      if (tryLink(temporary, path)) return holder.token;
      const other = read(path);
      if (other && isGone(other, path, temporary)) breakLock(path, other, temporary);
      else if (Date.now() >= end) throw held(path, other);
    }
  } finally {
    tidy(temporary);
  }
}

/**
 * Takes a dead holder's lock away without ever taking a living one's. The right to remove one particular dead holder is itself a link,
 * named after that holder's token, so only one process at a time may remove it; whoever dies holding the right is broken the same way.
 */
function breakLock(path: string, dead: Holder, proof: string): void {
  const right = `${path}.${dead.token}.break`;
  if (!tryLink(proof, right)) {
    const other = read(right);
    if (other && isGone(other, right, proof)) breakLock(right, other, proof);
    return;
  }
  if (read(path)?.token === dead.token) unlinkSync(path);
  unlinkSync(right);
}

/** Who holds it; undefined where it is free, or names nobody. */
function read(path: string): Holder | undefined {
  const text = readBytes(path, LOCK_LIMIT)?.toString('utf8');
  if (text === undefined) return undefined;
  try {
    const value: unknown = JSON.parse(text);
    return isHolder(value) ? value : undefined;
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw cannotRead(path, error);
  }
}

function isHolder(value: unknown): value is Holder {
  if (typeof value !== 'object' || value === null) return false;
  const { host, boot, pid, started, token, purpose } = value as Partial<Record<keyof Holder, unknown>>;
  return typeof pid === 'number' && [host, boot, started, token, purpose].every((one) => typeof one === 'string');
}

/** A space behind the JSON: the file server's own clock writes down when. Whoever has taken the lock over meanwhile loses nothing by it. */
function touch(path: string, token: string): void {
  try {
    if (read(path)?.token === token) appendFileSync(path, ' ');
  } catch {
    // On a full or broken disk nobody sees that it lives; it goes on for all that, and comes again in a minute.
  }
}

/** `fresh` was just made beside `path`, so that both have their times of one clock; without it nobody elsewhere is gone. */
function isGone(holder: Holder, path: string, fresh?: string): boolean {
  if (givenBack.has(holder.token)) return true;
  if (!isNear(holder)) return fresh !== undefined && isSilent(path, fresh);
  if (holder.boot !== bootId()) return true;
  const started = startTime(holder.pid);
  if (started === undefined) return !isHidden(holder.pid);
  return holder.started !== '' && started !== holder.started;
}

/** Whether the holder's process, if it lives, is among those that can be seen from here. */
function isNear(holder: Holder): boolean {
  if (holder.host !== hostname()) return false;
  return holder.boot !== bootId() || holder.pids === undefined || holder.pids === processTable();
}

function isSilent(path: string, fresh: string): boolean {
  const last = statSync(path, { throwIfNoEntry: false })?.mtimeMs;
  return last !== undefined && statSync(fresh).mtimeMs - last > SILENCE_MS;
}

/** Another user's process that /proc does not show (hidepid, proc(5)): it is there, and may not be signalled. */
function isHidden(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return false;
  } catch (error) {
    return systemCode(error) === 'EPERM';
  }
}

function held(path: string, holder: Holder | undefined): Failure {
  if (!holder)
    return new Failure('lock_held', {
      what: `${path} is there and names no holder`,
      why: 'it is empty, torn or not ours, so whether somebody holds it cannot be known',
      next: `see that no autolab-mcp runs here, then remove ${path}`,
    });
  const who = `process ${holder.pid} on ${holder.host} (${holder.purpose})`;
  const away = !isNear(holder);
  return new Failure('lock_held', {
    what: `${path} is held by ${who}`,
    why: away
      ? 'whether a process on another host, or in another container, lives cannot be seen from here; after 30 minutes of silence its lock is taken over'
      : 'it is still running',
    next: away
      ? `call again when it is done; if that host is down for good, ${path} may be removed by hand`
      : 'call again when it is done',
  });
}
