import { chmodSync, existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { request } from 'node:http';
import { join } from 'node:path';
import { execa } from 'execa';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import { until } from '../../support/repo.ts';
import type { Tiny } from '../../support/tiny.ts';
import { forgetTemplate, makeTiny } from '../../support/tiny.ts';
import { tunnelTo } from '../../support/tunnel.ts';
import { connect, ERAS } from '../asking.ts';
import type { Running } from './serving.ts';
import { INITIALIZE, JSON_HEADERS, ownFolder, raw, serve } from './serving.ts';

let folder: ReturnType<typeof ownFolder>;
let real: string;
let its: Tiny;
let socket: string;
let server: Running;

/** The embedded runner starts what it runs with setsid(1): here that waits, from when `hold` is there until `go` is. */
const setsid = (way: string, real: string) => `#!/bin/sh
if [ -e ${way}/hold ] && mkdir ${way}/held 2>/dev/null; then
  until [ -e ${way}/go ]; do sleep 0.05; done
fi
exec ${real} "$@"
`;

beforeAll(async () => {
  folder = ownFolder();
  real = (await execa('sh', ['-c', 'command -v setsid'])).stdout;
});
let turn = 0;
beforeEach(async () => {
  its = await makeTiny();
  turn += 1;
  mkdirSync(way('bin'), { recursive: true });
  writeFileSync(way('bin/setsid'), setsid(way(''), real));
  chmodSync(way('bin/setsid'), 0o755);
  socket = way('mcp.sock');
  server = await begin();
});
afterEach(async () => {
  writeFileSync(way('go'), '');
  server.kill('SIGTERM');
  await server.ended;
  its.remove();
});
afterAll(async () => {
  folder.remove();
  await forgetTemplate();
});

const way = (name: string) => join(folder.path, String(turn), name);
const begin = () => {
  chmodSync(way(''), 0o700);
  return serve(its.path, ['--socket', socket], { PATH: `${way('bin')}:${process.env.PATH ?? ''}` });
};
const runs = () => readdirSync(join(its.iteration, 'runs'));
const executions = () => {
  const log = join(its.iteration, 'executions.log');
  return existsSync(log) ? readFileSync(log, 'utf8').trimEnd().split('\n') : [];
};
const held = () => until('the submission is on its way', async () => existsSync(way('held')) || undefined);
const META = {
  'io.modelcontextprotocol/protocolVersion': '2026-07-28',
  'io.modelcontextprotocol/clientInfo': { name: 'raw', version: '1' },
  'io.modelcontextprotocol/clientCapabilities': {},
};

/** Begins a submission as a client of the era does; `cut` ends its connection. */
async function submitting(era: (typeof ERAS)[number]): Promise<{ answer: Promise<string>; cut(): void }> {
  const headers: Record<string, string> = { ...JSON_HEADERS, host: 'localhost' };
  const params = { name: 'submit_run', arguments: {} };
  if (era === '2025') {
    const begun = await raw({ socketPath: socket, headers }, INITIALIZE);
    Object.assign(headers, { 'mcp-session-id': begun.headers['mcp-session-id'], 'mcp-protocol-version': '2025-11-25' });
  } else {
    Object.assign(headers, { 'mcp-protocol-version': '2026-07-28', 'mcp-method': 'tools/call', 'mcp-name': 'submit_run' });
    Object.assign(params, { _meta: META });
  }
  const asked = request({ socketPath: socket, path: '/mcp', method: 'POST', headers });
  const answer = new Promise<string>((resolve, reject) => {
    asked.on('error', reject);
    asked.on('response', (got) => {
      const parts: Buffer[] = [];
      got.on('data', (part) => parts.push(part));
      got.on('end', () => resolve(Buffer.concat(parts).toString('utf8')));
      got.on('error', reject);
    });
  });
  asked.end(JSON.stringify({ jsonrpc: '2.0', id: 7, method: 'tools/call', params }));
  return { answer, cut: () => void asked.destroy() };
}

test.each(ERAS)('a client of %s that goes away in the middle of a submission finds the run, once', async (era) => {
  writeFileSync(way('hold'), '');
  const { answer, cut } = await submitting(era);
  await held();
  cut();
  await expect(answer).rejects.toThrow();
  writeFileSync(way('go'), '');
  const tunnel = await tunnelTo(socket);
  const user = await connect(era, { url: `http://127.0.0.1:${tunnel.port}/mcp` });
  try {
    await until('the run is over', async () => {
      const told = await user.call('monitor_runs');
      return JSON.stringify(told.structuredContent).includes('"all_over":true') || undefined;
    });
    expect([runs().length, executions().length]).toEqual([1, 1]);
    const [run = ''] = runs();
    const journal = readFileSync(join(its.iteration, 'runs', run, 'gate', 'journal.jsonl'), 'utf8');
    expect(journal.match(/"event":"released"/g)).toHaveLength(1);
  } finally {
    await user.close();
    tunnel.close();
  }
});

test.each(ERAS)('a server that is stopped during a call of %s finishes and answers it, and takes no new one', async (era) => {
  writeFileSync(way('hold'), '');
  const { answer } = await submitting(era);
  await held();
  server.kill('SIGTERM');
  await until('nobody new is let in', async () => {
    const late = await raw({ socketPath: socket, headers: { ...JSON_HEADERS, host: 'localhost' } }, INITIALIZE).catch(
      () => undefined,
    );
    return late === undefined || late.status === 503 || undefined;
  });
  writeFileSync(way('go'), '');
  expect(await answer).toMatch(/"structuredContent".*"run_id"/);
  expect(await server.ended).toMatchObject({ exit: 0, stdout: '' });
  expect([existsSync(socket), runs().length]).toEqual([false, 1]);
  server = await begin();
});

test('a server that is killed during a call leaves what the next one finishes', async () => {
  writeFileSync(way('hold'), '');
  const { answer } = await submitting('2026');
  await held();
  server.kill('SIGKILL');
  await expect(answer).rejects.toThrow();
  await server.ended;
  writeFileSync(way('go'), '');
  server = await begin();
  const again = await submitting('2026');
  expect(await again.answer).toMatch(/"run_id"/);
  const tunnel = await tunnelTo(socket);
  const user = await connect('2026', { url: `http://127.0.0.1:${tunnel.port}/mcp` });
  try {
    await until('the run is over', async () => {
      const told = await user.call('monitor_runs');
      return JSON.stringify(told.structuredContent).includes('"all_over":true') || undefined;
    });
  } finally {
    await user.close();
    tunnel.close();
  }
  expect([runs().length, executions().length]).toEqual([1, 1]);
});
