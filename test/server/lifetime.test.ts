import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { execa } from 'execa';
import { afterEach, expect, test } from 'vitest';
import { MAIN } from '../support/repo.ts';
import { connect, ERAS, textOf } from './asking.ts';

const INITIALIZE = {
  jsonrpc: '2.0',
  id: 1,
  method: 'initialize',
  params: { protocolVersion: '2025-06-18', capabilities: {}, clientInfo: { name: 'raw', version: '1' } },
};
const LIST = { jsonrpc: '2.0', id: 2, method: 'tools/list' };
const lines = (...messages: object[]) => messages.map((one) => `${JSON.stringify(one)}\n`).join('');

const folders: string[] = [];
const empty = (): string => {
  const folder = mkdtempSync(join(tmpdir(), 'autolab-nowhere-'));
  folders.push(folder);
  return folder;
};
afterEach(() => {
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true });
});

/** The answers of a server that is still being talked to: stdin stays open until `end`. */
function start(...args: string[]) {
  const child = execa('node', [MAIN, ...args], { cwd: empty(), reject: false, stdin: 'pipe' });
  return { child, answers: child.iterable({ from: 'stdout' }) };
}

test('the server ends cleanly when its client goes away, and only the protocol is on stdout', async () => {
  const { child, answers } = start('serve');
  child.stdin.write(lines(INITIALIZE, LIST));
  const heard: unknown[] = [];
  for await (const line of answers) {
    heard.push(JSON.parse(String(line)));
    if (heard.length === 2) child.stdin.end();
  }
  const { exitCode, stderr } = await child;
  expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: '' });
  expect(heard).toMatchObject([
    { id: 1, result: { serverInfo: { name: 'autolab-mcp' } } },
    { id: 2, result: { tools: expect.any(Array) } },
  ]);
});

test.each(['SIGTERM', 'SIGINT', 'SIGHUP'] as const)('%s ends the server cleanly', async (signal) => {
  const { child, answers } = start();
  child.stdin.write(lines(INITIALIZE));
  for await (const _ of answers) child.kill(signal);
  expect(await child).toMatchObject({ exitCode: 0, stderr: '' });
});

test('what is no protocol is ignored, and the server goes on', async () => {
  const { child, answers } = start();
  child.stdin.write(`hello\n{"jsonrpc":"2.0"}\n${lines(INITIALIZE)}`);
  for await (const line of answers) {
    expect(JSON.parse(String(line))).toMatchObject({ id: 1, result: { serverInfo: { name: 'autolab-mcp' } } });
    child.stdin.end();
  }
  expect((await child).exitCode).toBe(0);
});

test.each(ERAS)('without a repository a client of %s gets the list, and is told what is missing', async (era) => {
  const user = await connect(era, empty());
  try {
    expect((await user.list()).length).toBeGreaterThan(0);
    const answer = await user.call('list_runs');
    expect(answer).toMatchObject({ isError: true, _meta: { 'autolab/outcome': { failure: { code: 'no_repository' } } } });
    expect(textOf(answer)).toContain('autolab-mcp init');
  } finally {
    await user.close();
  }
});
