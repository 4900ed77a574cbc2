import * as z from 'zod';
import type listRuns from '../../tools/list-runs.ts';
import type { Outcome } from '../../tools/tool.ts';
import { nextTools } from '../../tools/views.ts';

const told = z.object({ runs: z.array(z.object({ run_id: z.string() })) });

/**
 * The same looks, each telling besides what has become of runs that it does not tell of any more: an agent's look may have been the one
 * that found their end. `list` gives one run from our own records; it asks no scheduler.
 */
export function withEnds(
  look: () => Promise<Outcome>,
  list: (runId: string) => Promise<Outcome>,
  reader: typeof listRuns.output,
): () => Promise<Outcome> {
  let open: readonly string[] = [];
  const endOf = async (id: string): Promise<string> => {
    const outcome = await list(id);
    const run = outcome.kind === 'done' ? reader.safeParse(outcome.data).data?.runs[0] : undefined;
    if (!run) return `  ${id} is over: autolab-mcp runs ${id}`;
    const next = nextTools({ tool: run.next_tool, rather: run.rather });
    return `  ${run.line}${next === '' ? '' : ` → ${next}`}`;
  };
  return async () => {
    const outcome = await look();
    const now = outcome.kind === 'done' ? told.safeParse(outcome.data).data?.runs.map(({ run_id }) => run_id) : undefined;
    if (!now) return outcome;
    const ended = open.filter((id) => !now.includes(id));
    open = now;
    const ends = await Promise.all(ended.map(endOf));
    return { ...outcome, text: [...ends, outcome.text].join('\n') };
  };
}
