import { execFileSync } from 'node:child_process';
import { chmodSync, lstatSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { execa } from 'execa';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { tools } from '../../../src/tools/index.ts';
import type { Repo } from '../../support/repo.ts';
import { MAIN, makeRepo, POLICY, ROOT } from '../../support/repo.ts';
import { tunnelTo } from '../../support/tunnel.ts';
import type { Served } from '../asking.ts';
import { connect, ERAS, MANIFEST } from '../asking.ts';
import type { Running } from './serving.ts';
import { INITIALIZE, JSON_HEADERS, ownFolder, raw, serve } from './serving.ts';

const TOKEN = 'a-token-0123456789abcdef0123456789abcdef';

let repo: Repo;
let folder: ReturnType<typeof ownFolder>;
let socket: string;
let onSocket: Running;
let onPort: Running;
let tunnel: Awaited<ReturnType<typeof tunnelTo>>;
const ways: Record<'socket' | 'port', Served> = { socket: { url: '' }, port: { url: '' } };

beforeAll(async () => {
  repo = await makeRepo(`${POLICY}  acts: { write: ask }\n  approve: elicitation\n`);
  writeFileSync(join(repo.path, 'manifest.json'), JSON.stringify(MANIFEST));
  folder = ownFolder();
  socket = join(folder.path, 'mcp.sock');
  const tokens = join(folder.path, 'tokens');
  writeFileSync(tokens, `${TOKEN}\n`, { mode: 0o600 });
  [onSocket, onPort] = await Promise.all([
    serve(repo.path, ['--socket', socket]),
    serve(repo.path, ['--port', '0', '--token-file', tokens]),
  ]);
  tunnel = await tunnelTo(socket);
  ways.socket = { url: `http://localhost:${tunnel.port}/mcp` };
  ways.port = { url: /http:\S+\/mcp/.exec(onPort.said)?.[0] ?? '', token: TOKEN };
});
afterAll(async () => {
  tunnel.close();
  for (const one of [onSocket, onPort]) one.kill('SIGTERM');
  const ends = await Promise.all([onSocket.ended, onPort.ended]);
  folder.remove();
  await repo.cleanup();
  expect(ends.map(({ exit, stdout }) => ({ exit, stdout }))).toEqual([
    { exit: 0, stdout: '' },
    { exit: 0, stdout: '' },
  ]);
});

const CASES = ERAS.flatMap((era) => (['socket', 'port'] as const).map((way) => [era, way] as const));

describe.each(CASES)('a client of %s on the %s', (era, way) => {
  test('lists the tools, calls one, and the audit says by which way', async () => {
    const user = await connect(era, ways[way]);
    try {
      expect((await user.list()).map(({ name }) => name)).toEqual(
        tools.filter(({ audience }) => audience === 'agent').map(({ name }) => name),
      );
      expect((await user.call('list_runs')).structuredContent).toMatchObject({ runs: [], total: 0 });
      expect((await user.call('list_runs', { limt: 3 })).isError).toBe(true);
      const log = readFileSync(join(repo.path, '.autolab', 'gate', 'audit.jsonl'), 'utf8')
        .trimEnd()
        .split('\n');
      const { caller } = JSON.parse(log.at(-1) ?? '');
      expect(caller).toMatchObject({ surface: 'http', client: `client-${era}/1` });
      expect(caller.token).toEqual(way === 'port' ? expect.stringMatching(/^[0-9a-f]{8}$/) : undefined);
      expect(log.join('\n')).not.toContain(TOKEN);
    } finally {
      await user.close();
    }
  });

  test('is asked, and what its user says counts', async () => {
    const user = await connect(era, ways[way], { action: 'decline' });
    try {
      const answer = await user.call('append_ledger', { manifest: 'manifest.json' });
      expect([answer.isError, user.questions.length]).toEqual([true, 1]);
      expect(answer._meta?.['autolab/outcome']).toMatchObject({ failure: { code: 'approval_unusable' } });
    } finally {
      await user.close();
    }
  });
});

test.each(['legacy', 'modern'])('the official inspector finds nothing to say in its strict mode, in the %s era', async (era) => {
  const inspector = join(ROOT, 'node_modules', '@modelcontextprotocol', 'inspector', 'clients', 'launcher', 'build', 'index.js');
  const words = ['--cli', ways.socket.url, '--transport', 'http', '--protocol-era', era, '--method', 'tools/list', '--strict'];
  const options = { cwd: folder.path, env: { HOME: folder.path }, reject: false, stdin: 'ignore' } as const;
  const { exitCode, stdout, stderr } = await execa(process.execPath, [inspector, ...words], options);
  expect([exitCode, stderr.split('\n').filter((line) => /^(?:Error|Warning)|Path:/.test(line))]).toEqual([0, []]);
  expect(JSON.parse(stdout)).toMatchObject({ tools: expect.arrayContaining([expect.objectContaining({ name: 'submit_run' })]) });
});

describe('the socket', () => {
  test('is its owner’s alone from the first moment, and says how to reach it', async () => {
    const seen = lstatSync(socket);
    expect([seen.isSocket(), seen.mode & 0o777, seen.uid]).toEqual([true, 0o600, process.getuid?.()]);
    expect(onSocket.said).toContain(socket);
  });

  test.skipIf(process.getuid?.() !== 0)('lets no other account of the machine in, even where the folder would', async () => {
    chmodSync(folder.path, 0o755);
    try {
      const code = `require('net').connect(process.argv[1]).on('connect',()=>console.log('in')).on('error',(e)=>console.log(e.code))`;
      const told = execFileSync('setpriv', [
        '--reuid=65534',
        '--regid=65534',
        '--clear-groups',
        process.execPath,
        '-e',
        code,
        socket,
      ]);
      expect(told.toString().trim()).toBe('EACCES');
    } finally {
      chmodSync(folder.path, 0o700);
    }
  });

  test('refuses a Host that no tunnel gives', async () => {
    const { status } = await raw({ socketPath: socket, headers: { ...JSON_HEADERS, host: 'evil.example' } }, INITIALIZE);
    expect(status).toBe(403);
  });

  test('is left alone by a second server, which says so', async () => {
    const second = await start('--socket', socket);
    expect([second.exitCode, second.stdout]).toEqual([1, '']);
    expect(second.stderr).toMatch(/cannot serve at .*mcp\.sock: a server answers there already[\s\S]*next: /);
    expect((await raw({ socketPath: socket, headers: JSON_HEADERS }, INITIALIZE)).status).toBe(200);
  });

  test('that a killed server left is replaced', async () => {
    const path = join(folder.path, 'stale.sock');
    const first = await serve(repo.path, ['--socket', path]);
    first.kill('SIGKILL');
    await first.ended;
    expect(lstatSync(path).isSocket()).toBe(true);
    const next = await serve(repo.path, ['--socket', path]);
    next.kill('SIGTERM');
    expect((await next.ended).exit).toBe(0);
    expect(lstatSync(path, { throwIfNoEntry: false })).toBeUndefined();
  });

  test('has one server when two are started at once on one that was left', async () => {
    const path = join(folder.path, 'race.sock');
    const left = createServer();
    await new Promise<void>((resolve) => left.listen(path, resolve));
    // Node takes the file away when it closes, so this one is put back as a kill would have left it.
    const kept = `${path}.kept`;
    execFileSync('ln', [path, kept]);
    await new Promise<void>((resolve) => left.close(() => resolve()));
    execFileSync('mv', [kept, path]);
    const both = await Promise.allSettled([serve(repo.path, ['--socket', path]), serve(repo.path, ['--socket', path])]);
    const served = both.flatMap((one) => (one.status === 'fulfilled' ? [one.value] : []));
    for (const one of served) one.kill('SIGTERM');
    expect((await Promise.all(served.map(({ ended }) => ended))).map(({ exit }) => exit)).toEqual([0]);
  });
});

/** A start that is expected to be refused. */
const start = (...args: string[]) =>
  execa(process.execPath, [MAIN, 'serve', '--http', ...args], { cwd: folder.path, reject: false, stdin: 'ignore' });

test('what does not fit together is told with how it is used, and nothing is served', async () => {
  const { exitCode, stderr, stdout } = await start('--port', '0');
  expect([exitCode, stdout]).toEqual([2, '']);
  expect(stderr).toMatch(/--port needs --token-file[\s\S]*next: autolab-mcp serve .*--token-file FILE/);
});
