import { writeFileSync } from 'node:fs';
import { request } from 'node:http';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Answer, Running } from './serving.ts';
import { INITIALIZE, JSON_HEADERS, ownFolder, raw, serve } from './serving.ts';

const [FIRST, SECOND] = ['first-0123456789abcdef0123456789abcdef', 'second-0123456789abcdef0123456789abcde'];

let folder: ReturnType<typeof ownFolder>;
let server: Running;
let port: number;

beforeAll(async () => {
  folder = ownFolder();
  const file = join(folder.path, 'tokens');
  writeFileSync(file, `${FIRST}\n${SECOND}\n`, { mode: 0o600 });
  server = await serve(folder.path, ['--port', '0', '--token-file', file]);
  port = Number(/127\.0\.0\.1:(\d+)\/mcp/.exec(server.said)?.[1]);
});
afterAll(async () => {
  server.kill('SIGTERM');
  const { exit, stdout } = await server.ended;
  folder.remove();
  expect({ exit, stdout }).toEqual({ exit: 0, stdout: '' });
});

const LIST = { jsonrpc: '2.0', id: 2, method: 'tools/list', params: {} };
const as = (token: string) => ({ ...JSON_HEADERS, authorization: `Bearer ${token}` });
const ask = (headers: Record<string, string | undefined>, body?: unknown, more: Parameters<typeof raw>[0] = {}) =>
  raw({ port, headers: Object.fromEntries(Object.entries(headers).filter(([, value]) => value !== undefined)), ...more }, body);
const message = ({ body }: Answer): string => JSON.parse(body).error.message;

async function session(token: string): Promise<string> {
  const { status, headers } = await ask(as(token), INITIALIZE);
  expect(status).toBe(200);
  const id = headers['mcp-session-id'];
  if (typeof id !== 'string') throw new Error('no session');
  return id;
}

describe('who may come in', () => {
  test.each([
    ['no token', {}, /a bearer token is needed/, 'Bearer realm="autolab-mcp"'],
    ['a wrong token', { authorization: `Bearer ${FIRST}x` }, /not one of this server/, /invalid_token/],
    ['the start of a token', { authorization: `Bearer ${FIRST.slice(0, -1)}` }, /not one of this server/, /invalid_token/],
    ['a token in another scheme', { authorization: `Basic ${FIRST}` }, /a bearer token is needed/, 'Bearer realm="autolab-mcp"'],
  ] as const)('%s is told what is wanted, and nothing else', async (_, given, words, challenge) => {
    const answer = await ask({ ...JSON_HEADERS, ...given }, INITIALIZE);
    expect([answer.status, answer.headers['mcp-session-id']]).toEqual([401, undefined]);
    expect(message(answer)).toMatch(words);
    expect(answer.headers['www-authenticate']).toEqual(expect.stringMatching(challenge));
    expect(answer.body).not.toContain(FIRST);
  });

  test.each(['evil.example', `evil.example:80`, 'localhost.evil.example', '127.0.0.1.evil.example', 'x@localhost', '0.0.0.0'])(
    'a Host of %j is refused, as that of a page that resolves its own name to this machine',
    async (host) => {
      const answer = await ask({ ...as(FIRST), host }, INITIALIZE);
      expect([answer.status, message(answer)]).toEqual([403, expect.stringContaining('foreign Host')]);
    },
  );

  test.each(['http://evil.example', 'null', 'https://localhost.evil.example', 'file://', 'http://localhost@evil.example'])(
    'an Origin of %j is refused',
    async (origin) => {
      const answer = await ask({ ...as(FIRST), origin }, INITIALIZE);
      expect([answer.status, message(answer)]).toEqual([403, expect.stringContaining('foreign Origin')]);
    },
  );

  test('what a browser says is of another site is refused, whatever its Origin', async () => {
    const answer = await ask({ ...as(FIRST), 'sec-fetch-site': 'cross-site' }, INITIALIZE);
    expect([answer.status, message(answer)]).toEqual([403, expect.stringContaining('another site')]);
  });

  test.each(['localhost:8765', '127.0.0.1:1', '[::1]:8765', 'LOCALHOST'])(
    'a Host of %j is one that a tunnel gives',
    async (host) => {
      expect((await ask({ ...as(FIRST), host, origin: `http://${host}` }, INITIALIZE)).status).toBe(200);
    },
  );

  test('no page is allowed to ask before it asks', async () => {
    const answer = await ask({ origin: 'http://localhost:3000', 'access-control-request-method': 'POST' }, undefined, {
      method: 'OPTIONS',
    });
    expect(answer.status).toBe(401);
    const known = await ask({ ...as(FIRST), origin: 'http://localhost:3000' }, undefined, { method: 'OPTIONS' });
    expect([known.status, known.headers.allow, known.headers['access-control-allow-origin']]).toEqual([405, 'POST', undefined]);
  });
});

describe('what is asked', () => {
  test.each([
    ['text/plain', { 'content-type': 'text/plain' }],
    ['a form', { 'content-type': 'application/x-www-form-urlencoded' }],
    ['no type', { 'content-type': undefined }],
    ['JSON that is compressed', { 'content-encoding': 'gzip' }],
  ] as const)('%s is no body for this server', async (_, given) => {
    expect((await ask({ ...as(FIRST), ...given }, INITIALIZE)).status).toBe(415);
  });

  test.each([
    ['no JSON', 'hello'],
    ['nothing', ''],
    ['JSON cut short', '{"jsonrpc":"2.0"'],
    ['JSON in another coding', Buffer.from('{"a":"\xff\xfe"}', 'latin1')],
  ])('a body with %s is told so', async (_, body) => {
    const answer = await ask(as(FIRST), body);
    expect([answer.status, JSON.parse(answer.body).error.code]).toEqual([400, -32_700]);
  });

  test.each([
    ['null', 'null'],
    ['a number', '7'],
    ['an empty batch', '[]'],
    ['very deep', `${'['.repeat(100_000)}${']'.repeat(100_000)}`],
    ['a method that is an object', '{"jsonrpc":"2.0","id":1,"method":{"tools/call":1}}'],
    ['a prototype', '{"jsonrpc":"2.0","id":1,"method":"tools/list","__proto__":{"method":"initialize"}}'],
  ])('JSON that is no message (%s) is an error of the client, and the server goes on', async (_, body) => {
    expect((await ask(as(FIRST), body)).status).toBe(400);
    expect((await ask(as(FIRST), INITIALIZE)).status).toBe(200);
  });

  test('a body over the limit is not read to its end: said beforehand, or found out', async () => {
    const large = 'x'.repeat(1024 * 1024 + 1);
    const announced = await ask({ ...as(FIRST), 'content-length': String(2 ** 40) }, 'x');
    expect([announced.status, announced.headers.connection]).toEqual([413, 'close']);
    const chunked = await new Promise<number | undefined>((resolve, reject) => {
      const headers = { ...as(FIRST), 'transfer-encoding': 'chunked' };
      const asked = request({ port, path: '/mcp', method: 'POST', headers }, (answer) => {
        answer.resume();
        resolve(answer.statusCode);
      });
      asked.on('error', reject);
      // It never ends: who waited for the end would wait for ever.
      asked.write(large);
    });
    expect(chunked).toBe(413);
    expect((await ask(as(FIRST), INITIALIZE)).status).toBe(200);
  });

  test.each([
    ['/', 404],
    ['/mcp/', 404],
    ['/.well-known/oauth-protected-resource', 404],
    ['/mcp/../mcp', 404],
    ['/%6dcp', 404],
    ['/mcp?x=1', 200],
  ])('%s answers %d', async (path, status) => {
    expect((await ask(as(FIRST), INITIALIZE, { path })).status).toBe(status);
  });

  test.each(['GET', 'DELETE', 'PUT', 'PATCH', 'HEAD'])('%s without a session is not allowed', async (method) => {
    const { status, headers } = await ask(as(FIRST), undefined, { method });
    expect([status, headers.allow]).toEqual([405, 'POST']);
  });

  test('who asks too fast is told how long to wait, and nobody else is', async () => {
    const body = Array.from({ length: 400 }, (_, id) => ({ ...LIST, id }));
    const statuses = [];
    for (let turn = 0; turn < 3; turn++) statuses.push((await ask(as(SECOND), body)).status);
    const over = await ask(as(SECOND), body);
    expect([...statuses, over.status]).toContain(429);
    expect(Number(over.headers['retry-after'])).toBeGreaterThan(0);
    expect((await ask(as(FIRST), INITIALIZE)).status).toBe(200);
  });
});

describe('a session of a 2025 client', () => {
  const listing = (id: string) => ({ 'mcp-session-id': id, 'mcp-protocol-version': '2025-11-25' });

  test('is needed for all but the first message', async () => {
    const answer = await ask(as(FIRST), LIST);
    expect([answer.status, message(answer)]).toEqual([400, expect.stringContaining('initializes first')]);
  });

  test.each(['nothing', '', 'a'.repeat(4000)])('that nobody began is not found', async (id) => {
    for (const method of ['POST', 'GET', 'DELETE']) {
      const answer = await ask({ ...as(FIRST), ...listing(id) }, method === 'POST' ? LIST : undefined, { method });
      expect([method, answer.status]).toEqual([method, 404]);
    }
  });

  test('is its token’s: to another it is not there, and goes on for its own', async () => {
    const id = await session(FIRST);
    for (const method of ['POST', 'GET', 'DELETE']) {
      const answer = await ask({ ...as(SECOND), ...listing(id) }, method === 'POST' ? LIST : undefined, { method });
      expect([method, answer.status === 404 || answer.status === 429]).toEqual([method, true]);
    }
    expect((await ask({ ...as(FIRST), ...listing(id) }, LIST)).body).toContain('submit_run');
  });

  test('ends when its client says so', async () => {
    const id = await session(FIRST);
    expect((await ask({ ...as(FIRST), ...listing(id) }, undefined, { method: 'DELETE' })).status).toBe(200);
    expect((await ask({ ...as(FIRST), ...listing(id) }, LIST)).status).toBe(404);
  });

  test('makes room, where there are many, for a new one by the end of the one that was silent longest', async () => {
    const ids: string[] = [];
    for (let turn = 0; turn < 34; turn++) ids.push(await session(FIRST));
    expect((await ask({ ...as(FIRST), ...listing(ids[0] ?? '') }, LIST)).status).toBe(404);
    expect((await ask({ ...as(FIRST), ...listing(ids.at(-1) ?? '') }, LIST)).status).toBe(200);
  });
});
