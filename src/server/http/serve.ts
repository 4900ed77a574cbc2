import { createServer } from 'node:http';
import { hostname } from 'node:os';
import type { McpServer, ServerNotifier } from '@modelcontextprotocol/server';
import { account } from '../../base/account.ts';
import { listenOnPort, listenOnSocket, NODE_LIMITS, usualSocket } from '../../base/listening.ts';
import type { Gate } from '../gate.ts';
import { openGate } from '../gate.ts';
import type { Tell } from '../notices.ts';
import { buildServer } from '../server.ts';
import { SHIPPED } from '../skills.ts';
import { changesOf } from './changes.ts';
import type { Door, Era } from './door.ts';
import { openDoor } from './door.ts';
import { SOCKET } from './guards.ts';
import type { Limits } from './limits.ts';
import { LIMITS } from './limits.ts';
import type { HttpPlace } from './options.ts';

import { readTokens } from './tokens.ts';

/** The port of the laptop in the line that we show; any other does as well. */
const TUNNEL_PORT = 8765;

export type HttpOptions = {
  place: HttpPlace;
  gate: Gate;
  /** Makes the server object of one request or session. `gate` knows who it is for; `notify` tells 2026 clients that listen. */
  build?: (gate: () => Promise<Gate>, era: Era, hear: (tell: Tell) => void, notify: ServerNotifier) => McpServer;
  limits?: Limits;
  /** Said once it listens: where, and how to reach it. */
  say(text: string): void;
};

/** Serves MCP over HTTP until `stop` is given, and returns the exit code. Calls that have begun are finished and answered first. */
export async function serveHttp(open: Parameters<typeof openGate>[0], place: HttpPlace, stop: AbortSignal): Promise<number> {
  const say = (text: string) => void process.stderr.write(`${text}\n`);
  return serveAt({ place, gate: openGate(open), say }, stop);
}

export async function serveAt(options: HttpOptions, stop: AbortSignal): Promise<number> {
  const { place, gate, build = (open, era, hear) => buildServer(open, era, hear, SHIPPED, gate), limits = LIMITS, say } = options;
  const tokens = place.tokenFile === undefined ? undefined : readTokens(place.tokenFile);
  const changes = changesOf(gate, () => door.notify);
  const door: Door = openDoor({
    build: (who, era) => {
      let told: Tell | undefined;
      const hear = (tell: Tell) => {
        told = tell;
      };
      const server = build(async () => from(gate, who, stop), era, hear, door.notify);
      if (era === 'legacy' && told !== undefined) changes.hear(server, told);
      return server;
    },
    watching: () => changes.watching(),
    tokens,
    limits,
    warn: gate.warn,
  });
  const server = createServer(NODE_LIMITS, (req, res) => void door.answer(req, res));
  server.maxConnections = limits.connections;
  server.on('error', (error) => gate.warn(`http: ${error.message}`));
  if (place.port === undefined) {
    const path = await listenOnSocket(server, place.socket ?? usualSocket('autolab-mcp', gate.repo));
    say(reachable(path, tokens !== undefined));
  } else {
    const at = await listenOnPort(server, place.host, place.port);
    say(
      `autolab-mcp serves http://${place.host.includes(':') ? `[${place.host}]` : place.host}:${at}/mcp, with a token of ${place.tokenFile}`,
    );
  }
  await new Promise<void>((resolve) => {
    if (stop.aborted) resolve();
    stop.addEventListener('abort', () => resolve(), { once: true });
  });
  changes.close();
  const closed = new Promise<void>((resolve) => server.close(() => resolve()));
  await door.close(gate.close);
  server.closeAllConnections();
  await closed;
  return 0;
}

/** The gate for one caller: its calls are in the audit log as such, and end waiting when the server is stopped. */
function from(gate: Gate, who: string, stop: AbortSignal): Gate {
  return {
    ...gate,
    call: (name, raw, caller) =>
      gate.call(name, raw, {
        ...caller,
        surface: 'http',
        signal: caller.signal ? AbortSignal.any([caller.signal, stop]) : stop,
        ...(who === SOCKET ? {} : { token: who }),
      }),
  };
}

function reachable(path: string, needsToken: boolean): string {
  return [
    `autolab-mcp serves MCP on ${path}, for ${account().username} alone${needsToken ? ', with a token' : ''}.`,
    `From another machine: ssh -N -L ${TUNNEL_PORT}:${path} ${account().username}@${hostname()}`,
    `and then the address: http://127.0.0.1:${TUNNEL_PORT}/mcp`,
  ].join('\n');
}
