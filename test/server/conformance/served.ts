import type { McpServer, ServerNotifier } from '@modelcontextprotocol/server';
import { openGate } from '../../../src/server/gate.ts';
import { serveAt } from '../../../src/server/http/serve.ts';
import { buildServer } from '../../../src/server/server.ts';
import type { Shelf } from '../../../src/server/skills.ts';
import { tunnelTo } from '../../support/tunnel.ts';
import { addLegacyAsking, addModernAsking } from './asking.ts';
import { mountBeside } from './beside.ts';
import { addPrompts, addResources } from './resources.ts';
import { addTools } from './tools.ts';

/**
 * Our own server on its socket, with the fixtures of the suite beside our tools, and a port of the loopback that leads to it as `ssh -L`
 * does: the suite knows addresses of HTTP only.
 */
export async function serveForSuite(
  repo: string,
  socket: string,
  skills?: Shelf,
): Promise<{ url: string; close(): Promise<number> }> {
  const fixtures = (server: McpServer, era: 'legacy' | 'modern', notify: ServerNotifier) =>
    mountBeside(server, () => {
      server.server.registerCapabilities({ tools: { listChanged: true }, prompts: { listChanged: true }, logging: {} });
      addTools(server, notify);
      addResources(server);
      addPrompts(server);
      if (era === 'modern') return addModernAsking(server);
      addLegacyAsking(server);
      server.server.setRequestHandler('logging/setLevel', () => ({}));
    });
  const stop = new AbortController();
  let ready: () => void = () => {};
  const listening = new Promise<void>((resolve) => {
    ready = resolve;
  });
  const ended = serveAt(
    {
      place: { socket },
      gate: openGate({ start: repo }),
      build: (gate, era, hear, notify) => fixtures(buildServer(gate, era, hear, skills), era, notify),
      say: () => ready(),
    },
    stop.signal,
  );
  await Promise.race([listening, ended]);
  const tunnel = await tunnelTo(socket);
  return {
    url: `http://127.0.0.1:${tunnel.port}/mcp`,
    close: async () => {
      tunnel.close();
      stop.abort();
      return ended;
    },
  };
}
