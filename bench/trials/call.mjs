import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { start } from '../processes.mjs';

/** Notes who called, for programs that end their caller, and goes on as it: see programs.mjs. */
const NOTED = ['sh', '-c', ': >"$0/callers/$$"; exec "$@"'];

/**
 * Runs a command line of a trial as the account without privileges, the trial's own programs first on its PATH, and tells how it ended.
 * Never fails. What outlives the program is not waited for, though it may hold the pipes; at `limit` (ms) the whole group is ended.
 */
export async function call({ cluster, folder, cwd }, words, { prefix = [], limit = 100_000 } = {}) {
  const path = `PATH=${join(folder, 'bin')}:${process.env.PATH}`;
  const [program, ...args] = cluster.as(['env', path, ...NOTED, folder, ...prefix, ...words]);
  const child = start(program, args, { cwd, detached: true, stdio: ['ignore', 'pipe', 'pipe'] });
  const told = { stdout: '', stderr: '' };
  for (const name of ['stdout', 'stderr']) child[name].setEncoding('utf8').on('data', (more) => (told[name] += more));
  let late = false;
  const timer = setTimeout(() => {
    late = true;
    process.kill(-child.pid, 'SIGKILL');
  }, limit);
  const closed = new Promise((done) => child.once('close', done));
  const { exit, signal } = await new Promise((done) => {
    child.once('exit', (code, name) => done({ exit: code, signal: name }));
    child.once('error', (error) => done({ exit: null, signal: `${error}` }));
  });
  clearTimeout(timer);
  await Promise.race([closed, sleep(300)]);
  for (const name of ['stdout', 'stderr']) child[name].destroy();
  return { exit, signal, late, ...told };
}

/** What a program printed as JSON, of either stream; undefined where it is none. */
export function jsonOf({ stdout, stderr }) {
  for (const text of [stdout, stderr]) {
    try {
      return JSON.parse(text);
    } catch {
      // The other stream may be.
    }
  }
  return undefined;
}
