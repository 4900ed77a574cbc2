import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { aliasesIn, lookAround } from '../../src/tools/surroundings.ts';

let home: string;
beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), 'around-'));
  mkdirSync(join(home, 'bin'));
});
afterEach(() => rmSync(home, { recursive: true }));
const have = (...programs: string[]) => {
  for (const program of programs) writeFileSync(join(home, 'bin', program), '#!/bin/sh\n', { mode: 0o755 });
  return lookAround(join(home, 'bin'), home);
};

test('where there is nothing runs go to the embedded runner', () =>
  expect(have()).toEqual({
    preset: 'local_dev',
    found: ['no sbatch and no qsub here: runs go to the embedded runner, or to a site over ssh'],
  }));

test('the batch system that is here decides the preset, and agents that are here are named with their command', () => {
  expect(have('qsub', 'codex')).toEqual({
    preset: 'gridengine',
    found: [
      `${home}/bin/qsub: runs go to Grid Engine from here`,
      'codex is here: `autolab-mcp setup codex` adds this server to it',
    ],
  });
  expect(have('sbatch', 'claude')).toMatchObject({
    preset: 'slurm',
    found: expect.arrayContaining([expect.stringContaining('setup claude-code')]),
  });
});

test('hosts of ssh are named where there is no batch system; patterns are none', () => {
  const config =
    'Host lab door\n  HostName x\nHost *.example !not *\nhost=cluster\nMatch host other\nHost lab "a b" -oProxyCommand=x\n';
  expect(aliasesIn(config)).toEqual(['lab', 'door', 'cluster']);
  mkdirSync(join(home, '.ssh'));
  writeFileSync(join(home, '.ssh', 'config'), config);
  expect(have().found[1]).toMatch(/^ssh knows lab, door, cluster: /);
  expect(have('sbatch').found.join()).not.toContain('ssh knows');
});
