import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';

const children = new Set();

/** Starts a program that is ended with the benchmark, whatever becomes of it. */
export function start(program, args, options) {
  const child = spawn(program, args, options);
  children.add(child);
  child.once('exit', () => children.delete(child));
  child.once('error', () => children.delete(child));
  return child;
}

/** Waits for the end of a child; ends it by its pid if that takes longer than `ms`. */
export async function ended(child, ms) {
  const over =
    child.exitCode !== null || child.signalCode !== null ? true : new Promise((done) => child.once('exit', () => done(true)));
  const patience = new AbortController();
  const late = sleep(ms, false, { signal: patience.signal }).catch(() => false);
  if (!(await Promise.race([over, late]))) {
    child.kill('SIGKILL');
    await over;
  }
  patience.abort();
  return child.exitCode;
}

/** Ends everything that `start` has started and that still runs. */
export function endAll() {
  for (const child of children) child.kill('SIGKILL');
}

/** Runs a program to its end; its output as text. Fails with what it said when its exit code is not 0. */
export async function run(program, args, { input, ...options } = {}) {
  const child = start(program, args, { stdio: ['pipe', 'pipe', 'pipe'], ...options });
  const text = { stdout: '', stderr: '' };
  for (const name of ['stdout', 'stderr']) child[name].setEncoding('utf8').on('data', (more) => (text[name] += more));
  child.stdin.on('error', () => undefined); // It ended without reading; its exit code says whether that was well.
  child.stdin.end(input ?? '');
  const code = await new Promise((done, failed) => child.once('close', done).once('error', failed));
  if (code !== 0) throw new Error(`${program} ${args.slice(0, 4).join(' ')} ended with ${code}: ${text.stderr || text.stdout}`);
  return text.stdout;
}

/** Resident memory of a process in MB of 1,000,000 bytes (VmRSS, proc(5)). */
export function residentMegabytes(pid) {
  const [, kilobytes] = /^VmRSS:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8')) ?? [];
  return (Number(kilobytes) * 1024) / 1e6;
}

/** Waits until `look` gives something. */
export async function until(what, look, seconds = 30) {
  for (const end = Date.now() + seconds * 1000; ; await sleep(5)) {
    const seen = look();
    if (seen !== undefined) return seen;
    if (Date.now() > end) throw new Error(`not within ${seconds} s: ${what}`);
  }
}
