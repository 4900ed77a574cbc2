import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, expect, test } from 'vitest';
import { profileVariables } from '../../src/runs/submission/remote-submission.ts';
import { siteDefinitions } from '../../src/sites/index.ts';
import { withoutBatch } from '../support/far.ts';
import { makeReplicates } from '../support/replicates.ts';
import type { Tiny } from '../support/tiny.ts';
import { forgetTemplate, makeTiny } from '../support/tiny.ts';
import { call } from '../tools/calling.ts';

let tiny: Tiny | undefined;
const PATH = process.env.PATH;
afterEach(() => {
  process.env.PATH = PATH;
  tiny?.remove();
  tiny = undefined;
});
afterAll(forgetTemplate);

const profile = (text: string) => (path: string) =>
  writeFileSync(join(path, '.autolab', 'remote_profiles.yaml'), `default_profile: c\nprofiles:\n  c: ${text}\n`);
const GIT = profile('{ mode: git_checkout, login_host: login, remote_repo_root: /r }');

async function found(path: string): Promise<Record<string, unknown>[]> {
  const outcome = await call(path, 'check_setup');
  if (outcome.kind !== 'done') throw new Error(outcome.text);
  return (outcome.data.findings as { code: string }[]).filter(({ code }) => code === 'remote_profiles');
}

test('a profile that carries code elsewhere is refused for Slurm, with the remedy, and the doctor says so before', async () => {
  tiny = await makeReplicates(1, GIT);
  expect(await call(tiny.path, 'submit_run', { dry_run: true })).toMatchObject({
    kind: 'failed',
    failure: {
      code: 'unsupported',
      what: expect.stringContaining('the default profile c has mode git_checkout'),
      next: expect.stringContaining('profiles.c.mode: shared_fs'),
    },
  });
  expect(await found(tiny.path)).toEqual([
    expect.objectContaining({ severity: 'warning', what: expect.stringContaining('mode git_checkout') }),
  ]);
});

test.each<[string, string, string, string]>([
  [
    'nothing may be brought',
    '{ mode: verify_only, login_host: l, remote_repo_root: /r }',
    'has mode verify_only: the code there',
    'git_checkout',
  ],
  ['no host is named', '{ remote_repo_root: /r }', 'and no login_host', 'profiles.c.login_host'],
  ['no folder is named', '{ login_host: l }', 'and no remote_repo_root', 'profiles.c.remote_repo_root'],
  [
    'another program submits',
    '{ login_host: l, remote_repo_root: /r, submit_command: my_sbatch }',
    'submit_command "my_sbatch"',
    'take profiles.c.submit_command out',
  ],
  [
    'not everything may be fetched',
    '{ login_host: l, remote_repo_root: /r, data_policy: { deny_patterns: ["*.bin"] } }',
    'restricts what may be fetched',
    'sites.yaml',
  ],
  [
    'a variable is ours',
    '{ login_host: l, remote_repo_root: /r, env: { cache_vars: { AUTOLAB_X: 1 } } }',
    'env.cache_vars AUTOLAB_X',
    'env.cache_vars',
  ],
])('a profile by which code is carried is refused where %s', async (_what, text, what, next) => {
  tiny = await makeReplicates(1, profile(text));
  process.env.PATH = withoutBatch(tiny);
  expect(await call(tiny.path, 'submit_run', { dry_run: true })).toMatchObject({
    kind: 'failed',
    failure: { code: 'unsupported', what: expect.stringContaining(what), next: expect.stringContaining(next) },
  });
});

test('a profile by which code is carried is a site, and sites.yaml counts before it', async () => {
  const cached =
    '{ login_host: l, remote_repo_root: /r, bootstrap_command: make, env: { cache_vars: { CACHE: "{remote_repo_root}/c" } } }';
  tiny = await makeReplicates(1, profile(cached));
  process.env.PATH = withoutBatch(tiny);
  expect(await found(tiny.path)).toEqual([
    expect.objectContaining({ severity: 'warning', what: expect.stringContaining('profiles.c.bootstrap_command') }),
    expect.objectContaining({ severity: 'ok' }),
  ]);
  expect(profileVariables(tiny.path)).toEqual({ CACHE: '/r/c' });
  expect(siteDefinitions(tiny.path).slurm).toMatchObject({ root: '/r', transport: { ssh: { host: 'l' } } });
  profile('{ mode: verify_only }')(tiny.path);
  writeFileSync(join(tiny.path, '.autolab', 'sites.yaml'), 'schema_version: "1"\nsites: { local: { scheduler: local } }\n');
  expect(await call(tiny.path, 'submit_run', { dry_run: true })).toMatchObject({ kind: 'done' });
});

test.each([
  ['a shared filesystem', profile('{ mode: shared_fs, remote_repo_root: /r }')],
  ['a profile of other hosts', profile('{ enabled_for_host_modes: [local], login_host: l, remote_repo_root: /r }')],
])('%s is no obstacle', async (_what, edit) => {
  tiny = await makeReplicates(1, edit);
  expect(await call(tiny.path, 'submit_run', { dry_run: true })).toMatchObject({ kind: 'done' });
  expect(await found(tiny.path)).toEqual([expect.objectContaining({ severity: 'ok' })]);
});

test('W3a: without the file nothing is asked for', async () => {
  tiny = await makeReplicates(1);
  expect(await call(tiny.path, 'submit_run', { dry_run: true })).toMatchObject({ kind: 'done' });
  expect(await found(tiny.path)).toEqual([]);
});

test('where the experiment runs on this machine no profile is asked', async () => {
  tiny = await makeTiny(GIT);
  expect(await call(tiny.path, 'submit_run', { dry_run: true })).toMatchObject({ kind: 'done' });
});

test('a file that cannot be read and a profile that cannot work are told', async () => {
  tiny = await makeReplicates(1, profile('{ mode: rsync }'));
  expect(await call(tiny.path, 'submit_run')).toMatchObject({
    failure: { code: 'file_invalid', what: expect.stringMatching(/remote_profiles\.yaml:3:\d+: profiles\.c\.mode is "rsync"/) },
  });
  expect(await found(tiny.path)).toEqual([expect.objectContaining({ severity: 'error' })]);
  profile('{ mode: shared_fs, submit_command: "sbatch | tee x" }')(tiny.path);
  expect(await found(tiny.path)).toEqual([
    expect.objectContaining({ severity: 'warning', what: 'profiles.c.remote_repo_root is missing' }),
    expect.objectContaining({ severity: 'warning', what: expect.stringContaining('submit_command has "|" in it') }),
    expect.objectContaining({ severity: 'ok' }),
  ]);
});
