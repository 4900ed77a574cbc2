import { join } from 'node:path';
import { expect, ROOT, SKILLS } from './place.mjs';

/** Folders are trusted by GEMINI_CLI_TRUST_WORKSPACE (place.mjs): servers of a folder that is not trusted are off. */
export const gemini = {
  name: 'gemini',
  npm: '@google/gemini-cli',
  version: (place) => place.run(place.folder, 'gemini', '--version').trim().split('\n')[0],
  checks: [
    [
      '`setup gemini`, then `gemini mcp list`: connected',
      (place) => connected(place.run(place.repository('project', 'gemini'), 'gemini', 'mcp', 'list')),
    ],
    [
      '`gemini mcp add --scope user autolab autolab-mcp serve`, then `gemini mcp list`: connected',
      (place) => {
        const repository = place.repository('added');
        place.run(repository, 'gemini', 'mcp', 'add', '--scope', 'user', 'autolab', 'autolab-mcp', 'serve');
        connected(place.run(repository, 'gemini', 'mcp', 'list'));
      },
    ],
    [
      '`gemini skills install` of both skills, then `gemini skills list`: both enabled',
      (place) => {
        const repository = place.repository('skilled');
        for (const skill of SKILLS)
          place.run(repository, 'gemini', 'skills', 'install', '--consent', join(ROOT, 'plugin', 'skills', skill));
        const list = place.run(repository, 'gemini', 'skills', 'list');
        expect(
          SKILLS.every((skill) => list.includes(`${skill} [Enabled]`)),
          list,
        );
      },
    ],
  ],
};

function connected(list) {
  expect(/^✓ autolab: .* - Connected$/m.test(list), list);
}
