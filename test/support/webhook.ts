import { once } from 'node:events';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer } from 'node:http';

export type Got = { id: string; secret: string; body: Record<string, unknown>; text: string };
/** What the server does with a request; by default it takes it. */
export type Way = 'take' | 'break' | 'refuse' | 'close' | 'redirect' | 'hang';

/** A server on this machine that notices are posted to. `got`: what it has taken, in order. */
export async function startWebhook() {
  const got: Got[] = [];
  const asked: Way[] = [];
  let way: Way = 'take';
  const server = createServer((request: IncomingMessage, response: ServerResponse) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      asked.push(way);
      const text = Buffer.concat(chunks).toString();
      if (way === 'close') return request.socket.destroy();
      // Its answer never comes.
      if (way === 'hang') return undefined;
      if (way === 'refuse') return response.writeHead(500).end('<b>secret words of the server</b>');
      if (way === 'redirect') return response.writeHead(307, { location: `http://127.0.0.1:${port}/elsewhere` }).end();
      const { 'idempotency-key': id, authorization } = request.headers;
      got.push({ id: String(id), secret: String(authorization), body: JSON.parse(text) as Record<string, unknown>, text });
      // Taken, and cut off in the words behind that.
      if (way === 'break')
        return response.writeHead(200, { 'content-length': '100' }).write('ok', () => request.socket.destroy());
      return response.writeHead(204).end();
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  const port = typeof address === 'object' && address !== null ? address.port : 0;
  return {
    url: `http://127.0.0.1:${port}/hook`,
    got,
    asked,
    set: (now: Way) => {
      way = now;
    },
    close: () => {
      server.closeAllConnections();
      server.close();
    },
  };
}
