import { randomBytes } from 'node:crypto';
import { readFileSync, unlinkSync } from 'node:fs';
import { hostname } from 'node:os';
import { dirname } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { cannotRead, readBytes } from './disk.ts';
import { Failure } from './errors.ts';
import { makeFolder } from './files.ts';
import { putNew, tidy, tryLink } from './links.ts';

/** How long to wait for another holder before giving up, and how often to look. Locks are held for writes only, never over ssh or a person. */
const WAIT_MS = 15_000;
const LOOK_MS = 5;
/** A lock is a line. */
const LOCK_LIMIT = 64 * 1024;

type Holder = { host: string; boot: string; pid: number; started: string; token: string; purpose: string };

/**
 * Runs `work` while holding `path`. The lock is a complete file linked into place, so nobody ever sees it empty. It is broken only
 * when its holder was on this host and is gone (other boot, no such process, or the pid belongs to a later process); a holder on
 * another host is reported, never broken. Fails with `lock_held` after `waitMs`.
 */
export async function withLock<T>(path: string, purpose: string, work: () => T | Promise<T>, waitMs = WAIT_MS): Promise<T> {
  makeFolder(dirname(path));
  const token = await acquire(path, purpose, waitMs);
  try {
    return await work();
  } finally {
    giveBack(path, token);
  }
}

/** What could not be taken away although it was given back: for this process, and for others once it has ended, nobody holds it. */
const givenBack = new Set<string>();

/** What was done under the lock is done, so a disk that does not let it go is no failure of that. */
function giveBack(path: string, token: string): void {
  try {
    if (read(path)?.token === token) unlinkSync(path);
  } catch {
    givenBack.add(token);
  }
}

async function acquire(path: string, purpose: string, waitMs: number): Promise<string> {
  const token = randomBytes(8).toString('hex');
  const mine: Holder = {
    host: hostname(),
    boot: bootId(),
    pid: process.pid,
    started: startTime(process.pid) ?? '',
    token,
    purpose,
  };
  const temporary = `${path}.${process.pid}.${token}.tmp`;
  try {
    putNew(temporary, `${JSON.stringify(mine)}\n`, path);
    for (const end = Date.now() + waitMs; ; await sleep(LOOK_MS)) {
      if (tryLink(temporary, path)) return token;
      const holder = read(path);
      if (holder && isGone(holder)) breakLock(path, holder, temporary);
      else if (Date.now() >= end) throw held(path, holder);
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
    if (other && isGone(other)) breakLock(right, other, proof);
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

function isGone(holder: Holder): boolean {
  if (givenBack.has(holder.token)) return true;
  if (holder.host !== hostname()) return false;
  if (holder.boot !== bootId()) return true;
  const started = startTime(holder.pid);
  return started === undefined || (holder.started !== '' && started !== holder.started);
}

/** Field 22 of /proc/PID/stat (proc(5)): a pid together with it names one process for ever. Undefined: no such process, or no /proc. */
export function startTime(pid: number): string | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return fields[0] === 'Z' ? undefined : fields[19];
  } catch {
    return undefined;
  }
}

export function bootId(): string {
  try {
    return readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();
  } catch {
    return '';
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
  const away = holder.host !== hostname();
  return new Failure('lock_held', {
    what: `${path} is held by ${who}`,
    why: away ? 'whether a process on another host lives cannot be seen from here' : 'it is still running',
    next: away ? `if that host is down for good, remove ${path} by hand; else call again` : 'call again when it is done',
  });
}
