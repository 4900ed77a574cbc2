import { randomBytes } from 'node:crypto';
import { renameSync, unlinkSync } from 'node:fs';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { readBytes, statOf } from '../../base/disk.ts';
import { Failure, systemCode } from '../../base/errors.ts';
import { jsonText, makeFolder, writeAtomic } from '../../base/files.ts';
import { instant } from '../../base/ids.ts';
import { putNew, tidy, tryLink } from '../../base/links.ts';
import { withLock } from '../../base/lock.ts';
import { bootId, startTime } from '../../base/process.ts';
import { temporaryBeside } from '../../base/temporaries.ts';
import { cap, clean } from '../../base/text.ts';

/** The reference's own figures: a holder rewrites its heartbeat every minute, and counts as dead after 30. */
const HEARTBEAT_MS = 60_000;
const STALE_MS = 30 * 60_000;
/** The reference creates its lock empty and then writes it; for this long an unreadable one is taken for that. */
const BEING_WRITTEN_MS = 5_000;
const WAIT_MS = 10_000;
const LOOK_MS = 20;
/** A lock is a few lines. */
const LOCK_LIMIT = 64 * 1024;

/** The reference's fields, and `autolab_mcp`, by which a process of ours is known for certain. */
type Holder = {
  pid: number;
  host: string;
  owner_uuid: string;
  started_at: string;
  last_heartbeat_at: string;
  started_monotonic: number;
  last_heartbeat_monotonic: number;
  command: string;
  state_file: string;
  autolab_mcp?: { boot: string; started: string };
};

/**
 * Runs `work` while holding `.autolab/lock` in the reference's format, with its heartbeat. Take it around state.json and manifests only,
 * never over ssh or a person. A holder of this host whose process is gone is broken at once, any holder after 30 minutes without a
 * heartbeat; a lock that cannot be read is reported, never taken. Fails with `lock_held` after `waitMs` milliseconds.
 */
export async function withAutolabLock<T>(
  repo: string,
  command: string,
  work: () => T | Promise<T>,
  waitMs = WAIT_MS,
): Promise<T> {
  const path = join(repo, '.autolab', 'lock');
  const mine = newHolder(command, join(repo, '.autolab', 'state.json'));
  makeFolder(join(repo, '.autolab'));
  await acquire(path, mine, waitMs);
  const heartbeat = setInterval(() => beat(path, mine), HEARTBEAT_MS);
  heartbeat.unref();
  try {
    return await work();
  } finally {
    clearInterval(heartbeat);
    giveBack(path, mine);
  }
}

/** What was done under the lock is done, so a disk that does not let it go is no failure of that; it is over when this process is. */
function giveBack(path: string, mine: Holder): void {
  try {
    if (look(path).holder?.owner_uuid === mine.owner_uuid) unlinkSync(path);
  } catch {
    givenBack.add(mine.owner_uuid);
  }
}

const givenBack = new Set<string>();

/** Takes the lock away where a process of ours on this host left it when it was killed. */
export async function clearAutolabLock(repo: string): Promise<void> {
  const path = join(repo, '.autolab', 'lock');
  const { holder } = look(path);
  if (holder?.autolab_mcp && holder.host === hostname() && lifeOf(holder) === 'gone')
    await breakLock(path, holder, randomBytes(16).toString('hex'));
}

async function acquire(path: string, mine: Holder, waitMs: number): Promise<void> {
  const complete = temporaryBeside(path);
  try {
    putNew(complete, jsonText(mine), path);
    for (const end = Date.now() + waitMs; ; await sleep(LOOK_MS)) {
      if (tryLink(complete, path)) return;
      const seen = look(path);
      if (seen.holder && isOver(seen.holder)) await breakLock(path, seen.holder, mine.owner_uuid);
      else if (seen.exists && Date.now() >= end && !mayStillBeWritten(seen)) throw held(path, seen.holder);
    }
  } finally {
    tidy(complete);
  }
}

/**
 * Takes a dead holder's lock away as the reference does, by renaming it to `lock.stale.<8 hex>`. Processes of ours do so one at a time;
 * should another program have taken the lock in between, what was renamed is not the dead one, and is put back.
 */
async function breakLock(path: string, dead: Holder, token: string): Promise<void> {
  await withLock(`${path}.breaking`, 'breaking a stale Autolab lock', () => {
    if (look(path).holder?.owner_uuid !== dead.owner_uuid) return;
    const stale = `${path}.stale.${token.slice(0, 8)}`;
    renameSync(path, stale);
    const isOther = look(stale).holder?.owner_uuid !== dead.owner_uuid;
    // What the reference left it keeps to be looked at; of ours the audit log tells.
    if (isOther ? tryLink(stale, path) : dead.autolab_mcp) unlinkSync(stale);
  });
}

function newHolder(command: string, stateFile: string): Holder {
  const now = instant();
  const monotonic = Number(process.hrtime.bigint()) / 1e9;
  return {
    pid: process.pid,
    host: hostname(),
    owner_uuid: randomBytes(16).toString('hex'),
    started_at: now,
    last_heartbeat_at: now,
    started_monotonic: monotonic,
    last_heartbeat_monotonic: monotonic,
    command,
    state_file: stateFile,
    autolab_mcp: { boot: bootId(), started: startTime(process.pid) ?? '' },
  };
}

function beat(path: string, mine: Holder): void {
  const monotonic = Number(process.hrtime.bigint()) / 1e9;
  try {
    if (look(path).holder?.owner_uuid !== mine.owner_uuid) return;
    writeAtomic(path, jsonText({ ...mine, last_heartbeat_at: instant(), last_heartbeat_monotonic: monotonic }));
  } catch {
    // On a full disk: the next one, or silence, of which others take 30 minutes as life.
  }
}

/** What lies there: no lock, a holder, or something that names none. */
type Seen = { exists: boolean; writtenAt: number; holder?: Holder };

function look(path: string): Seen {
  const writtenAt = statOf(path)?.mtimeMs;
  if (writtenAt === undefined) return { exists: false, writtenAt: 0 };
  try {
    const text = readBytes(path, LOCK_LIMIT)?.toString('utf8');
    if (text === undefined) return { exists: false, writtenAt: 0 };
    const value: unknown = JSON.parse(text);
    return isHolder(value) ? { exists: true, writtenAt, holder: value } : { exists: true, writtenAt };
  } catch (error) {
    if (error instanceof SyntaxError) return { exists: true, writtenAt };
    throw error;
  }
}

function isHolder(value: unknown): value is Holder {
  if (typeof value !== 'object' || value === null) return false;
  const { pid, host, owner_uuid: owner, last_heartbeat_at: heartbeat } = value as Partial<Holder>;
  return (
    typeof pid === 'number' &&
    typeof host === 'string' &&
    typeof owner === 'string' &&
    !Number.isNaN(Date.parse(String(heartbeat)))
  );
}

function mayStillBeWritten(seen: Seen): boolean {
  return seen.holder === undefined && Date.now() - seen.writtenAt < BEING_WRITTEN_MS;
}

function isOver(holder: Holder): boolean {
  if (givenBack.has(holder.owner_uuid)) return true;
  const here = holder.host === hostname();
  const life = here ? lifeOf(holder) : 'unknown';
  if (life === 'gone') return true;
  return life !== 'certain' && Date.now() - Date.parse(holder.last_heartbeat_at) > STALE_MS;
}

/** `certain`: the very process of ours that wrote it. A process of the reference may be another one that got the same number. */
function lifeOf(holder: Holder): 'gone' | 'certain' | 'unknown' {
  const { boot, started } = holder.autolab_mcp ?? {};
  if (boot && boot !== bootId()) return 'gone';
  if (!processExists(holder.pid)) return 'gone';
  const now = startTime(holder.pid);
  if (!started || now === undefined) return 'unknown';
  return now === started ? 'certain' : 'gone';
}

function processExists(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return process.platform !== 'linux' || startTime(pid) !== undefined;
  } catch (error) {
    return systemCode(error) !== 'ESRCH';
  }
}

function held(path: string, holder: Holder | undefined): Failure {
  if (!holder) {
    return new Failure('lock_held', {
      what: `${path} is there and names no holder`,
      why: 'it is empty or not readable, so whether somebody holds it cannot be known',
      next: `see that no autolab runs here, then remove ${path}`,
    });
  }
  const who = `process ${holder.pid} on ${clean(holder.host)} (${cap(clean(String(holder.command)), 120)})`;
  return new Failure('lock_held', {
    what: `${path} is held by ${who}, last heard of at ${holder.last_heartbeat_at}`,
    why:
      holder.host === hostname()
        ? 'it is still running'
        : 'whether a process on another host lives cannot be seen from here; after 30 minutes of silence its lock is taken over',
    next: 'call again when it is done',
  });
}
