import { expect, test } from 'vitest';
import { readGlobals } from '../../src/cli/globals.ts';

const none = { json: false, help: false, version: false, wait: true };

test.each([
  [['verify', '--stage', 'launch'], none, ['verify', '--stage', 'launch']],
  [
    ['--json', 'verify', '--repo', '/r', '--stage', 'launch'],
    { ...none, json: true, repo: '/r' },
    ['verify', '--stage', 'launch'],
  ],
  [
    ['run', '--state-file=/r/.autolab/state.json', '--no-wait'],
    { ...none, wait: false, stateFile: '/r/.autolab/state.json' },
    ['run'],
  ],
  [['submit', '-h'], { ...none, help: true }, ['submit']],
  [['logs', '--', '--json'], none, ['logs', '--', '--json']],
])('%j', (argv, globals, own) => {
  expect(readGlobals(argv)).toEqual({ globals, own });
});

test('a flag of the program without its value is a usage failure', () => {
  expect(() => readGlobals(['verify', '--repo'])).toThrow('--repo needs a value');
});
