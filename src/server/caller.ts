import { hostname } from 'node:os';
import type { McpServer, ServerContext } from '@modelcontextprotocol/server';
import { CLIENT_CAPABILITIES_META_KEY, CLIENT_INFO_META_KEY } from '@modelcontextprotocol/server';
import * as z from 'zod';
import { clean } from '../base/text.ts';
import type { Caller } from '../tools/tool.ts';

/** Who makes this request, as the audit trail names them. `progress` speaks only where the client asked for it. */
export function callerOf(server: McpServer, ctx: ServerContext): Caller {
  return {
    surface: 'server',
    client: clientName(said(ctx, CLIENT_INFO_META_KEY) ?? server.server.getClientVersion()),
    uid: process.getuid?.() ?? -1,
    host: hostname(),
    signal: ctx.mcpReq.signal,
    progress: progress(ctx),
  };
}

const forms = z.object({ elicitation: z.union([z.strictObject({}), z.looseObject({ form: z.looseObject({}) })]) });

/** Whether the client can show its user a form. A bare `elicitation: {}` means forms, as in 2025-06-18. */
export function canAsk(server: McpServer, ctx: ServerContext): boolean {
  return forms.safeParse(said(ctx, CLIENT_CAPABILITIES_META_KEY) ?? server.server.getClientCapabilities()).success;
}

/** 2026 clients say who they are and what they can with every request; 2025 clients said it once, to the server object. */
function said(ctx: ServerContext, key: string): unknown {
  const envelope: Record<string, unknown> = { ...ctx.mcpReq.envelope };
  return envelope[key];
}

const identity = z.object({ name: z.string(), version: z.string().default('') });

/** `name/version` of letters that cannot be taken for anything else in a log line, at most 64 characters each. */
export function clientName(info: unknown): string {
  const parsed = identity.safeParse(info);
  if (!parsed.success) return 'unknown';
  const [name, version] = [word(parsed.data.name), word(parsed.data.version)];
  return `${name || 'unknown'}${version ? `/${version}` : ''}`;
}

function word(text: string): string {
  return clean(text)
    .trim()
    .replace(/[^A-Za-z0-9._@+-]+/g, '-')
    .slice(0, 64);
}

function progress(ctx: ServerContext): (message: string) => void {
  const token = ctx.mcpReq._meta?.progressToken;
  let step = 0;
  return (message) => {
    if (token === undefined || ctx.mcpReq.signal.aborted) return;
    step += 1;
    ctx.mcpReq
      .notify({ method: 'notifications/progress', params: { progressToken: token, progress: step, message: clean(message) } })
      // The only failure is a connection that has closed; the request's own signal says so to whoever needs to know.
      .catch(() => undefined);
  };
}
