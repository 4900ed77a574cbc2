import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Ajv } from 'ajv';
import { expect, test } from 'vitest';
import { tools } from '../../src/tools/index.ts';
import { ROOT } from '../support/repo.ts';

const PLUGIN = join(ROOT, 'plugin');
const json = (path: string) => JSON.parse(readFileSync(join(ROOT, path), 'utf8'));
const text = { type: 'string', minLength: 1 };
const name = { type: 'string', pattern: '^(?!.*[.-]{2})[a-z0-9](?:[a-z0-9.-]{0,62}[a-z0-9])?$' };
const closed = (properties: object, required: string[]) => ({
  type: 'object',
  additionalProperties: false,
  properties,
  required,
});
const server = closed(
  { type: { const: 'stdio' }, command: { type: 'string', pattern: '^(?:\\./)?[\\w.-]+$' }, args: { type: 'array', items: text } },
  ['command'],
);
const servers = { type: 'object', minProperties: 1, additionalProperties: server };
const author = closed({ name: text, email: text, url: text }, ['name']);
const about = {
  name,
  version: { type: 'string', pattern: '^\\d+\\.\\d+\\.\\d+$' },
  description: text,
  author,
  license: text,
  keywords: { type: 'array', items: text },
};
const handler = closed(
  { type: { const: 'command' }, command: text, timeout: { type: 'number', minimum: 1 }, onFailure: { enum: ['block'] } },
  ['type', 'command', 'timeout'],
);
const groups = {
  type: 'array',
  items: closed({ matcher: text, hooks: { type: 'array', minItems: 1, items: handler } }, ['hooks']),
};
const monitor = closed({ name: text, command: text, description: text }, ['name', 'command', 'description']);
const listed = { type: 'array', minItems: 1 };

/** The rules of each format that we use a part of: what is not in them is not in ours. */
const FORMATS: Record<string, object> = {
  'plugin/plugin.json': closed(
    {
      $schema: { const: 'https://agent-plugins.org/schemas/1.0.0/plugin.schema.json' },
      ...about,
      extensions: { type: 'object' },
    },
    ['$schema', 'name'],
  ),
  'plugin/mcp.json': closed(
    { $schema: { const: 'https://agent-plugins.org/schemas/1.0.0/mcp.schema.json' }, mcpServers: servers },
    ['$schema', 'mcpServers'],
  ),
  'plugin/.mcp.json': closed({ mcpServers: servers }, ['mcpServers']),
  'plugin/.claude-plugin/plugin.json': closed(
    { ...about, displayName: text, experimental: closed({ monitors: { type: 'array', items: monitor } }, []) },
    ['name'],
  ),
  'plugin/.codex-plugin/plugin.json': closed({ ...about, skills: text, hooks: text, mcpServers: text }, ['name']),
  'plugin/hooks/hooks.json': closed({ hooks: closed({ PreToolUse: groups, SessionStart: groups }, ['PreToolUse']) }, ['hooks']),
  '.claude-plugin/marketplace.json': closed({ name, description: text, owner: author, plugins: listed }, [
    'name',
    'owner',
    'plugins',
  ]),
  '.agents/plugins/marketplace.json': closed({ name, interface: { type: 'object' }, plugins: listed }, ['name', 'plugins']),
};

test.each(Object.entries(FORMATS))('%s is as its format wants it', (path, schema) => {
  const ajv = new Ajv({ allErrors: true, strict: false });
  expect(ajv.validate(schema, json(path)), ajv.errorsText()).toBe(true);
});

test('all manifests are about the same plugin, of the version of the package', () => {
  const { version, files } = json('package.json');
  const manifests = ['plugin/plugin.json', 'plugin/.claude-plugin/plugin.json', 'plugin/.codex-plugin/plugin.json'].map(json);
  expect(manifests.map((one) => [one.name, one.version, one.description])).toEqual(
    Array(3).fill(['autolab', version, manifests[0].description]),
  );
  expect(json('plugin/mcp.json').mcpServers).toEqual(json('plugin/.mcp.json').mcpServers);
  expect(json('plugin/mcp.json').mcpServers.autolab).toMatchObject({ command: 'autolab-mcp', args: ['serve'] });
  expect(files).toEqual(expect.arrayContaining(['plugin', '.claude-plugin', '.agents']));
});

test('paths lead into the plugin, to what is there', () => {
  const codex = json('plugin/.codex-plugin/plugin.json');
  for (const path of [codex.skills, codex.hooks, codex.mcpServers]) expect(existsSync(join(PLUGIN, path))).toBe(true);
  const [claude, agents] = ['.claude-plugin/marketplace.json', '.agents/plugins/marketplace.json'].map(
    (path) => json(path).plugins[0],
  );
  expect([claude.source, agents.source.path]).toEqual(['./plugin', './plugin']);
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
  const fields = Object.fromEntries(
    head.split('\n').map((line) => [line.slice(0, line.indexOf(':')), line.slice(line.indexOf(':') + 2)]),
  );
  expect(Object.keys(fields)).toEqual(['name', 'description']);
  expect(fields.name).toBe(skill);
  expect(fields.name).toMatch(/^[a-z0-9]+(?:-[a-z0-9]+)*$/);
  expect(fields.description?.length).toBeGreaterThan(40);
  expect(fields.description?.length).toBeLessThanOrEqual(1024);
  expect(body.split('\n').length).toBeLessThan(60);
  const known = new Set(
    tools.flatMap((tool) => [tool.name, ...Object.keys(tool.input.shape), ...Object.keys(tool.output.shape)]),
  );
  const named = [...rest.matchAll(/`([a-z]+(?:_[a-z]+)+)(?:`|:)/g)].map(([, word = '']) => word);
  expect(named.length).toBeGreaterThan(4);
  expect(named.filter((word) => !known.has(word))).toEqual([]);
});
