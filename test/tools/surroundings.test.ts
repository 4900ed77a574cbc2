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
    proposal: 'local',
    sites: [{ name: 'local', scheduler: 'local', host: null, what: expect.stringContaining('embedded runner') }],
    hosts: [],
    found: ['no sbatch and no qsub here: runs go to the embedded runner, or to a site over ssh'],
  }));

test('the batch system that is here decides the preset, and agents that are here are named with their command', () => {
  const codex = 'codex is here: `autolab-mcp setup codex` adds this server to it';
  const around = have('qsub', 'codex');
  expect(around).toMatchObject({ preset: 'gridengine', proposal: 'gridengine', hosts: [codex] });
  expect(around.found).toEqual([`${home}/bin/qsub: runs go to Grid Engine from here`, codex]);
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
  const batch = have('sbatch');
  expect(batch.found.join()).not.toContain('ssh knows');
  expect(batch).toMatchObject({
    proposal: 'slurm',
    sites: ['slurm', 'lab', 'door', 'cluster', 'local'].map((name) => ({ name })),
  });
});
