import {
  chmodSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  realpathSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, dirname, join } from 'node:path';
import { afterAll, afterEach, beforeEach, expect, test, vi } from 'vitest';
import { PACKAGE } from '../../src/context.ts';
import { stateFolder } from '../../src/runs/home.ts';
import { markOpen } from '../../src/runs/open.ts';
import { ITERATION, RUN } from '../checks/iteration.ts';
import { call, initialise, removeInitialised } from './calling.ts';

/** The machine's programs without a batch system's: what these tests say must not follow what is installed beside. */
const system = realpathSync(mkdtempSync(join(tmpdir(), 'system-')));
for (const folder of [dirname(process.execPath), '/usr/bin', '/bin']) {
  for (const name of readdirSync(folder)) {
    if (!/^(sbatch|qsub|autolab.*)$/.test(name) && !lstatSync(join(system, name), { throwIfNoEntry: false }))
      symlinkSync(join(folder, name), join(system, name));
  }
}
afterAll(() => rmSync(system, { recursive: true, force: true }));
let programs = '';
beforeEach(() => {
  programs = realpathSync(mkdtempSync(join(tmpdir(), 'programs-')));
  vi.stubEnv('PATH', [programs, system].join(delimiter));
});
afterEach(() => {
  vi.unstubAllEnvs();
  removeInitialised();
  rmSync(programs, { recursive: true, force: true });
});

type Found = { code: string; severity: string; what: string; next: string };
async function findings(folder: string, severity?: string): Promise<Found[]> {
  const outcome = await call(folder, 'check_setup');
  if (outcome.kind !== 'done') throw new Error(outcome.text);
  return (outcome.data.findings as Found[]).filter((one) => severity === undefined || one.severity === severity);
}

function program(name: string): void {
  writeFileSync(join(programs, name), '#!/bin/sh\n', { mode: 0o755 });
}

const PRESET = { '.autolab/verifier_policy.yaml': 'policy_resolution: { default_preset: local_dev }\n' };

test('a repository in order: every part is said to be, and the one thing that is missing', async () => {
  const repo = initialise(PRESET);
  expect((await findings(repo)).map(({ code, severity }) => `${severity} ${code}`)).toEqual([
    'ok node',
    'ok programs',
    'ok git',
    'ok autolab_on_path',
    'ok repository',
    'ok identity',
    'warning git_repository',
    'ok state',
    'ok policy',
    'ok workflow',
    'ok requirements',
    'ok sites',
    'ok state_folder',
    'ok audit',
    'ok sealed',
    'ok runs',
  ]);
  const outcome = await call(repo, 'check_setup', { detail: 'site' });
  expect(outcome).toMatchObject({
    kind: 'done',
    exit: 0,
    data: {
      ok: true,
      sites: [
        { name: 'local', scheduler: 'local', transport: 'local', version: expect.any(String), queue: { active: 0, pending: 0 } },
      ],
    },
  });
  expect(outcome.text).toContain('queue of local: 0 running, 0 waiting');
});

test('where there is no repository the machine is still looked at, and nothing follows from the cause', async () => {
  expect(await call(programs, 'check_setup')).toMatchObject({ kind: 'done', exit: 1, data: { ok: false, sites: [] } });
  expect((await findings(programs)).map(({ code, severity }) => `${severity} ${code}`)).toEqual([
    'ok node',
    'ok programs',
    'ok git',
    'ok autolab_on_path',
    'error repository',
  ]);
});

test('each fault is told with its place and what to do; what only follows from one is not', async () => {
  const repo = initialise({
    '.autolab/verifier_policy.yaml': 'gate:\n  atcs: { submit: allow }\n',
    '.autolab/state.json': '',
    '.autolab/sites.yaml': 'schema_version: "1"\nsites: { here: { scheduler: pbs } }\n',
  });
  expect(await findings(repo, 'error')).toMatchObject([
    { code: 'state', what: expect.stringContaining('state.json is not JSON: the file is empty') },
    {
      code: 'policy',
      what: expect.stringMatching(/^\.autolab\/verifier_policy\.yaml:2:3: gate\.atcs .*; every write is denied$/),
      next: expect.stringContaining('acts'),
    },
    { code: 'sites', what: expect.stringContaining('sites.yaml is not a list of sites') },
  ]);
});

test('a copied repository without an identity has no place for its audit', async () => {
  const repo = initialise(PRESET);
  rmSync(stateFolder(repo), { recursive: true });
  rmSync(join(repo, '.autolab', 'gate'), { recursive: true });
  expect(await findings(repo, 'error')).toEqual([
    {
      code: 'identity',
      severity: 'error',
      what: 'the repository has no .autolab/gate/id: there is no place for approvals and audit',
      next: 'a person runs `autolab-mcp init` there once',
    },
  ]);
});

test('requirements that the registry cannot meet are told with file and line', async () => {
  const repo = initialise({
    '.autolab/verifier_policy.yaml':
      'policy_resolution: { default_preset: local_dev }\nrequirements_by_stage:\n  launch: { tests: true }\n',
  });
  expect(await findings(repo, 'error')).toEqual([
    {
      code: 'requirements',
      severity: 'error',
      what: '.autolab/verifier_policy.yaml:3: launch requires tests, and workflow.yaml says that it cannot',
      next: 'set requirements_by_stage.launch.tests: false, or stages.launch.verifier_categories.tests: true in .autolab/workflow.yaml',
    },
  ]);
});

test('another autolab that comes first is told, and a batch system beside the local site', async () => {
  program('autolab');
  program('qsub');
  const found = await findings(initialise(PRESET), 'warning');
  expect(found.map(({ code, what }) => [code, what])).toEqual([
    ['autolab_on_path', `autolab is another program, ${join(programs, 'autolab')}`],
    ['git_repository', expect.stringMatching(/^git cannot read the repository: /)],
    ['login_node', 'qsub is on PATH, so this looks like a login node, and site local would run experiments on it'],
  ]);
});

test('an autolab that leads to this program is ours', async () => {
  symlinkSync(join(PACKAGE, 'dist', 'main.mjs'), join(programs, 'autolab'));
  expect((await findings(initialise(PRESET))).find(({ code }) => code === 'autolab_on_path')).toMatchObject({
    severity: 'ok',
    what: 'autolab is this program',
  });
});

test('programs that jobs on this machine need and PATH does not have are an error', async () => {
  vi.stubEnv('PATH', programs);
  expect(await findings(initialise(PRESET), 'error')).toEqual([
    {
      code: 'programs',
      severity: 'error',
      what: 'not on PATH: sh, bash, setsid, flock, sha256sum',
      next: 'install them (bash, coreutils, util-linux), or mend PATH: jobs on this machine need them',
    },
  ]);
});

test('an audit log that was altered, a state folder open to others, and a run that cannot be read', async () => {
  const repo = initialise(PRESET);
  await call(repo, 'verify_stage');
  writeFileSync(join(repo, '.autolab', 'gate', 'audit.jsonl'), '{"v":1}\n');
  chmodSync(stateFolder(repo), 0o755);
  const folder = join(repo, ITERATION, 'runs', RUN, 'gate');
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, 'plan.json'), '{"schema_version": "9"}');
  markOpen(repo, RUN, ITERATION);
  const found = (await findings(repo)).filter(({ severity, code }) => severity !== 'ok' && code !== 'git_repository');
  expect(found).toMatchObject([
    {
      code: 'state_folder',
      severity: 'warning',
      what: `${stateFolder(repo)} is open to others (mode 755)`,
      next: `chmod 700 ${stateFolder(repo)}`,
    },
    { code: 'audit', severity: 'error', what: expect.stringContaining('the audit log does not hold: line 1 is foreign') },
    { code: 'runs', severity: 'error', what: expect.stringContaining(`run ${RUN} cannot be read: `) },
  ]);
});

test('a repository that was moved is told to be sealed again', async () => {
  const repo = initialise(PRESET);
  await call(repo, 'verify_stage');
  await call(repo, 'verify_stage');
  rmSync(join(stateFolder(repo), 'audit-head.json'));
  expect((await findings(repo)).find(({ code }) => code === 'sealed')).toEqual({
    code: 'sealed',
    severity: 'warning',
    what: 'the repository was moved or copied here, and a seal does not go along',
    next: 'a person runs `autolab-mcp policy seal` here again',
  });
});
