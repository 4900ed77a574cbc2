import { join } from 'node:path';
import { expect, ROOT, TOOLS } from './place.mjs';

const INSPECTOR = join(ROOT, 'node_modules', '@modelcontextprotocol', 'inspector', 'clients', 'launcher', 'build', 'index.js');
const ABSENT = ['the editor itself', () => 'not tried: it is in no package of npm'];

export const vscode = { name: 'vscode', checks: [ABSENT] };

/** Its file has the form that the inspector reads too. */
export const cursor = {
  name: 'cursor',
  checks: [
    ABSENT,
    [
      '`setup cursor`, then the inspector with that file: `tools/list --strict`',
      (place) => {
        const repository = place.repository('project', 'cursor');
        const words = [
          '--cli',
          '--config',
          join('.cursor', 'mcp.json'),
          '--server',
          'autolab',
          '--method',
          'tools/list',
          '--strict',
        ];
        const list = place.run(repository, process.execPath, INSPECTOR, ...words);
        expect(list.split('"inputSchema"').length - 1 === TOOLS, list);
      },
    ],
  ],
};
