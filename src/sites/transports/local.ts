import { userInfo } from 'node:os';
import type { Readable } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import type { execa as Execa } from 'execa';
import type { Command, Output, Transport } from './transport.ts';

/** A command that says more than this is ended: no answer a reader of ours can use is that long. 64 MiB, each of stdout and stderr. */
const OUTPUT_LIMIT = 64 * 1024 * 1024;
/** How long a command that has to end may take after TERM before it gets KILL, in milliseconds. */
const GRACE_MS = 1_000;
/** How long output may still arrive after the program has ended, when something it left behind holds the pipes open. */
const DRAIN_MS = 500;
/** What commands see of our own environment besides the account: places, language, and where the site's schedulers are configured. */
const INHERITED = ['PATH', 'LANG', 'LC_ALL', 'TZ', 'TMPDIR', 'SLURM_CONF', 'SLURM_CLUSTERS', 'SGE_ROOT', 'SGE_CELL'];

type Child = ReturnType<typeof start>;

/**
 * Runs commands on this machine, each as the leader of its own process group. At the time limit, or when the caller's signal fires,
 * the whole group is ended (TERM, then KILL); processes that outlive the program are never waited for.
 */
export function localTransport(): Transport {
  return { name: 'local', run };
}

async function run(command: Command, limits: { timeoutMs: number; signal?: AbortSignal }): Promise<Output> {
  if (limits.signal?.aborted) return notStarted('given up before it was started');
  const words = [...command.argv, command.cwd ?? '', ...Object.entries(command.env ?? {}).flat()];
  if (words.some((word) => word.includes('\0'))) return notStarted('an argument holds a NUL character');
  // Loaded when the first command runs: many calls run none.
  const { execa } = await import('execa');
  const child = start(command, execa);
  const ending = { timedOut: false, why: '' };
  const stop = () => void endGroup(child);
  const overflow = () => {
    ending.why = `\nended because its output passed ${OUTPUT_LIMIT} bytes`;
    stop();
  };
  const [stdout, stderr] = [collect(child.stdout, overflow), collect(child.stderr, overflow)];
  const timer = setTimeout(() => {
    ending.timedOut = true;
    stop();
  }, limits.timeoutMs);
  limits.signal?.addEventListener('abort', stop, { once: true });
  child.once('exit', () => void letGo(child));
  try {
    const result = await child;
    if (result.exitCode === undefined && result.signal === undefined)
      return notStarted(result.originalMessage ?? result.shortMessage ?? '');
    const cut = ending.timedOut || ending.why !== '';
    return {
      exit: cut ? null : (result.exitCode ?? null),
      signal: result.signal ?? null,
      stdout: stdout(),
      stderr: stderr() + ending.why,
      timedOut: ending.timedOut,
      notStarted: false,
    };
  } finally {
    clearTimeout(timer);
    limits.signal?.removeEventListener('abort', stop);
  }
}

/** `buffer` is off because execa would put the output into its error message, which V8 cannot do for tens of megabytes. */
function start(command: Command, execa: typeof Execa) {
  const [program, ...args] = command.argv;
  return execa(program, args, {
    reject: false,
    detached: true,
    buffer: false,
    extendEnv: false,
    env: { ...inherited(), ...command.env },
    input: command.stdin ?? '',
    ...(command.cwd === undefined ? {} : { cwd: command.cwd }),
  });
}

/** Keeps what a stream says, up to the limit; the text is there when the command is over. */
function collect(stream: Readable, overflow: () => void): () => string {
  const chunks: Buffer[] = [];
  let size = 0;
  stream.on('data', (chunk: Buffer) => {
    if (size > OUTPUT_LIMIT) return;
    size += chunk.length;
    if (size > OUTPUT_LIMIT) overflow();
    else chunks.push(chunk);
  });
  return () => Buffer.concat(chunks).toString('utf8');
}

function notStarted(why: string): Output {
  return { exit: null, signal: null, stdout: '', stderr: why, timedOut: false, notStarted: true };
}

/** Ends everything in the command's process group. The program itself may be gone already while others of its group are not. */
async function endGroup(child: Child): Promise<void> {
  signalGroup(child.pid, 'SIGTERM');
  await Promise.race([child, sleep(GRACE_MS)]);
  signalGroup(child.pid, 'SIGKILL');
}

function signalGroup(pid: number | undefined, signal: 'SIGTERM' | 'SIGKILL'): void {
  if (pid === undefined) return;
  try {
    process.kill(-pid, signal);
  } catch {
    // Nobody of the group is left, which is what was wanted.
  }
}

/** Stops reading some time after the program has ended; without leftovers the pipes have closed by themselves long before. */
async function letGo(child: Child): Promise<void> {
  await Promise.race([child, sleep(DRAIN_MS)]);
  child.stdout.destroy();
  child.stderr.destroy();
}

function inherited(): Record<string, string> {
  const { homedir, username } = userInfo();
  const kept = INHERITED.flatMap((name) => (process.env[name] === undefined ? [] : [[name, process.env[name] ?? ''] as const]));
  return { ...Object.fromEntries(kept), HOME: homedir, USER: username, LOGNAME: username };
}
