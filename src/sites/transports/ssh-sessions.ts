import { rmSync } from 'node:fs';
import { connect } from 'node:net';
import { Failure } from '../../base/errors.ts';
import { withLock } from '../../base/lock.ts';

/** Sessions at a time over the shared connection: sshd takes 10, or 2 where it was hardened (sshd_config(5), MaxSessions; lynis, SSH-7408). */
const MOST = 2;

/** Does its work as one of these sessions; `isIn` is called by it when it has been let in. */
export type Gate = <T>(socket: string, work: (isIn: () => void) => Promise<T>) => Promise<T>;

/**
 * Lets in so many at a time, and only one while there is no shared connection: who comes then waits until it is there, in this process and
 * in others, instead of logging in too.
 */
export function sessions(): Gate {
  const waiting: (() => void)[] = [];
  let free = MOST;
  let opening: Promise<void> = Promise.resolve();
  return async (socket, work) => {
    if (free > 0) free--;
    else await new Promise<void>((go) => waiting.push(go));
    try {
      if (await isShared(socket)) return await work(nothing);
      const before = opening;
      let done = nothing;
      opening = new Promise((resolve) => {
        done = resolve;
      });
      try {
        await before;
        return await first(socket, work, done);
      } finally {
        done();
      }
    } finally {
      const next = waiting.shift();
      if (next) next();
      else free++;
    }
  };
}

/** The one that may log in, unless another process has meanwhile. Others go on as soon as it is in. A lock that cannot be had keeps nobody out. */
async function first<T>(socket: string, work: (isIn: () => void) => Promise<T>, done: () => void): Promise<T> {
  let running: Promise<T> | undefined;
  const begin = () => {
    let isIn = nothing;
    const settled = new Promise<void>((resolve) => {
      isIn = resolve;
    });
    running = work(isIn);
    running.then(isIn, isIn);
    return settled.then(done);
  };
  try {
    await withLock(`${socket}.lock`, 'ssh connection', async () => {
      if (!(await isShared(socket))) await begin();
    });
  } catch (error) {
    if (!(error instanceof Failure)) throw error;
  }
  done();
  return running ?? work(nothing);
}

/** Whether somebody keeps a shared connection there. A socket that nobody listens at is taken away. */
function isShared(socket: string): Promise<boolean> {
  return new Promise((resolve) => {
    const probe = connect(socket);
    probe.once('connect', () => {
      probe.destroy();
      resolve(true);
    });
    probe.once('error', (error: NodeJS.ErrnoException) => {
      if (error.code === 'ECONNREFUSED') rmSync(socket, { force: true });
      resolve(false);
    });
  });
}

function nothing(): void {}
