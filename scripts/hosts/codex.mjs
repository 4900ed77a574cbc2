import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { expect, ROOT, SKILLS, TOOLS, write } from './place.mjs';

const PLUGIN = 'autolab@autolab-mcp';
const PATIENCE = 60_000;

/** `codex app-server` starts servers, reads hooks and skills, and calls tools, all without an account. */
export const codex = {
  name: 'codex',
  npm: '@openai/codex',
  version: (place) => /\d+\.\d+\.\d+/.exec(place.run(place.folder, 'codex', '--version'))?.[0] ?? '?',
  checks: [
    [
      '`setup codex` in a trusted project: `codex app-server --strict-config` takes it, `codex mcp list` has it',
      (place) => {
        const repository = place.repository('project', 'codex');
        trust(place, repository);
        place.run(repository, 'codex', 'app-server', '--strict-config', '--print-startup-config');
        const servers = json(place.run(repository, 'codex', 'mcp', 'list', '--json'));
        expect(servers.length === 1 && servers[0].name === 'autolab' && servers[0].enabled, servers);
      },
    ],
    [
      'the same through `codex app-server`: all tools; the ledger as a resource; `check_setup` answers for the repository',
      (place) => atWork(place, join(place.folder, 'project'), async (ask, thread) => answers(ask, thread)),
    ],
    [
      '`codex plugin marketplace add`, `add`; through `codex app-server`: both skills, both hooks, all tools; the ledger as a resource; `check_setup` answers for the repository',
      async (place) => {
        const repository = place.repository('plugged');
        trust(place, repository);
        place.run(repository, 'codex', 'plugin', 'marketplace', 'add', ROOT);
        place.run(repository, 'codex', 'plugin', 'add', PLUGIN);
        await atWork(place, repository, async (ask, thread) => {
          const [{ skills, errors }] = (await ask('skills/list', { cwds: [repository] })).data;
          const ours = skills.filter(({ pluginId }) => pluginId === PLUGIN).map(({ name }) => name);
          expect(errors.length === 0 && SKILLS.every((skill) => ours.includes(`autolab:${skill}`)), { ours, errors });
          const [found] = (await ask('hooks/list', { cwds: [repository] })).data;
          const events = found.hooks.filter(({ pluginId }) => pluginId === PLUGIN).map(({ eventName }) => eventName);
          expect(events.sort().join() === 'preToolUse,sessionStart' && found.errors.length === 0, { events, ...found });
          await answers(ask, thread);
        });
      },
    ],
  ],
};

/** stdout of codex, which may say something about its HOME beside its answer. */
function json(printed) {
  return JSON.parse(printed.slice(printed.indexOf('['), printed.lastIndexOf(']') + 1));
}

function trust(place, repository) {
  write(join(place.home, '.codex', 'config.toml'), `[projects."${repository}"]\ntrust_level = "trusted"\n`);
}

async function answers(ask, threadId) {
  const [server] = (await ask('mcpServerStatus/list', { threadId, serverName: 'autolab' })).data;
  const tools = Object.keys(server?.tools ?? {});
  expect(tools.length === TOOLS, tools);
  const { contents } = await ask('mcpServer/resource/read', { threadId, server: 'autolab', uri: 'autolab://ledger' });
  expect(contents?.length === 1, contents);
  const { structuredContent } = await ask('mcpServer/tool/call', {
    threadId,
    server: 'autolab',
    tool: 'check_setup',
    arguments: {},
  });
  const findings = structuredContent?.findings ?? [];
  const missing = findings.find(({ code, severity }) => code === 'repository' && severity === 'error');
  expect(findings.length > 0 && missing === undefined, missing ?? structuredContent);
}

/** Runs `body` with a conversation that has begun in `repository`, and ends the server. */
async function atWork(place, repository, body) {
  const server = spawn('codex', ['app-server'], { cwd: repository, env: place.env, stdio: ['pipe', 'pipe', 'ignore'] });
  const waiting = new Map();
  createInterface({ input: server.stdout }).on('line', (line) => {
    const message = JSON.parse(line);
    if (message.method === undefined) waiting.get(message.id)?.(message);
  });
  const send = (message) => server.stdin.write(`${JSON.stringify({ jsonrpc: '2.0', ...message })}\n`);
  let asked = 0;
  const ask = (method, params) => {
    asked += 1;
    const id = asked;
    send({ id, method, params });
    return new Promise((resolve, reject) => {
      const late = setTimeout(() => reject(new Error(`codex app-server did not answer ${method}`)), PATIENCE);
      waiting.set(id, ({ result, error }) => {
        clearTimeout(late);
        if (error) reject(new Error(`${method}: ${error.message}`));
        else resolve(result);
      });
    });
  };
  const over = new Promise((resolve) => server.on('close', resolve));
  server.stdin.on('error', () => {});
  try {
    await ask('initialize', { clientInfo: { name: 'autolab-hosts', version: '1' }, capabilities: { experimentalApi: true } });
    send({ method: 'initialized' });
    const { thread } = await ask('thread/start', { cwd: repository });
    await body(ask, thread.id);
  } finally {
    server.kill();
    await over;
  }
}
