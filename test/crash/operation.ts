import { execa } from 'execa';
import { MAIN } from '../support/repo.ts';
import type { Done, Tiny } from '../support/tiny.ts';

/** An operation that is killed at every place, and what a user or agent would type to get its work done all the same. */
export type Operation = {
  /** Its name in the report, and of the test. */
  name: string;
  /** A repository in which it is due. */
  prepare(): Promise<Scene>;
  /** The operation itself, behind the words that count or kill. */
  act(tiny: Tiny, prefix: string[], env?: Record<string, string>): Promise<Done>;
  /** The commands that follow in a new process, until nothing is left to do. Also follows the undisturbed one. */
  finish(tiny: Tiny): Promise<void>;
  /** What has come of it, without what differs from run to run. Every trial must end as the undisturbed one does. */
  ended(tiny: Tiny): unknown | Promise<unknown>;
  /** How many places the fast subset takes. */
  few: number;
  /** It takes them evenly over the time of the operation, whichever calls they are: for what is slow to try. */
  evenly?: true;
};

/** A repository, and how it is put away or back to how it was. `again` undefined: it can be used once. */
export type Scene = { tiny: Tiny; again?: () => Promise<void> };

/** A command that is the operation, as it is typed. */
export function typing(...args: string[]): Operation['act'] {
  return (tiny, prefix, env) => tiny.run(args, { prefix, ...(env ? { env } : {}) });
}

/** The same on a terminal, where `answers` is typed. */
export async function onTerminal(tiny: Tiny, prefix: readonly string[], args: readonly string[], answers: string): Promise<Done> {
  const command = [...prefix, process.execPath, MAIN, ...args].map((word) => `'${word}'`).join(' ');
  const options = { cwd: tiny.path, input: answers, reject: false, timeout: 120_000 } as const;
  const done = await execa('script', ['-qec', command, '/dev/null'], options);
  return { exit: done.exitCode ?? -1, signal: done.signal ?? '', stdout: done.stdout, stderr: done.stderr };
}
