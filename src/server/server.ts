import type { CallToolResult, Tool as Definition } from '@modelcontextprotocol/server';
import { isInputRequiredResult, McpServer, ProtocolError, ProtocolErrorCode } from '@modelcontextprotocol/server';
import { VERSION } from '../base/package.ts';
import type { Outcome, Tool } from '../tools/tool.ts';
import { callerOf, canAsk } from './caller.ts';
import { calling } from './calling.ts';
import type { Gate } from './gate.ts';
import { INSTRUCTIONS } from './instructions.ts';
import type { Tell } from './notices.ts';
import { teller } from './notices.ts';
import { servePrompts } from './prompts.ts';
import { serveResources } from './resources.ts';
import { agentText, toResult } from './result.ts';
import type { Shelf } from './skills.ts';
import { CONSTANT, SHIPPED, SKILLS_CAPABILITY, serveSkills } from './skills.ts';
import list from './tools-list.json' with { type: 'json' };

/** What `tools/list` shows, and who is to know that somebody has looked at it. */
export type Listing = { readOnly: boolean; listed?(): void };

/**
 * One MCP server for one connection of either protocol era. `tools/call` hands every name and every argument to the gate, so that bad
 * input and unknown tools are audited and worded like everything else; resources are read through it. `hear` gets what tells this
 * connection of changes.
 */
export function buildServer(
  gate: () => Promise<Gate>,
  era: 'legacy' | 'modern',
  hear: (tell: Tell) => void = () => {},
  skills: Shelf = SHIPPED,
  { readOnly, listed }: Listing = { readOnly: false },
): McpServer {
  const server = new McpServer(
    { name: 'autolab-mcp', title: 'Autolab', version: VERSION },
    {
      capabilities: {
        tools: { listChanged: false },
        resources: { subscribe: true, listChanged: true },
        prompts: { listChanged: false },
        completions: {},
        extensions: SKILLS_CAPABILITY,
      },
      instructions: INSTRUCTIONS,
      cacheHints: {
        'tools/list': CONSTANT,
        'prompts/list': CONSTANT,
        'resources/templates/list': CONSTANT,
        'resources/list': { ttlMs: 5000, cacheScope: 'private' },
        'resources/read': { ttlMs: 1000, cacheScope: 'private' },
      },
    },
  );
  server.server.setRequestHandler('tools/list', async () => {
    listed?.();
    return { tools: readOnly ? LIST.filter(({ annotations }) => annotations?.readOnlyHint) : LIST };
  });
  server.server.setRequestHandler('tools/call', async ({ params }, ctx) => {
    const request = {
      name: params.name,
      raw: params.arguments ?? {},
      caller: callerOf(server, ctx),
      ctx,
      era,
      canAsk: canAsk(server, ctx),
    };
    const { call, tools } = await gate();
    const answer = await calling(call, request);
    if (isInputRequiredResult(answer)) return answer;
    const tool = tools.find((one) => one.name === params.name);
    return wire(answer, tool);
  });
  serveResources(server, gate, era, skills);
  serveSkills(server, era, skills);
  servePrompts(server);
  hear(teller(server, era));
  return server;
}

/** As `npm run generate` wrote it down of the definitions, so that nobody who only lists waits for all operations to be loaded. */
const LIST = list as Definition[];

/** The protocol wants an unknown tool as an error of its own, in both eras; the words are the gate’s. */
function wire(outcome: Outcome, tool: Tool | undefined): CallToolResult {
  if (outcome.kind === 'failed' && outcome.failure.code === 'unknown_tool') {
    throw new ProtocolError(ProtocolErrorCode.InvalidParams, agentText(outcome), outcome.failure);
  }
  return toResult(outcome, tool);
}
