import { randomBytes } from 'node:crypto';
import { appendFileSync, lstatSync, mkdirSync, readFileSync, rmSync } from 'node:fs';
import { hostname } from 'node:os';
import { basename, dirname, join, resolve } from 'node:path';
import { sha256 } from './digest.ts';
import { namesIn } from './disk.ts';
import { systemCode } from './errors.ts';
import { bootId, processTable, startTime } from './process.ts';

/** Of this very process, in the names of all its temporary files. */
const TOKEN = randomBytes(4).toString('hex');
/** Machine, boot, process, its start and its token. */
const NOTE = /^([0-9a-f]{12})\.([0-9a-f]{8})\.(\d+)\.(\d+)\.([0-9a-f]{8})$/;

/** What the line of a lock begins with; that of a folder is its absolute path. */
const LOCK = 'lock ';

let count = 0;
let notes: string | undefined;
const noted = new Set<string>();

/**
 * From now on this process notes in `folder` where it makes temporary files, for as long as it lives, so that what it leaves when it is
 * killed can be found without looking everywhere. One file a process, which it takes away when it ends.
 */
export function noteTemporaries(folder: string): void {
  if (notes === folder) return;
  notes = folder;
  noted.clear();
}

/** Where that is in the folder that is kept for a repository outside of it. */
export function notesIn(state: string): string {
  return join(state, 'writing');
}

/** A name beside `path` that nobody else uses, for what is not whole yet. */
export function temporaryBeside(path: string): string {
  note(resolve(dirname(path)));
  return join(dirname(path), `.${basename(path)}.${process.pid}.${TOKEN}${(count++).toString(36)}.tmp`);
}

/** Notes a lock that this process is about to take, so that it is found when this process is killed with it. */
export function noteLock(path: string): void {
  note(`${LOCK}${resolve(path)}`);
}

/** A process that was killed: the folders it wrote in, the locks it took, and how to take away what it had not finished there. */
export type Dead = { folders: readonly string[]; locks: readonly string[]; sweep(): void };

/**
 * Those that noted in `folder`, were processes of this machine, and are certainly gone: whether one of another machine, or behind another
 * table of processes, lives cannot be seen from here.
 */
export function deadIn(folder: string): Dead[] {
  return namesIn(folder).flatMap((name) => {
    const [, machine, boot, pid, start, token] = NOTE.exec(name) ?? [];
    if (machine !== machineTag() || (boot === bootTag() && startTime(Number(pid)) === start)) return [];
    const lines = [...new Set((readText(join(folder, name)) ?? '').split('\n').slice(0, -1))];
    const folders = lines.filter((line) => !line.startsWith(LOCK));
    return [
      {
        folders,
        locks: lines.filter((line) => line.startsWith(LOCK)).map((line) => line.slice(LOCK.length)),
        sweep: () => {
          for (const one of folders) sweep(one, `.${pid}.${token}`);
          rmSync(join(folder, name), { force: true });
        },
      },
    ];
  });
}

/** Only what bears the very name of that process's temporary files. */
function sweep(folder: string, owner: string): void {
  for (const name of namesIn(folder)) {
    const at = name.lastIndexOf(owner);
    if (at < 2 || !name.startsWith('.') || !/^[0-9a-z]+\.tmp$/.test(name.slice(at + owner.length))) continue;
    const path = join(folder, name);
    if (lstatSync(path, { throwIfNoEntry: false })?.isFile()) rmSync(path, { force: true });
  }
}

function readText(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return undefined;
    throw error;
  }
}

/** The name of this process's note, which stays the same for as long as it lives. */
let own: string | undefined;

function ownName(): string | undefined {
  const start = startTime(process.pid);
  return start === undefined ? undefined : [machineTag(), bootTag(), process.pid, start, TOKEN].join('.');
}

/** A note that cannot be written keeps nothing from being done: then what is left behind stays. */
function note(line: string): void {
  if (notes === undefined || noted.has(line) || line.includes('\n')) return;
  own ??= ownName();
  if (own === undefined) return;
  const path = join(notes, own);
  try {
    mkdirSync(notes, { recursive: true, mode: 0o700 });
    appendFileSync(path, `${line}\n`, { mode: 0o600 });
    noted.add(line);
    forgetAtEnd(path);
  } catch (error) {
    if (systemCode(error) === undefined) throw error;
  }
}

const kept = new Set<string>();
function forgetAtEnd(path: string): void {
  if (kept.size === 0) process.once('exit', () => kept.forEach((one) => void rmSync(one, { force: true })));
  kept.add(path);
}

/** A process is known by its number only where the same table of processes is seen, which containers with one host name do not share. */
function machineTag(): string {
  return sha256(`${hostname()}\n${processTable()}`).slice(0, 12);
}

function bootTag(): string {
  return sha256(bootId()).slice(0, 8);
}
