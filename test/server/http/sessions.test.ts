import { join } from 'node:path';
import { Client as ModernClient, StreamableHTTPClientTransport as ModernHttp } from '@modelcontextprotocol/client';
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import { ResourceListChangedNotificationSchema, ResourceUpdatedNotificationSchema } from '@modelcontextprotocol/sdk/types.js';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { openGate } from '../../../src/server/gate.ts';
import { LIMITS } from '../../../src/server/http/limits.ts';
import { serveAt } from '../../../src/server/http/serve.ts';
import { until } from '../../support/repo.ts';
import type { Tiny } from '../../support/tiny.ts';
import { forgetTemplate, makeTiny } from '../../support/tiny.ts';
import { tunnelTo } from '../../support/tunnel.ts';
import { INITIALIZE, JSON_HEADERS, ownFolder, raw } from './serving.ts';

let folder: ReturnType<typeof ownFolder>;
let tiny: Tiny;
let socket: string;
let url: URL;
let tunnel: Awaited<ReturnType<typeof tunnelTo>>;
const stop = new AbortController();
let ended: Promise<number>;

beforeAll(async () => {
  folder = ownFolder();
  tiny = await makeTiny();
  expect((await tiny.run(['submit'])).exit).toBe(0);
  socket = join(folder.path, 'mcp.sock');
  const limits = { ...LIMITS, sessions: 3, subscriptions: 1, idleMs: 3_000 };
  await new Promise<void>((resolve, reject) => {
    ended = serveAt({ place: { socket }, gate: openGate({ start: tiny.path }), limits, say: () => resolve() }, stop.signal);
    ended.catch(reject);
  });
  tunnel = await tunnelTo(socket);
  url = new URL(`http://127.0.0.1:${tunnel.port}/mcp`);
});
afterAll(async () => {
  stop.abort();
  expect(await ended).toBe(0);
  tunnel.close();
  folder.remove();
  tiny.remove();
  await forgetTemplate();
});

const HEADERS = { ...JSON_HEADERS, host: 'localhost' };
const begin = () => raw({ socketPath: socket, headers: HEADERS }, INITIALIZE);
const inSession = (id: string) => ({ ...HEADERS, 'mcp-session-id': id, 'mcp-protocol-version': '2025-11-25' });
const list = (id: string) => raw({ socketPath: socket, headers: inSession(id) }, { jsonrpc: '2.0', id: 2, method: 'ping' });

describe('who watches', () => {
  test('in a session of 2025 is told of changes, and one that does not watch is not', async () => {
    const told: string[][] = [[], []];
    const clients = [0, 1].map(() => new Client({ name: 'client 2025', version: '1' }));
    for (const [at, client] of clients.entries()) {
      client.setNotificationHandler(ResourceUpdatedNotificationSchema, ({ params }) => void told[at]?.push(params.uri));
      client.setNotificationHandler(ResourceListChangedNotificationSchema, () => void told[at]?.push('list'));
      await client.connect(new StreamableHTTPClientTransport(url));
    }
    await clients[0]?.subscribeResource({ uri: 'autolab://ledger' });
    await until('a notice', async () => {
      await tiny.run(['monitor']);
      await tiny.run(['submit', '--again']);
      return told[0]?.includes('autolab://ledger') || undefined;
    });
    expect(told[1]?.filter((one) => one !== 'list')).toEqual([]);
    await Promise.all(clients.map((client) => client.close()));
  });

  test('with 2026 is told on its own stream; there are no more streams than the limit', async () => {
    const told: string[] = [];
    const clients = [0, 1].map(
      () => new ModernClient({ name: 'client 2026', version: '1' }, { versionNegotiation: { mode: 'auto' } }),
    );
    const [first, second] = clients;
    for (const client of clients) await client.connect(new ModernHttp(url));
    first?.setNotificationHandler('notifications/resources/updated', ({ params }) => void told.push(params.uri));
    await first?.listen({ resourceSubscriptions: ['autolab://ledger'] });
    await expect(second?.listen({ resourceSubscriptions: ['autolab://ledger'] })).rejects.toThrow(/limit/i);
    await until('a notice', async () => {
      await tiny.run(['monitor']);
      await tiny.run(['submit', '--again']);
      return told.includes('autolab://ledger') || undefined;
    });
    await Promise.all(clients.map((client) => client.close()));
  });
});

test('a session that is silent ends; one whose stream is open is not silent, and when all are open there is no room', async () => {
  const ids: string[] = [];
  const open = new AbortController();
  for (let turn = 0; turn < 3; turn++) {
    const id = (await begin()).headers['mcp-session-id'];
    if (typeof id !== 'string') throw new Error('no session');
    ids.push(id);
    const stream = await fetch(url, { headers: { ...inSession(id), accept: 'text/event-stream' }, signal: open.signal });
    expect(stream.status).toBe(200);
  }
  const full = await begin();
  expect([full.status, JSON.parse(full.body).error.message]).toEqual([503, expect.stringContaining('3 sessions are open')]);
  expect((await list(ids[0] ?? '')).status).toBe(200);
  open.abort();
  // Looking is talking, which would keep it alive: so it is not looked at more often than a session may be silent.
  await until('the sessions have ended', async () => {
    await new Promise((resolve) => setTimeout(resolve, 3500));
    return (await list(ids[0] ?? '')).status === 404 || undefined;
  });
  expect((await begin()).status).toBe(200);
});

test('a stream that broke is taken up again where it broke', async () => {
  const id = (await begin()).headers['mcp-session-id'];
  if (typeof id !== 'string') throw new Error('no session');
  const answer = await raw(
    { socketPath: socket, headers: inSession(id) },
    { jsonrpc: '2.0', id: 9, method: 'tools/call', params: { name: 'list_runs', arguments: {} } },
  );
  const [first] = [...answer.body.matchAll(/^id: (.+)$/gm)].map(([, event]) => event);
  expect(answer.body).toContain('"id":9');
  const again = await raw({ socketPath: socket, headers: { ...inSession(id), 'last-event-id': first ?? '' } });
  expect([again.status, again.body.includes('"id":9')]).toEqual([200, true]);
  const unknown = await raw({ socketPath: socket, headers: { ...inSession(id), 'last-event-id': '4711' } });
  expect(unknown.status).toBe(400);
});
