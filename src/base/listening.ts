import { chmodSync, lstatSync, mkdirSync, realpathSync, unlinkSync } from 'node:fs';
import type { Server } from 'node:http';
import { connect } from 'node:net';
import { basename, dirname, join } from 'node:path';
import { sha256 } from './digest.ts';
import { Failure, systemCode } from './errors.ts';
import { withLock } from './lock.ts';
import { isOursAlone, ownFolder } from './own-folder.ts';
import { reasonOf } from './reasons.ts';

/** unix(7): with the zero byte at its end 108. Longer ones are cut without a word. */
const LONGEST = 107;

/** Node's own limits of time and size: a request that comes slowly is not waited for (slowloris). */
export const NODE_LIMITS = {
  headersTimeout: 10_000,
  requestTimeout: 30_000,
  keepAliveTimeout: 60_000,
  connectionsCheckingInterval: 5000,
  maxHeaderSize: 16 * 1024,
} as const;

/**
 * Listens on a unix socket that this account alone can reach: the file has mode 0600 from its first moment, its folder is of mode 0700 and
 * ours, made where it is missing. What a server left that was killed is replaced; where somebody answers, or what is there is no socket
 * of ours, nothing is touched and it fails with `cannot_listen`. Returns the real path. The socket goes when the server closes.
 */
export async function listenOnSocket(server: Server, asked: string): Promise<string> {
  const path = join(ownRealFolder(dirname(asked)), basename(asked));
  if (Buffer.byteLength(path) > LONGEST) {
    throw refused(path, `a socket's path has at most ${LONGEST} bytes, and this has ${Buffer.byteLength(path)}`, ELSEWHERE);
  }
  await withLock(`${path}.lock`, 'starting a server', async () => {
    await makeWay(path);
    await listening(server, path, () => {
      const before = process.umask(0o177);
      try {
        server.listen(path);
      } finally {
        process.umask(before);
      }
    });
    chmodSync(path, 0o600);
  });
  return path;
}

/** Listens on the loopback, and returns the port: the one asked for, or for 0 one that is free. */
export async function listenOnPort(server: Server, host: string, port: number): Promise<number> {
  await listening(server, `${host}, port ${port}`, () => server.listen({ host, port }));
  const at = server.address();
  return typeof at === 'object' && at !== null ? at.port : port;
}

/** The socket of a program for a repository, by its name and its path, in a folder of this account alone; else `cannot_listen`. */
export function usualSocket(program: string, repo: string | null): string {
  const { folder, isOurs } = ownFolder(program);
  const where = repo ?? process.cwd();
  const name = basename(where)
    .replace(/[^\w.-]+/g, '-')
    .slice(0, 24);
  if (isOurs) return join(folder, `${name || 'root'}-${sha256(where).slice(0, 8)}.sock`);
  throw refused(folder, 'it is not yours alone', `remove it, \`chmod 700 ${folder}\`, or give a place with --socket PATH`);
}

const ELSEWHERE = 'give another with --socket PATH';

function ownRealFolder(folder: string): string {
  try {
    mkdirSync(folder, { mode: 0o700 });
  } catch (error) {
    if (systemCode(error) !== 'EEXIST') throw refused(folder, reasonOf(error), ELSEWHERE);
  }
  const real = realpathSync(folder);
  if (isOursAlone(real)) return real;
  throw refused(folder, 'the folder of a socket must be yours alone', `\`chmod 700 ${folder}\` if it is yours, or ${ELSEWHERE}`);
}

async function makeWay(path: string): Promise<void> {
  const there = lstatSync(path, { throwIfNoEntry: false });
  if (there === undefined) return;
  if (!there.isSocket()) throw refused(path, 'something is there that is no socket', ELSEWHERE);
  if (there.uid !== process.getuid?.()) throw refused(path, `it belongs to user ${there.uid}`, ELSEWHERE);
  if (await answers(path)) throw refused(path, 'a server answers there already', `use that one, or ${ELSEWHERE}`);
  unlinkSync(path);
}

/** Nobody answers only where the system says that nobody listens: a server that is slow, or full, is one. */
function answers(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const line = connect(path);
    line.once('connect', () => {
      line.destroy();
      resolve(true);
    });
    line.once('error', (error) => resolve(systemCode(error) !== 'ECONNREFUSED'));
  });
}

function listening(server: Server, place: string, listen: () => void): Promise<void> {
  return new Promise((resolve, reject) => {
    const failed = (error: Error) => reject(refused(place, reasonOf(error), 'give another place with --socket or --port'));
    server.once('error', failed);
    server.once('listening', () => {
      server.off('error', failed);
      resolve();
    });
    listen();
  });
}

function refused(place: string, why: string, next: string): Failure {
  return new Failure('cannot_listen', { what: `cannot serve at ${place}`, why, next });
}
