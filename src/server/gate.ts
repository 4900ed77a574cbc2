import { openContext } from '../context.ts';
import { callTool } from '../tools/call.ts';
import { tools } from '../tools/index.ts';
import type { Caller, Outcome, Tool } from '../tools/tool.ts';

/** What the server needs of the rest of the program. */
export type Gate = {
  /** The repository, fixed for the life of the program; null where there is none. */
  repo: string | null;
  tools: readonly Tool[];
  /** Never throws. */
  call(name: string, raw: unknown, caller: Caller): Promise<Outcome>;
  warn(message: string): void;
  /** Waits for the calls that have begun: an act is never cut short. */
  close(): Promise<void>;
};

/** Opens the repository once, for the life of the program. */
export function openGate(options: Parameters<typeof openContext>[0]): Gate {
  const context = openContext(options);
  const begun = new Set<Promise<Outcome>>();
  return {
    repo: context.repo,
    tools,
    call: (name, raw, caller) => {
      const outcome = callTool(name, raw, caller, context);
      begun.add(outcome);
      return outcome.finally(() => begun.delete(outcome));
    },
    warn: (message) => context.log.warn(message),
    close: async () => {
      while (begun.size > 0) await Promise.allSettled(begun);
      await context.close();
    },
  };
}
