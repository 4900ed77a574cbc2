import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import fc from 'fast-check';
import { afterAll, afterEach, describe, expect, test } from 'vitest';
import { fileOf, HOSTS, withServer } from '../../src/tools/host-files.ts';
import { failureOf } from '../runs/failing.ts';
import type { Tiny } from '../support/tiny.ts';
import { forgetTemplate, makeTiny } from '../support/tiny.ts';

describe('the file of a host', () => {
  const OURS = { command: 'autolab-mcp', args: ['serve'] };
  test.each([
    ['claude-code', { mcpServers: { autolab: { type: 'stdio', ...OURS } } }],
    ['vscode', { servers: { autolab: { type: 'stdio', ...OURS } } }],
    ['cursor', { mcpServers: { autolab: OURS } }],
    ['gemini', { mcpServers: { autolab: OURS } }],
  ] as const)('of %s names this server', (host, whole) => expect(JSON.parse(withServer(host, undefined))).toEqual(whole));

  const others = fc.dictionary(fc.string(), fc.jsonValue());
  test('keeps whatever else stands there, and a second time changes nothing', () => {
    fc.assert(
      fc.property(fc.constantFrom(...HOSTS.filter((one) => one !== 'codex')), others, others, (host, rest, servers) => {
        const key = host === 'vscode' ? 'servers' : 'mcpServers';
        const text = JSON.stringify({ ...rest, [key]: servers });
        const once = withServer(host, text);
        const { [key]: now, ...kept } = JSON.parse(once);
        const { autolab, ...left } = now;
        const { autolab: _, ...before } = JSON.parse(text)[key];
        expect(left).toEqual(before);
        expect(autolab).toMatchObject(OURS);
        expect(kept).toEqual((({ [key]: __, ...more }) => more)(JSON.parse(text)));
        expect(withServer(host, once)).toBe(once);
      }),
    );
  });

  test('as it is indented', () =>
    expect(withServer('cursor', '{\n\t"mcpServers": {}\n}\n')).toContain('\n\t"mcpServers": {\n\t\t"autolab"'));

  test.each([
    ['has comments', '{ // mine\n "mcpServers": {} }'],
    ['is a list', '[]'],
    ['has something else there', '{"mcpServers": 3}'],
  ])('is not written over where it %s', (_what, text) =>
    expect(failureOf(() => withServer('claude-code', text))).toMatchObject({
      code: 'file_invalid',
      next: expect.stringContaining('"autolab":{"type":"stdio","command":"autolab-mcp","args":["serve"]}'),
    }),
  );

  test('of Codex gets a table of its own behind what is there', () => {
    const block = '[mcp_servers.autolab]\ncommand = "autolab-mcp"\nargs = ["serve"]\n';
    expect(withServer('codex', undefined)).toBe(block);
    const once = withServer('codex', 'model = "x"');
    expect(once).toBe(`model = "x"\n\n${block}`);
    expect(withServer('codex', once)).toBe(once);
    expect(failureOf(() => withServer('codex', '[mcp_servers.autolab]\ncommand = "other"\n')).code).toBe('file_invalid');
  });
});

let tiny: Tiny;
afterEach(() => tiny?.remove());
afterAll(forgetTemplate);

test('a person is shown the file and confirms it; nobody else writes it', async () => {
  tiny = await makeTiny((path) => {
    mkdirSync(join(path, '.vscode'));
    writeFileSync(join(path, '.vscode', 'mcp.json'), '{ "servers": { "other": { "command": "x" } } }\n');
  });
  const file = join(tiny.path, fileOf('vscode'));
  const before = readFileSync(file, 'utf8');
  expect((await tiny.typed('no\n', 'setup', 'vscode')).exit).toBe(1);
  expect((await tiny.run(['setup', 'vscode'])).stderr).toContain('it needs a terminal');
  expect(readFileSync(file, 'utf8')).toBe(before);
  const { exit, said } = await tiny.typed('yes\n', 'setup', 'vscode');
  expect([exit, said]).toEqual([0, expect.stringContaining('"autolab"')]);
  expect(Object.keys(JSON.parse(readFileSync(file, 'utf8')).servers)).toEqual(['other', 'autolab']);
  expect((await tiny.run(['setup', 'vscode'])).stdout).toContain('has it already');
  const sealed = await tiny.typed('yes\n', 'policy', 'seal');
  expect(sealed.exit).toBe(0);
  expect((await tiny.typed('yes\n', 'setup', 'claude-code')).said).toContain('The seal covers .mcp.json');
  expect(existsSync(join(dirname(file), '..', '.mcp.json'))).toBe(true);
  expect((await tiny.run(['submit'])).stderr).toContain('.mcp.json');
});
