import { cpSync, existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { McpServer, ServerNotifier } from '@modelcontextprotocol/server';
import { loadSkills } from '@modelcontextprotocol/server/ext/skills/node';
import { openGate } from '../../../src/server/gate.ts';
import { serveAt } from '../../../src/server/http/serve.ts';
import { buildServer } from '../../../src/server/server.ts';
import { ROOT } from '../../support/repo.ts';
import { tunnelTo } from '../../support/tunnel.ts';
import { addLegacyAsking, addModernAsking } from './asking.ts';
import { mountBeside } from './beside.ts';
import { addPrompts, addResources } from './resources.ts';
import { addTools } from './tools.ts';

/**
 * Our own server on its socket, with the fixtures of the suite beside our tools, and a port of the loopback that leads to it as `ssh -L`
 * does: the suite knows addresses of HTTP only.
 */
export async function serveForSuite(repo: string, socket: string): Promise<{ url: string; close(): Promise<number> }> {
  const skills = await loadSkills(allSkills(join(dirname(socket), 'skills')));
  const fixtures = (server: McpServer, era: 'legacy' | 'modern', notify: ServerNotifier) =>
    mountBeside(server, () => {
      server.server.registerCapabilities({ tools: { listChanged: true }, prompts: { listChanged: true }, logging: {} });
      addTools(server, notify);
      addResources(server);
      addPrompts(server);
      skills.attach(server);
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
      build: (gate, era, hear, notify) => fixtures(buildServer(gate, era, hear), era, notify),
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

/** The skill that has everything a scenario asks for, and those that we ship, where there are any. */
function allSkills(folder: string): string {
  for (const from of [join(import.meta.dirname, 'skills'), join(ROOT, 'plugin', 'skills')]) {
    if (existsSync(from)) cpSync(from, folder, { recursive: true });
  }
  return folder;
}
