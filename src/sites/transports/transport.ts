import type { Failure } from '../../base/errors.ts';

/** A program and its arguments, never a shell string. `stdin` is the whole input; `env` is added to the transport's own environment. */
export type Command = {
  argv: readonly [string, ...string[]];
  cwd?: string;
  stdin?: string;
  env?: Readonly<Record<string, string>>;
};

/** What came of a command. A program that does not exist, a time limit and a signal are data here, not exceptions. */
export type Output = {
  /** The exit code; null where there is none (not started, killed, timed out). */
  exit: number | null;
  signal: string | null;
  stdout: string;
  stderr: string;
  timedOut: boolean;
  /** The program was not found or could not be started at all: nothing has run. */
  notStarted: boolean;
  /** What is wrong with the way to the site, where it is that. With `notStarted` nothing has run; without it, whether anything has is not known. */
  fault?: Failure;
};

/** A command together with its reader. The reader is pure; it throws a Failure (`scheduler_*`, `command_*`) on an answer it cannot use. */
export type Ask<T> = { command: Command; read(output: Output): T };

/**
 * The program that stands for a remote shell, with its arguments and what it needs in its environment, and the host. `address` is where that leads,
 * whatever it is called here.
 */
export type CopyWay = { rsh: readonly string[]; env: Readonly<Record<string, string>>; host: string; address: string };

export type Transport = {
  readonly name: string;
  /** How rsync reaches it; without it, it is this machine. Throws the Failure that is in the way. */
  copies?(): Promise<CopyWay>;
  /** Runs a command at the site. Never rejects because of what the command does; `limits.timeoutMs` is in milliseconds. */
  run(command: Command, limits: { timeoutMs: number; signal?: AbortSignal }): Promise<Output>;
  /** Who we are there; without it, who we are here. Throws the Failure that is in the way. */
  account?(): Promise<string>;
};
