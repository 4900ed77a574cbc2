import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test, vi } from 'vitest';
import { parse } from 'yaml';
import { Failure } from '../../src/base/errors.ts';
import { openContext } from '../../src/context.ts';
import { HOSTS, withServer } from '../../src/tools/host-files.ts';
import { tools } from '../../src/tools/index.ts';
import { ROOT } from '../support/repo.ts';
import { CLIENTS, FORMATS, faultsBy, skillHead } from './formats.ts';

const PLUGIN = join(ROOT, 'plugin');
const json = (path: string) => JSON.parse(readFileSync(join(ROOT, path), 'utf8'));

test.each(Object.entries(FORMATS))('%s is as its format wants it, and with any one thing wrong it is not', (path, schema) => {
  const faults = faultsBy(schema);
  expect(faults(json(path))).toBe('');
  const spoilt = spoiled(json(path));
  expect(spoilt.length).toBeGreaterThan(5);
  expect(spoilt.filter((one) => faults(one) === '')).toEqual([]);
});

test('every file of the plugin that is JSON has a format', () => {
  const found = readdirSync(PLUGIN, { recursive: true, encoding: 'utf8' }).filter((file) => file.endsWith('.json'));
  expect(found.map((file) => `plugin/${file}`).sort()).toEqual(
    Object.keys(FORMATS)
      .filter((file) => file.startsWith('plugin/'))
      .sort(),
  );
});

test.each(HOSTS)('what setup writes for %s is what it takes', (host) => {
  const content = withServer(host, undefined);
  const read: unknown = host === 'codex' ? tables(content) : JSON.parse(content);
  const faults = faultsBy(CLIENTS[host]);
  expect(faults(read)).toBe('');
  expect(spoiled(read).filter((one) => faults(one) === '')).toEqual([]);
});

/** The value with a key too many in one of its objects, or nothing in one of its places, in every way. */
function spoiled(value: unknown): unknown[] {
  if (typeof value !== 'object' || value === null) return [null];
  const entries = Object.entries(value);
  const without = entries.flatMap(([key, one]) => spoiled(one).map((bad) => [key, bad] as const));
  if (Array.isArray(value))
    return [null, ...without.map(([at, bad]) => value.map((one, index) => (index === Number(at) ? bad : one)))];
  return [null, { ...value, nonsense: null }, ...without.map(([key, bad]) => ({ ...value, [key]: bad }))];
}

/** As much TOML as setup writes: tables, and keys with values that JSON has too. */
function tables(text: string): unknown {
  const whole = {};
  let table: Record<string, unknown> = whole;
  for (const line of text.split('\n')) {
    const [, head] = /^\[(.+)\]$/.exec(line) ?? [];
    const [, key, value] = /^(\w+) = (.+)$/.exec(line) ?? [];
    if (head !== undefined) {
      table = whole;
      for (const part of head.split('.')) {
        const inner: Record<string, unknown> = {};
        table[part] = inner;
        table = inner;
      }
    } else if (key !== undefined && value !== undefined) table[key] = JSON.parse(value);
    else expect(line).toBe('');
  }
  return whole;
}

test('all manifests are about the same plugin, of the version of the package', () => {
  const { version, files } = json('package.json');
  const manifests = ['plugin/plugin.json', 'plugin/.claude-plugin/plugin.json', 'plugin/codex/.codex-plugin/plugin.json'].map(
    json,
  );
  expect(manifests.map((one) => [one.name, one.version, one.description])).toEqual(
    Array(3).fill(['autolab', version, manifests[0].description]),
  );
  expect(json('plugin/mcp.json').mcpServers).toEqual(json('plugin/.mcp.json').mcpServers);
  expect(json('plugin/mcp.json').mcpServers.autolab).toMatchObject({ command: 'autolab-mcp', args: ['serve'] });
  expect(files).toEqual(expect.arrayContaining(['plugin', '.claude-plugin', '.agents']));
});

test('paths lead into the plugin, to what is there', () => {
  const codex = json('plugin/codex/.codex-plugin/plugin.json');
  for (const path of [codex.skills, codex.hooks, codex.mcpServers]) expect(existsSync(join(PLUGIN, 'codex', path))).toBe(true);
  const [claude, agents] = ['.claude-plugin/marketplace.json', '.agents/plugins/marketplace.json'].map(
    (path) => json(path).plugins[0],
  );
  expect([claude.source, agents.source.path]).toEqual(['./plugin', './plugin/codex']);
});

test('the folder for Codex is the plugin without the manifests that make Codex pass over the hooks', () => {
  const files = (folder: string) =>
    readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter((file) => statSync(join(folder, file)).isFile());
  const codex = join(PLUGIN, 'codex');
  const copied = files(PLUGIN).filter((file) => /^(?:\.mcp\.json|hooks\/|skills\/)/.test(file));
  expect(files(codex).sort()).toEqual(['.codex-plugin/plugin.json', ...copied].sort());
  for (const file of copied) expect(readFileSync(join(codex, file), 'utf8')).toBe(readFileSync(join(PLUGIN, file), 'utf8'));
});

test('a server that a host starts in the folder of the plugin names the way out of it', () => {
  const next = (root: string) => {
    vi.stubEnv('PLUGIN_ROOT', root);
    try {
      openContext({ start: PLUGIN }).state();
    } catch (error) {
      return error instanceof Failure ? [error.code, error.next] : error;
    } finally {
      vi.unstubAllEnvs();
    }
  };
  expect(next(PLUGIN)).toEqual(['no_repository', expect.stringContaining('autolab-mcp setup HOST')]);
  for (const other of ['', `${PLUGIN}-other`])
    expect(next(other)).toEqual(['no_repository', expect.stringContaining('autolab-mcp init')]);
});

test('the hook blocks when it fails, and is asked about every tool that runs or writes', () => {
  const [group] = json('plugin/hooks/hooks.json').hooks.PreToolUse;
  expect(group.hooks).toEqual([
    expect.objectContaining({ command: 'autolab-mcp hook pre-tool-use || exit 2', onFailure: 'block' }),
  ]);
  const matches = new RegExp(`^(?:${group.matcher})$`);
  const asked = ['Bash', 'Write', 'Edit', 'MultiEdit', 'NotebookEdit', 'apply_patch', 'PowerShell', 'Monitor'];
  expect([...asked, 'Read', 'Grep', 'Glob'].filter((tool) => matches.test(tool))).toEqual(asked);
  // Codex reads it with an engine that knows no look-around.
  expect(group.matcher).not.toMatch(/\(\?/);
});

const skills = readdirSync(join(PLUGIN, 'skills'));

test.each(skills)('skill %s: its head is as the format wants it, and what it names is there', (skill) => {
  const body = readFileSync(join(PLUGIN, 'skills', skill, 'SKILL.md'), 'utf8');
  const [, head = '', rest = ''] = /^---\n([\s\S]*?)\n---\n([\s\S]*)$/.exec(body) ?? [];
  expect(faultsBy(skillHead(skill))(parse(head))).toBe('');
  expect(body.split('\n').length).toBeLessThan(60);
  const known = new Set(
    tools.flatMap((tool) => [tool.name, ...Object.keys(tool.input.shape), ...Object.keys(tool.output.shape)]),
  );
  const named = [...rest.matchAll(/`([a-z]+(?:_[a-z]+)+)(?:`|:)/g)].map(([, word = '']) => word);
  expect(named.length).toBeGreaterThan(4);
  expect(named.filter((word) => !known.has(word))).toEqual([]);
});
