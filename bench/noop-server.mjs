// The least that a server on this SDK can be: one tool that answers nothing. What our own server is measured against.
import { McpServer } from '@modelcontextprotocol/server';
import { serveStdio } from '@modelcontextprotocol/server/stdio';
import * as z from 'zod';

serveStdio(() => {
  const server = new McpServer({ name: 'noop', version: '1.0.0' });
  server.registerTool(
    'noop',
    {
      title: 'Nothing',
      description: 'Does nothing.',
      inputSchema: z.strictObject({}),
      outputSchema: z.object({ ok: z.boolean() }),
    },
    async () => ({ structuredContent: { ok: true }, content: [{ type: 'text', text: 'ok' }] }),
  );
  return server;
});
