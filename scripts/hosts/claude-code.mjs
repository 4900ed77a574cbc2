import { join } from 'node:path';
import { expect, ROOT, SKILLS, write } from './place.mjs';

const PLUGIN = 'autolab@autolab-mcp';

/** Adding, installing and the state of servers need no account. */
export const claudeCode = {
  name: 'claude-code',
  npm: '@anthropic-ai/claude-code',
  version: (place) => place.run(place.folder, 'claude', '--version').trim().split(' ')[0],
  checks: [
    ['`claude plugin validate --strict` of `plugin/`', (place) => valid(place, join(ROOT, 'plugin'))],
    ['`claude plugin validate --strict` of the marketplace', (place) => valid(place, ROOT)],
    [
      '`setup claude-code`, then `claude mcp list`: it waits for the user’s yes, then it is connected',
      (place) => {
        const repository = place.repository('project', 'claude-code');
        const before = place.run(repository, 'claude', 'mcp', 'list');
        expect(/^autolab: .*Pending approval/m.test(before), before);
        write(join(place.home, '.claude', 'settings.json'), '{"enabledMcpjsonServers":["autolab"]}');
        connected('autolab', place.run(repository, 'claude', 'mcp', 'list'));
      },
    ],
    [
      '`claude mcp add autolab -- autolab-mcp serve`, then `claude mcp list`: connected',
      (place) => {
        const repository = place.repository('added');
        place.run(repository, 'claude', 'mcp', 'add', 'autolab', '--', 'autolab-mcp', 'serve');
        connected('autolab', place.run(repository, 'claude', 'mcp', 'list'));
      },
    ],
    [
      '`claude plugin marketplace add`, `install`, `details`: two skills, two hooks, one server; `claude mcp list`: connected',
      (place) => {
        const repository = place.repository('plugged');
        place.run(repository, 'claude', 'plugin', 'marketplace', 'add', ROOT);
        place.run(repository, 'claude', 'plugin', 'install', PLUGIN);
        const details = place.run(repository, 'claude', 'plugin', 'details', PLUGIN);
        const parts = [...SKILLS, 'Hooks (2)', 'PreToolUse', 'SessionStart', 'MCP servers (1)'];
        expect(
          parts.every((part) => details.includes(part)),
          details,
        );
        connected('plugin:autolab:autolab', place.run(repository, 'claude', 'mcp', 'list'));
      },
    ],
  ],
};

function valid(place, path) {
  const report = JSON.parse(place.run(place.folder, 'claude', 'plugin', 'validate', '--strict', '--json', path));
  expect(report.success === true, Object.keys(report));
}

function connected(server, list) {
  const line = list.split('\n').find((one) => one.startsWith(`${server}: `));
  expect(line?.includes('Connected') && !/not connected|fail/i.test(line), list);
}
