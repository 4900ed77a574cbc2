import { hostname } from 'node:os';
import type { McpServer } from '@modelcontextprotocol/server';
import { ProtocolError, ProtocolErrorCode } from '@modelcontextprotocol/server';
import * as z from 'zod';
import { VERSION } from '../base/package.ts';
import type { Gate } from './gate.ts';
import { LEDGER_URI, urisOf } from './resources.ts';

/** What is told to clients that watch: an address whose content is another now, or that there are other addresses. */
export type Notice = { updated: string } | { listed: true };

export type Tell = (notice: Notice) => void;

/** Of one client. */
const MOST_WATCHED = 1000;

/**
 * What tells one connection. A client of 2025 says what it watches to the server, and nothing else is sent to it; of a client of 2026 the SDK's
 * entry knows. A connection that is gone is told nothing.
 */
export function teller(server: McpServer, era: 'legacy' | 'modern'): Tell {
  const watched = new Set<string>();
  if (era === 'legacy') {
    server.server.setRequestHandler('resources/subscribe', async ({ params: { uri } }) => {
      if (watched.size >= MOST_WATCHED && !watched.has(uri))
        throw new ProtocolError(
          ProtocolErrorCode.InvalidParams,
          `${MOST_WATCHED} resources are watched already; resources/unsubscribe first`,
        );
      watched.add(uri);
      return {};
    });
    server.server.setRequestHandler('resources/unsubscribe', async ({ params: { uri } }) => {
      watched.delete(uri);
      return {};
    });
  }
  const gone = () => undefined;
  return (notice) => {
    if ('listed' in notice) server.server.sendResourceListChanged().catch(gone);
    else if (era === 'modern' || watched.has(notice.updated))
      server.server.sendResourceUpdated({ uri: notice.updated }).catch(gone);
  };
}

/** In ms. One file's length is looked at as often. */
const PULSE = 1000;
/** Runs looked at after a change; older ones are over and change no more. */
const NEWEST = 200;

/**
 * Tells of runs whose state has changed, whichever process found out. Asks no scheduler: it looks how far the audit log has come, and where that has
 * moved at what list_runs says. Returns what ends it.
 */
export function noticeChanges(gate: Gate, tell: Tell): () => void {
  let pulse: string | undefined;
  let known: ReadonlyMap<string, string> | undefined;
  let busy = false;
  const look = async (): Promise<void> => {
    if (busy) return;
    busy = true;
    try {
      const now = gate.pulse();
      if (known !== undefined && now === pulse) return;
      const states = await statesOf(gate);
      if (states === undefined) return;
      pulse = now;
      const before = known;
      known = states;
      if (before === undefined) return;
      const changed = [...states].filter(([run, state]) => before.get(run) !== state).map(([run]) => run);
      if (changed.some((run) => !before.has(run))) tell({ listed: true });
      for (const uri of changed.filter((run) => before.has(run)).flatMap(urisOf)) tell({ updated: uri });
      if (changed.length > 0) tell({ updated: LEDGER_URI });
    } catch (error) {
      // A disk that fails for a moment is looked at again at the next turn; nobody who works here must be ended by it.
      gate.warn(`what changed cannot be told: ${error instanceof Error ? error.message : String(error)}`);
    } finally {
      busy = false;
    }
  };
  const timer = setInterval(() => void look(), PULSE);
  timer.unref();
  void look();
  return () => clearInterval(timer);
}

const listed = z.object({
  runs: z.array(z.object({ run_id: z.string(), state: z.string(), line: z.string(), sync: z.string() })),
});

/** What is told of each of the newest runs; undefined where it cannot be said. */
async function statesOf(gate: Gate): Promise<Map<string, string> | undefined> {
  const caller = {
    surface: 'server' as const,
    client: `autolab-mcp/${VERSION}`,
    uid: process.getuid?.() ?? -1,
    host: hostname(),
  };
  const outcome = await gate.call('list_runs', { limit: NEWEST }, caller);
  if (outcome.kind !== 'done') return undefined;
  return new Map(listed.parse(outcome.data).runs.map(({ run_id, state, line, sync }) => [run_id, `${state} ${sync} ${line}`]));
}
