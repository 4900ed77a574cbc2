import { setTimeout as sleep } from 'node:timers/promises';
import * as z from 'zod';
import type { Context } from '../context.ts';
import { openContext, terminalCaller, VERSION } from '../context.ts';
import { callTool } from '../tools/call.ts';

/** Where no run is open, or nobody says when to look again. Seconds. */
const AGAIN_SECONDS = 60;

const listed = z.object({ runs: z.array(z.object({ run_id: z.string(), state: z.string(), next_tool: z.string().nullable() })) });
const looked = z.object({ next_look_seconds: z.number(), all_over: z.boolean() });
/** As many as one answer names at most. */
const MOST = 200;
type Run = z.output<typeof listed>['runs'][number];

/** The open runs of the repository in one line for a session that begins; empty where there are none, or nothing can be told. Ids and states alone: no text of a log. */
export async function openRunsLine(start: string): Promise<string> {
  return withContext(start, async (context) => {
    const runs = await runsOf(context, { open: true });
    if (runs.length === 0) return '';
    const told = runs.map(({ run_id: id, state }) => `${id} is ${state}`).join(', ');
    return `autolab-mcp: open runs: ${told}. monitor_runs looks at them and says when to look again.\n`;
  });
}

/**
 * Looks at the open runs as often as `monitor_runs` says, through the gate like everybody, and tells each change of a state in a line:
 * ids, states and the next tool. Ends with `stop`.
 */
export async function tellChanges(start: string, tell: (line: string) => void, stop: AbortSignal): Promise<void> {
  await withContext(start, async (context) => {
    const states = new Map((await runsOf(context, {})).map(({ run_id: id, state }) => [id, state]));
    const host = process.ppid;
    let idle = '';
    // A host that is gone cannot end what it has started.
    const isOver = () => stop.aborted || process.ppid !== host;
    while (!isOver()) {
      const open = (await runsOf(context, { open: true })).map(({ run_id: id, state }) => `${id} ${state}`).join();
      // Runs that have ended are open until somebody collects them; of those there is nothing to look for.
      const outcome = open === idle ? undefined : await callTool('monitor_runs', {}, caller(stop), context);
      for (const { run_id: id, state, next_tool: next } of await runsOf(context, {})) {
        const before = states.get(id);
        states.set(id, state);
        if (before !== state) tell(`run ${id}: ${before ?? 'new'} -> ${state}${next === null ? '' : `; next: ${next}`}\n`);
      }
      const said = looked.safeParse(outcome?.kind === 'done' ? outcome.data : undefined).data;
      if (said?.all_over) idle = (await runsOf(context, { open: true })).map(({ run_id: id, state }) => `${id} ${state}`).join();
      await untilDue(context, (said?.next_look_seconds || AGAIN_SECONDS) * 1000, states, isOver, stop);
    }
    return '';
  });
}

/** Waits so long, or until something was done in the repository and a run is there in another state than is known. */
async function untilDue(
  context: Context,
  ms: number,
  states: ReadonlyMap<string, string>,
  isOver: () => boolean,
  stop: AbortSignal,
): Promise<void> {
  const until = Date.now() + ms;
  // What came while the states were read is in no pulse that could be taken after them, so the first time is without.
  for (let before: string | undefined; !isOver() && Date.now() < until; ) {
    await sleep(Math.min(until - Date.now(), TICK_MS), undefined, { signal: stop }).catch(() => {});
    const now = context.pulse();
    if (now !== before && (await runsOf(context, { open: true })).some(({ run_id: id, state }) => states.get(id) !== state))
      return;
    before = now;
  }
}
/** Between two looks whether anything was done, which costs a stat(2) or two. Milliseconds. */
const TICK_MS = 10_000;

async function runsOf(context: Context, input: object): Promise<Run[]> {
  const outcome = await callTool('list_runs', { ...input, limit: MOST }, caller(), context);
  return listed.safeParse(outcome.kind === 'done' ? outcome.data : undefined).data?.runs ?? [];
}

function caller(signal?: AbortSignal) {
  return {
    ...terminalCaller(),
    surface: 'server' as const,
    client: `autolab-mcp-hook/${VERSION}`,
    ...(signal ? { signal } : {}),
  };
}

async function withContext(start: string, work: (context: Context) => Promise<string>): Promise<string> {
  const context = openContext({ start });
  try {
    return context.initialised() ? await work(context) : '';
  } finally {
    await context.close();
  }
}
