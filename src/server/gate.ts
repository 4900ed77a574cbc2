import { openContext } from '../context.ts';
import { callTool } from '../tools/call.ts';
import { tools } from '../tools/index.ts';
import type { Caller, Outcome, Tool } from '../tools/tool.ts';

/** What the server needs of the rest of the program. */
export type Gate = {
  /** The repository, fixed for the life of the program; null where there is none. */
  repo: string | null;
  tools: readonly Tool[];
  /** Whether it was opened for reading alone. */
  readOnly: boolean;
  /** Never throws. */
  call(name: string, raw: unknown, caller: Caller): Promise<Outcome>;
  warn(message: string): void;
  /** Changes whenever something was done to this repository, by whatever process: cheap enough to be asked every second. */
  pulse(): string;
  /** Waits for the calls that have begun: an act is never cut short. */
  close(): Promise<void>;
};

/** Opens the repository once, for the life of the program. */
export function openGate({ readOnly = false, ...options }: Parameters<typeof openContext>[0] & { readOnly?: boolean }): Gate {
  const context = openContext(options);
  const begun = new Set<Promise<Outcome>>();
  return {
    repo: context.repo,
    readOnly,
    tools: readOnly ? tools.filter(({ effect }) => effect === 'read') : tools,
    call: (name, raw, caller) => {
      const outcome = callTool(name, raw, readOnly ? { ...caller, readOnly } : caller, context);
      begun.add(outcome);
      return outcome.finally(() => begun.delete(outcome));
    },
    warn: (message) => context.log.warn(message),
    pulse: () => context.pulse(),
    close: async () => {
      while (begun.size > 0) await Promise.allSettled(begun);
      await context.close();
    },
  };
}
