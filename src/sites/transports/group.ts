import type { Readable } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import type { execa as Execa } from 'execa';

/** A program that says more than this is ended: no answer a reader of ours can use is that long. 64 MiB, each of stdout and stderr. */
const OUTPUT_LIMIT = 64 * 1024 * 1024;
/** How long a program that has to end may take after TERM before it gets KILL, in milliseconds. */
const GRACE_MS = 1_000;
/** How long output may still arrive after the program has ended, when something it left behind holds the pipes open. */
const DRAIN_MS = 500;

export type Program = {
  argv: readonly [string, ...string[]];
  cwd?: string | undefined;
  /** All of its environment. */
  env: Readonly<Record<string, string>>;
  /** The whole input; without it the input stays open until `hands.close`. */
  stdin?: string;
};

/** What came of it. `why` says that it was ended for what it said, or that it was not started. */
export type Ended = {
  exit: number | null;
  signal: string | null;
  stdout: Buffer;
  stderr: Buffer;
  timedOut: boolean;
  notStarted: boolean;
  why: string;
};

/** What may be done with a program that is running. */
export type Hands = {
  write(text: string): void;
  /** Ends its input. A program that does not end by itself then is not waited for. */
  close(): void;
};
export type Listener = (from: 'stdout' | 'stderr', chunk: Buffer, hands: Hands) => void;

type Child = ReturnType<typeof start>;

/**
 * Runs a program as the leader of its own process group. At the time limit, or when the caller's signal fires, the whole group is ended
 * (TERM, then KILL); processes that outlive the program are never waited for. Never rejects.
 */
export async function runGroup(
  program: Program,
  limits: { timeoutMs: number; signal?: AbortSignal },
  heard?: Listener,
): Promise<Ended> {
  if (limits.signal?.aborted) return notStarted('given up before it was started');
  const words = [...program.argv, program.cwd ?? '', ...Object.entries(program.env).flat()];
  if (words.some((word) => word.includes('\0'))) return notStarted('an argument holds a NUL character');
  // Loaded when the first command runs: many calls run none.
  const { execa } = await import('execa');
  const child = start(program, execa);
  const ending = { timedOut: false, why: '' };
  const stop = () => void endGroup(child);
  const overflow = () => {
    ending.why = `\nended because its output passed ${OUTPUT_LIMIT} bytes`;
    stop();
  };
  let closing: NodeJS.Timeout | undefined;
  const hands: Hands = {
    write: (text) => void child.stdin.write(text),
    close: () => {
      child.stdin.end();
      closing ??= setTimeout(stop, DRAIN_MS);
    },
  };
  if (program.stdin === undefined) child.stdin.on('error', () => undefined);
  const kept = (from: 'stdout' | 'stderr') => collect(child[from], overflow, (chunk) => heard?.(from, chunk, hands));
  const [stdout, stderr] = [kept('stdout'), kept('stderr')];
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
    const isCut = ending.timedOut || ending.why !== '';
    return {
      exit: isCut ? null : (result.exitCode ?? null),
      signal: result.signal ?? null,
      stdout: stdout(),
      stderr: stderr(),
      timedOut: ending.timedOut,
      notStarted: false,
      why: ending.why,
    };
  } finally {
    clearTimeout(timer);
    clearTimeout(closing);
    limits.signal?.removeEventListener('abort', stop);
  }
}

/** `buffer` is off because execa would put the output into its error message, which V8 cannot do for tens of megabytes. */
function start({ argv, env, cwd, stdin }: Program, execa: typeof Execa) {
  const [program, ...args] = argv;
  return execa(program, args, {
    reject: false,
    detached: true,
    buffer: false,
    extendEnv: false,
    env,
    stdin: 'pipe',
    ...(stdin === undefined ? {} : { input: stdin }),
    ...(cwd === undefined ? {} : { cwd }),
  });
}

/** Keeps what a stream says, up to the limit; it is there when the program is over. */
function collect(stream: Readable, overflow: () => void, heard: (chunk: Buffer) => void): () => Buffer {
  const chunks: Buffer[] = [];
  let size = 0;
  stream.on('data', (chunk: Buffer) => {
    if (size > OUTPUT_LIMIT) return;
    size += chunk.length;
    if (size > OUTPUT_LIMIT) overflow();
    else {
      chunks.push(chunk);
      heard(chunk);
    }
  });
  return () => Buffer.concat(chunks);
}

function notStarted(why: string): Ended {
  const nothing = Buffer.alloc(0);
  return { exit: null, signal: null, stdout: nothing, stderr: nothing, timedOut: false, notStarted: true, why };
}

/** Ends everything in the program's process group. The program itself may be gone already while others of its group are not. */
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
