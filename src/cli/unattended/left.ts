import { join } from 'node:path';
import * as z from 'zod';
import { Failure } from '../../base/errors.ts';
import { jsonText, readJson, writeAtomic } from '../../base/files.ts';

const step = { tool: z.string(), print: z.string() };
const left = z.discriminatedUnion('why', [
  z.strictObject({ ...step, why: z.literal('approval'), id: z.string() }),
  z.strictObject({ ...step, why: z.literal('denied') }),
  z.strictObject({ ...step, why: z.literal('person') }),
]);
const file = z.strictObject({ schema_version: z.literal('1'), left: z.record(z.string(), left) });

/** Why a step is not taken again: an approval that waits, a policy that denies, or what only a person can mend. `print`: how the run stood. */
export type Left = z.output<typeof left>;
export type LeftBook = {
  get(run: string): Left | undefined;
  set(run: string, one: Left | undefined): void;
  /** Forgets all other runs. */
  keep(runs: readonly string[]): void;
};

/**
 * What was left for a person, kept beside the audit head, so that the next one from cron does not try it again. Where that does not read,
 * everything is tried once more; the caller holds the lock of watching.
 */
export function leftBook(state: string): LeftBook {
  const path = join(state, 'watch.json');
  let known = read(path);
  const write = (next: Record<string, Left>): void => {
    known = next;
    writeAtomic(path, jsonText({ schema_version: '1', left: known }), 0o600);
  };
  return {
    get: (run) => (Object.hasOwn(known, run) ? known[run] : undefined),
    set: (run, one) => {
      const { [run]: before, ...rest } = known;
      if (one !== undefined) write({ ...rest, [run]: one });
      else if (before !== undefined) write(rest);
    },
    keep: (runs) => {
      const kept = Object.entries(known).filter(([run]) => runs.includes(run));
      if (kept.length < Object.keys(known).length) write(Object.fromEntries(kept));
    },
  };
}

function read(path: string): Record<string, Left> {
  try {
    return file.safeParse(readJson(path)).data?.left ?? {};
  } catch (error) {
    if (error instanceof Failure) return {};
    throw error;
  }
}
