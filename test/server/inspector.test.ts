import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { execa } from 'execa';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Repo } from '../support/repo.ts';
import { MAIN, makeRepo, ROOT } from '../support/repo.ts';
import { serve } from './http/serving.ts';

const INSPECTOR = join(ROOT, 'node_modules', '@modelcontextprotocol', 'inspector', 'clients', 'launcher', 'build', 'index.js');

let repo: Repo;
let home: string;

beforeAll(async () => {
  repo = await makeRepo();
  home = mkdtempSync(join(tmpdir(), 'autolab-inspector-'));
});
afterAll(async () => {
  await repo.cleanup();
  rmSync(home, { recursive: true, force: true });
});

const inspecting = (...words: string[]) =>
  execa(process.execPath, [INSPECTOR, '--cli', ...words], {
    cwd: repo.path,
    env: { HOME: home },
    reject: false,
    stdin: 'ignore',
  });
const inspect = (...words: string[]) => inspecting(process.execPath, MAIN, ...words);

/** The same on a port of its own. */
async function inspectOverHttp(...words: string[]) {
  const [token, file] = ['a-token-0123456789abcdef0123456789abcdef', join(home, 'tokens')];
  writeFileSync(file, `${token}\n`, { mode: 0o600 });
  const server = await serve(repo.path, ['--port', '0', '--token-file', file]);
  try {
    return await inspecting(/http:\S+\/mcp/.exec(server.said)?.[0] ?? '', '--header', `Authorization: Bearer ${token}`, ...words);
  } finally {
    server.kill('SIGTERM');
    await server.ended;
  }
}

test.each([
  ['legacy', 'stdio', inspect],
  ['modern', 'stdio', inspect],
  ['legacy', 'HTTP', inspectOverHttp],
  ['modern', 'HTTP', inspectOverHttp],
] as const)('the official inspector finds nothing to say about the list in the %s era over %s', async (era, _way, ask) => {
  const { exitCode, stdout, stderr } = await ask('--protocol-era', era, '--method', 'tools/list', '--strict');
  expect(stderr.split('\n').filter((line) => /^(?:Error|Warning)|Path:/.test(line))).toEqual([]);
  expect(exitCode).toBe(0);
  expect(JSON.parse(stdout)).toMatchObject({ tools: expect.arrayContaining([expect.objectContaining({ name: 'submit_run' })]) });
});

test('the official inspector calls a tool', async () => {
  const { exitCode, stdout } = await inspect('--method', 'tools/call', '--tool-name', 'list_runs');
  expect([exitCode, JSON.parse(stdout).structuredContent]).toEqual([
    0,
    { runs: [], total: 0, shown: 0, more: false, unreadable: [] },
  ]);
});

test.each(['legacy', 'modern'])('the official inspector verifies our skills in the %s era', async (era) => {
  const { exitCode, stdout, stderr } = await inspect('--protocol-era', era, '--method', 'skills/list', '--verify');
  expect([exitCode, exitCode === 0 ? '' : stderr]).toEqual([0, '']);
  const said = stdout.trim().split('\n');
  expect(said.map((line) => JSON.parse(line))).toMatchObject(
    ['recover-run', 'run-experiment'].map((name) => ({ name, files: [{ status: 'verified' }], outcome: 'verified' })),
  );
});
