import { Client as ModernClient } from '@modelcontextprotocol/client';
import { StdioClientTransport as ModernTransport } from '@modelcontextprotocol/client/stdio';
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { StdioClientTransport } from '@modelcontextprotocol/sdk/client/stdio.js';
import type { Identity } from './repo.ts';
import { MAIN } from './repo.ts';

export type ToolAnswer = {
  isError?: boolean;
  structuredContent?: Record<string, unknown>;
  text: string;
  meta: Record<string, unknown>;
};
export type Agent = {
  call(name: string, args?: Record<string, unknown>): Promise<ToolAnswer>;
  tools(): Promise<string[]>;
  close(): Promise<void>;
};

const TIMEOUT = { timeout: 60_000 };

/** A client of the 2025 protocol, of the first SDK generation, on our server over stdio. */
export async function legacyAgent(cwd: string, identity?: Identity): Promise<Agent> {
  const client = new Client({ name: 'test-agent', version: '1.0.0' });
  await client.connect(new StdioClientTransport(server(cwd, identity)));
  return {
    call: async (name, args = {}) => answer(await client.callTool({ name, arguments: args }, undefined, TIMEOUT)),
    tools: async () => (await client.listTools()).tools.map((tool) => tool.name),
    close: () => client.close(),
  };
}

/** A client of the 2026 protocol, of the second SDK generation. */
export async function modernAgent(cwd: string, identity?: Identity): Promise<Agent> {
  const client = new ModernClient({ name: 'test-agent', version: '2.0.0' }, { versionNegotiation: { mode: 'auto' } });
  await client.connect(new ModernTransport(server(cwd, identity)));
  return {
    call: async (name, args = {}) => answer(await client.callTool({ name, arguments: args }, TIMEOUT)),
    tools: async () => (await client.listTools()).tools.map((tool) => tool.name),
    close: () => client.close(),
  };
}

function server(cwd: string, identity?: Identity) {
  const [command, ...words] = identity?.words ?? ([process.execPath, MAIN] as const);
  return { command, args: [...words, 'serve'], cwd, stderr: 'inherit' as const };
}

function answer(result: unknown): ToolAnswer {
  const { isError, structuredContent, content, _meta } = result as {
    isError?: boolean;
    structuredContent?: Record<string, unknown>;
    content?: { type: string; text?: string }[];
    _meta?: Record<string, unknown>;
  };
  return {
    ...(isError === undefined ? {} : { isError }),
    ...(structuredContent === undefined ? {} : { structuredContent }),
    text: (content ?? []).map((one) => one.text ?? '').join('\n'),
    meta: _meta ?? {},
  };
}
