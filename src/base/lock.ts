import { randomBytes } from 'node:crypto';
import { linkSync, mkdirSync, readdirSync, readFileSync, unlinkSync, writeFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Failure, systemCode } from './errors.ts';
import { bootId, startTime } from './process.ts';
import { noteLock, temporaryBeside } from './temporaries.ts';

/** How long to wait for another holder before giving up, and how often to look. Locks are held for writes only, never over ssh or a person. */
const WAIT_MS = 15_000;
const LOOK_MS = 5;

type Holder = { host: string; boot: string; pid: number; started: string; token: string; purpose: string };

/**
 * Runs `work` while holding `path`. The lock is a complete file linked into place, so nobody ever sees it empty. It is broken only
 * when its holder was on this host and is gone (other boot, no such process, or the pid belongs to a later process); a holder on
 * another host is reported, never broken. Fails with `lock_held` after `waitMs`.
 */
export async function withLock<T>(path: string, purpose: string, work: () => T | Promise<T>, waitMs = WAIT_MS): Promise<T> {
  mkdirSync(dirname(path), { recursive: true });
  noteLock(path);
  const token = await acquire(path, purpose, waitMs);
  try {
    return await work();
  } finally {
    if (read(path)?.token === token) unlinkSync(path);
  }
}

/**
 * Takes a lock away that a process of this host left when it was killed, and the rights to remove one that such processes had taken;
 * leaves everything else as it is.
 */
export function clearLock(path: string): void {
  const rights = namesBeside(path).filter((name) => name.startsWith(`${basename(path)}.`) && name.endsWith('.break'));
  for (const left of [path, ...rights.map((name) => join(dirname(path), name))]) {
    const holder = read(left);
    if (!holder || !isGone(holder)) continue;
    const proof = temporaryBeside(left);
    writeFileSync(proof, text(mine('clearing')), { flag: 'wx' });
    try {
      breakLock(left, holder, proof);
    } finally {
      unlinkSync(proof);
    }
  }
}

function namesBeside(path: string): string[] {
  try {
    return readdirSync(dirname(path));
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return [];
    throw error;
  }
}

function mine(purpose: string): Holder {
  const token = randomBytes(8).toString('hex');
  return { host: hostname(), boot: bootId(), pid: process.pid, started: startTime(process.pid) ?? '', token, purpose };
}

function text(holder: Holder): string {
  return `${JSON.stringify(holder)}\n`;
}

async function acquire(path: string, purpose: string, waitMs: number): Promise<string> {
  const holder = mine(purpose);
  const temporary = temporaryBeside(path);
  writeFileSync(temporary, text(holder), { flag: 'wx' });
  try {
    for (const end = Date.now() + waitMs; ; await sleep(LOOK_MS)) {
      if (tryLink(temporary, path)) return holder.token;
      const other = read(path);
      if (other && isGone(other)) breakLock(path, other, temporary);
      else if (Date.now() >= end) throw held(path, other);
    }
  } finally {
    unlinkSync(temporary);
  }
}

function tryLink(from: string, to: string): boolean {
  try {
    linkSync(from, to);
    return true;
  } catch (error) {
    if (systemCode(error) === 'EEXIST') return false;
    throw error;
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
    if (other && isGone(other)) breakLock(right, other, proof);
    return;
  }
  if (read(path)?.token === dead.token) unlinkSync(path);
  unlinkSync(right);
}

function read(path: string): Holder | undefined {
  try {
    return JSON.parse(readFileSync(path, 'utf8')) as Holder;
  } catch (error) {
    if (systemCode(error) === 'ENOENT' || error instanceof SyntaxError) return undefined;
    throw error;
  }
}

function isGone(holder: Holder): boolean {
  if (holder.host !== hostname()) return false;
  if (holder.boot !== bootId()) return true;
  const started = startTime(holder.pid);
  return started === undefined || (holder.started !== '' && started !== holder.started);
}

function held(path: string, holder: Holder | undefined): Failure {
  const who = holder ? `process ${holder.pid} on ${holder.host} (${holder.purpose})` : 'an unreadable holder';
  const away = holder !== undefined && holder.host !== hostname();
  return new Failure('lock_held', {
    what: `${path} is held by ${who}`,
    why: away ? 'whether a process on another host lives cannot be seen from here' : 'it is still running',
    next: away ? `if that host is down for good, remove ${path} by hand; else call again` : 'call again when it is done',
  });
}
