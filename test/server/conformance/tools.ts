import { setTimeout as sleep } from 'node:timers/promises';
import type { McpServer, ServerContext, ServerNotifier } from '@modelcontextprotocol/server';
import * as z from 'zod';

/** One pixel. */
export const PNG = 'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mP8z8BQDwAEhQGAhKmMIQAAAABJRU5ErkJggg==';
/** A RIFF header with no samples after it. */
const WAV = 'UklGRiQAAABXQVZFZm10IBAAAAABAAEAQB8AAIA+AAACABAAZGF0YQAAAAA=';

const none = z.strictObject({});
const text = (words: string) => ({ content: [{ type: 'text' as const, text: words }] });
const image = { type: 'image' as const, data: PNG, mimeType: 'image/png' };

/** The tools that the suite calls by name, each doing what its scenario asks for. */
export function addTools(server: McpServer, notify: ServerNotifier): void {
  const add = (name: string, run: (ctx: ServerContext) => Promise<ReturnType<typeof text>> | ReturnType<typeof text>) =>
    server.registerTool(name, { description: `A fixture of the suite: ${name}`, inputSchema: none }, async (_, ctx) => run(ctx));
  const content = (name: string, ...parts: Parameters<typeof contents>) =>
    server.registerTool(name, { description: `A fixture of the suite: ${name}`, inputSchema: none }, () => contents(...parts));

  add('test_simple_text', () => text('This is a simple text response for testing.'));
  content('test_image_content', image);
  content('test_audio_content', { type: 'audio', data: WAV, mimeType: 'audio/wav' });
  content('test_embedded_resource', {
    type: 'resource',
    resource: { uri: 'test://embedded-resource', mimeType: 'text/plain', text: 'This is an embedded resource content.' },
  });
  content('test_multiple_content_types', { type: 'text', text: 'Multiple content types test:' }, image, {
    type: 'resource',
    resource: {
      uri: 'test://mixed-content-resource',
      mimeType: 'application/json',
      text: JSON.stringify({ test: 'data', value: 123 }),
    },
  });
  add('test_error_handling', () => {
    throw new Error('This tool intentionally returns an error for testing');
  });
  add('test_tool_with_logging', async (ctx) => {
    for (const words of ['Tool execution started', 'Tool processing data', 'Tool execution completed']) {
      await ctx.mcpReq.log('info', words);
      await sleep(50);
    }
    return text('logged');
  });
  add('test_logging_tool', async (ctx) => {
    await ctx.mcpReq.log('info', 'only for who asked');
    return text('logged, where it was asked for');
  });
  add('test_tool_with_progress', async (ctx) => {
    const token = ctx.mcpReq._meta?.progressToken;
    for (const progress of [0, 50, 100]) {
      if (token !== undefined) {
        const params = { progressToken: token, progress, total: 100 };
        await ctx.mcpReq.notify({ method: 'notifications/progress', params });
      }
      await sleep(50);
    }
    return text('done');
  });
  add('test_reconnection', async (ctx) => {
    ctx.http?.closeSSE?.();
    await sleep(100);
    return text('told after the stream was closed and taken up again');
  });
  add('test_trigger_tool_change', () => {
    notify.toolsChanged();
    return text('said that the tools changed');
  });
  add('test_trigger_prompt_change', () => {
    notify.promptsChanged();
    return text('said that the prompts changed');
  });
  server.registerTool(
    'test_x_mcp_header',
    {
      description: 'A fixture of the suite: an argument that the header repeats',
      inputSchema: z.strictObject({ region: z.string().meta({ 'x-mcp-header': 'Region' }) }),
    },
    ({ region }) => text(region),
  );
}

type Content = Awaited<ReturnType<Parameters<McpServer['registerTool']>[2]>>;
type Part = Extract<Content, { content: unknown }>['content'][number];

function contents(...content: Part[]): { content: Part[] } {
  return { content };
}
