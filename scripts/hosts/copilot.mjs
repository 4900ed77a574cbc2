import { expect, ROOT, SKILLS } from './place.mjs';

const PLUGIN = 'autolab@autolab-mcp';

/** The one client of Agent Plugins 1.0 besides Codex that runs without a desktop. What it starts cannot be seen without an account. */
export const copilot = {
  name: 'copilot',
  npm: '@github/copilot',
  version: (place) => /\d+\.\d+\.\d+/.exec(place.run(place.folder, 'copilot', '--version'))?.[0] ?? '?',
  checks: [
    [
      '`copilot plugin marketplace add`, `install`; `copilot skill list`: both skills; `copilot mcp get`: the server, not started',
      (place) => {
        const repository = place.repository('plugged');
        place.run(repository, 'copilot', 'plugin', 'marketplace', 'add', ROOT);
        place.run(repository, 'copilot', 'plugin', 'install', PLUGIN);
        const skills = place.run(repository, 'copilot', 'skill', 'list');
        expect(
          SKILLS.every((skill) => skills.includes(`${skill} - `)),
          skills,
        );
        const server = place.run(repository, 'copilot', 'mcp', 'get', 'autolab');
        expect(/Status: Enabled/.test(server) && /Command: autolab-mcp serve/.test(server), server);
      },
    ],
  ],
};
