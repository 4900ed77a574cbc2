import { Ajv } from 'ajv';
import type { Host } from '../../src/tools/host-files.ts';

// Written from the rules of each format (Agent Plugins 1.0.0; the manifests, hooks and marketplaces of Claude Code 2.1 and Codex 0.171; agentskills.io;
// the hosts' pages on servers), closed around the part of it that we use: what is not here is not in ours, so a slip of a key is found. The
// published schemas (agent-plugins.org, SchemaStore) were found in no npm package; the hosts' own validators are asked by `npm run hosts`.

const closed = (properties: object, required: string[]) => ({
  type: 'object',
  additionalProperties: false,
  properties,
  required,
});
const text = { type: 'string', minLength: 1 };
const texts = { type: 'array', items: text };
const timeout = { type: 'number', exclusiveMinimum: 0 };
/** A path that a host follows stays in the folder it begins in. */
const path = { type: 'string', pattern: '^\\./(?!.*\\.\\.)' };
/** The strictest of the formats. */
const name = { type: 'string', maxLength: 64, pattern: '^(?!.*[.-]{2})[a-z0-9](?:[a-z0-9.-]*[a-z0-9])?$' };
const server = (needed: string[]) =>
  closed(
    {
      type: { const: 'stdio' },
      command: { type: 'string', pattern: '^(?:\\./)?[\\w.-]+$' },
      args: texts,
      env: { type: 'object' },
    },
    [...needed, 'command'],
  );
const servers = (needed: string[]) => ({ type: 'object', minProperties: 1, additionalProperties: server(needed) });
const author = closed({ name: text, email: text, url: text }, ['name']);
const about = {
  name,
  version: { type: 'string', pattern: '^\\d+\\.\\d+\\.\\d+$' },
  description: { ...text, maxLength: 1024 },
  author,
  license: text,
  keywords: texts,
};
const hook = closed({ type: { const: 'command' }, command: text, timeout, onFailure: { enum: ['block'] } }, [
  'type',
  'command',
  'timeout',
]);
const groups = {
  type: 'array',
  minItems: 1,
  items: closed({ matcher: text, hooks: { type: 'array', minItems: 1, items: hook } }, ['hooks']),
};
const monitor = closed({ name: text, command: text, description: text }, ['name', 'command', 'description']);
const shown = closed({ displayName: text, category: text }, ['displayName']);
const listed = (plugin: object) => ({ type: 'array', minItems: 1, items: plugin });
/** Of both hosts that have them. */
const hooks = closed({ hooks: closed({ PreToolUse: groups, SessionStart: groups }, ['PreToolUse']) }, ['hooks']);

/** Every file of the plugin that a host reads as JSON, with the rules of its format. */
export const FORMATS: Readonly<Record<string, object>> = {
  'plugin/plugin.json': closed(
    {
      $schema: { const: 'https://agent-plugins.org/schemas/1.0.0/plugin.schema.json' },
      ...about,
      extensions: closed({ 'com.openai': closed({ interface: shown }, []) }, []),
    },
    ['$schema', 'name'],
  ),
  'plugin/mcp.json': closed(
    { $schema: { const: 'https://agent-plugins.org/schemas/1.0.0/mcp.schema.json' }, mcpServers: servers(['type']) },
    ['$schema', 'mcpServers'],
  ),
  'plugin/.mcp.json': closed({ mcpServers: servers([]) }, ['mcpServers']),
  'plugin/.claude-plugin/plugin.json': closed(
    { ...about, displayName: text, experimental: closed({ monitors: listed(monitor) }, []) },
    ['name'],
  ),
  'plugin/hooks/hooks.json': hooks,
  'plugin/codex/.codex-plugin/plugin.json': closed({ ...about, skills: path, hooks: path, mcpServers: path }, ['name']),
  'plugin/codex/.mcp.json': closed({ mcpServers: servers([]) }, ['mcpServers']),
  'plugin/codex/hooks/hooks.json': hooks,
  '.claude-plugin/marketplace.json': closed(
    {
      name,
      description: text,
      owner: author,
      plugins: listed(closed({ name, source: path, description: text }, ['name', 'source'])),
    },
    ['name', 'owner', 'plugins'],
  ),
  '.agents/plugins/marketplace.json': closed(
    {
      name,
      interface: closed({ displayName: text }, ['displayName']),
      plugins: listed(
        closed(
          {
            name,
            source: closed({ source: { const: 'local' }, path }, ['source', 'path']),
            policy: closed(
              {
                installation: { enum: ['NOT_AVAILABLE', 'AVAILABLE', 'INSTALLED_BY_DEFAULT'] },
                authentication: { enum: ['ON_INSTALL', 'ON_USE'] },
              },
              ['installation', 'authentication'],
            ),
            category: text,
          },
          ['name', 'source', 'policy', 'category'],
        ),
      ),
    },
    ['name', 'plugins'],
  ),
};

/** The head of a SKILL.md (agentskills.io); `folder` is where it lies. */
export const skillHead = (folder: string) =>
  closed(
    {
      name: { const: folder, maxLength: 64, pattern: '^[a-z0-9]+(?:-[a-z0-9]+)*$' },
      description: { type: 'string', minLength: 40, maxLength: 1024 },
    },
    ['name', 'description'],
  );

/** What each host takes as the servers of a project. Of Codex it is the TOML, read. */
export const CLIENTS: Readonly<Record<Host, object>> = {
  'claude-code': closed({ mcpServers: servers(['type']) }, ['mcpServers']),
  codex: closed({ mcp_servers: servers([]) }, ['mcp_servers']),
  vscode: closed({ servers: servers(['type']) }, ['servers']),
  cursor: closed({ mcpServers: servers([]) }, ['mcpServers']),
  gemini: closed({ mcpServers: { ...servers([]), additionalProperties: closed({ command: text, args: texts }, ['command']) } }, [
    'mcpServers',
  ]),
};

/** Says what is wrong with a value by `schema`, in words; empty where nothing is. */
export function faultsBy(schema: object): (value: unknown) => string {
  const ajv = new Ajv({ allErrors: true, strict: false });
  const validate = ajv.compile(schema);
  return (value) => (validate(value) ? '' : ajv.errorsText(validate.errors));
}
