import { chmodSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { chooseSite, onPath, siteDefinitions, siteNamed, sitesHere } from '../../src/sites/index.ts';
import { failureOf } from '../runs/failing.ts';
import { scratch } from '../runs/samples.ts';

const top = scratch('sites');
afterAll(top.remove);
let at = 0;
function repository(sites?: string): string {
  const repo = join(top.path, String(++at));
  mkdirSync(join(repo, '.autolab'), { recursive: true });
  if (sites !== undefined) writeFileSync(join(repo, '.autolab', 'sites.yaml'), sites);
  return repo;
}
function folderWith(...programs: string[]): string {
  const folder = join(top.path, `bin${++at}`);
  mkdirSync(folder);
  for (const program of programs) writeFileSync(join(folder, program), '#!/bin/sh\n', { mode: 0o755 });
  return folder;
}

test('without a file there are the embedded runner and this machine’s batch system, told by its program', () => {
  expect(siteDefinitions(repository())).toEqual({
    gridengine: { scheduler: 'gridengine', transport: 'local' },
    local: { scheduler: 'local', transport: 'local' },
    slurm: { scheduler: 'slurm', transport: 'local' },
  });
  const here = (...programs: string[]) => Object.keys(sitesHere(repository(), folderWith(...programs)));
  expect([here(), here('sbatch'), here('qsub'), here('sbatch', 'qsub')]).toEqual([
    ['local'],
    ['local', 'slurm'],
    ['gridengine', 'local'],
    // Slurm has a qsub of its own.
    ['local', 'slurm'],
  ]);
});

test('the sites of a file', () => {
  const repo = repository(
    'schema_version: "1"\nsites:\n  desk: { scheduler: local }\n  night: { scheduler: local, transport: local }\n',
  );
  expect(siteDefinitions(repo)).toEqual({
    desk: { scheduler: 'local', transport: 'local' },
    night: { scheduler: 'local', transport: 'local' },
  });
  const site = siteNamed(repo, 'night');
  expect([site.name, site.kind]).toEqual(['night', 'local']);
  expect(failureOf(() => siteNamed(repo, 'nigth'))).toEqual({
    code: 'site_unavailable',
    what: 'there is no site "nigth"',
    why: 'known here: desk, night',
    next: 'did you mean night?',
    retry: false,
  });
});

test('a site over ssh, with a configuration of its own or without', () => {
  const repo = repository(
    'schema_version: "1"\nsites:\n  far: { scheduler: slurm, transport: { ssh: { host: me@lab-1.example.org, config: ~/.ssh/lab } } }\n  near: { scheduler: slurm, transport: { ssh: { host: lab } } }\n',
  );
  expect(siteDefinitions(repo)).toEqual({
    far: { scheduler: 'slurm', transport: { ssh: { host: 'me@lab-1.example.org', config: '~/.ssh/lab' } } },
    near: { scheduler: 'slurm', transport: { ssh: { host: 'lab' } } },
  });
  expect(siteNamed(repo, 'far').kind).toBe('slurm');
});

test.each([
  ['an option', '-oProxyCommand=touch', /expected a host/],
  ['an option behind a user', 'me@-oProxyCommand=touch', /expected a host/],
  ['a user that is an option', '-lroot@lab', /expected a host/],
  ['a command', 'lab;touch', /expected a host/],
  ['words', '"lab touch"', /expected a host/],
  ['a substitution', '"$(touch x)"', /expected a host/],
  ['a line more', '"lab\\nProxyCommand touch"', /expected a host/],
  ['nothing', '""', /expected a host/],
])('a host that is %s is none', (_what, host, why) => {
  const repo = repository(`schema_version: "1"\nsites: { a: { scheduler: slurm, transport: { ssh: { host: ${host} } } } }\n`);
  expect(failureOf(() => siteDefinitions(repo))).toMatchObject({ code: 'file_invalid', why: expect.stringMatching(why) });
});

test.each([
  ['{ ssh: { host: lab, options: [x] } }', 'Unrecognized key: "options"'],
  ['{ ssh: lab }', 'expected local, or ssh: { host: NAME }'],
  ['{ ssh: { host: lab, config: lab } }', 'expected an absolute path'],
  ['{ ssh: { host: lab }, more: 1 }', 'Unrecognized key: "more"'],
  ['{ ssh: {} }', 'expected local, or ssh: { host: NAME }'],
  ['ssh', 'expected local, or ssh: { host: NAME }'],
  ['[]', 'expected local, or ssh: { host: NAME }'],
])('a transport %s is none', (transport, why) => {
  const repo = repository(`schema_version: "1"\nsites: { a: { scheduler: slurm, transport: ${transport} } }\n`);
  expect(failureOf(() => siteDefinitions(repo))).toMatchObject({ code: 'file_invalid', why: expect.stringContaining(why) });
});

describe('where there is no sites.yaml, Autolab’s own default remote profile names the host', () => {
  const withProfile = (profile: string, more = 'default_profile: a\n') => {
    const repo = repository();
    writeFileSync(
      join(repo, '.autolab', 'remote_profiles.yaml'),
      `schema_version: "1.0"\n${more}profiles: { a: { ${profile} } }\n`,
    );
    return repo;
  };
  const OWN = { scheduler: 'slurm', transport: 'local' };
  const at = (host: string) => ({ scheduler: 'slurm', transport: { ssh: { host } } });
  const slurmOf = (repo: string, path: string) => {
    const before = process.env.PATH;
    process.env.PATH = path;
    try {
      return siteDefinitions(repo).slurm;
    } finally {
      process.env.PATH = before;
    }
  };
  test.each([
    ['it has a login host', 'mode: shared_fs, login_host: login, remote_repo_root: /r', at('login')],
    ['of any mode', 'login_host: " me@login "', at('me@login')],
    [
      'its code travels',
      'login_host: login, remote_repo_root: /home/lab/project/',
      { ...at('login'), root: '/home/lab/project' },
    ],
    ['the same, said', 'mode: Standalone, login_host: login, remote_repo_root: /r', { ...at('login'), root: '/r' }],
    ['nothing may be brought', 'mode: verify_only, login_host: login, remote_repo_root: /r', at('login')],
    ['it has none', 'mode: shared_fs', OWN],
    ['it is not for Slurm', 'login_host: login, enabled_for_host_modes: [local]', OWN],
    ['it is for any host', 'login_host: login, enabled_for_host_modes: []', at('login')],
  ])('%s', (_what, profile, site) => {
    expect(slurmOf(withProfile(profile), folderWith())).toEqual(site);
  });
  test('but not on a host that has sbatch, nor without a default, nor where the file is none', () => {
    expect(slurmOf(withProfile('login_host: login'), folderWith('sbatch'))).toEqual(OWN);
    expect(slurmOf(withProfile('login_host: login', ''), folderWith())).toEqual(OWN);
    expect(slurmOf(withProfile('login_host: [}'), folderWith())).toEqual(OWN);
  });
  test('and a folder that is not named from the top is refused', () => {
    expect(failureOf(() => slurmOf(withProfile('login_host: login, remote_repo_root: ~/r'), folderWith()))).toMatchObject({
      code: 'file_invalid',
      what: '.autolab/remote_profiles.yaml: remote_repo_root is "~/r"',
    });
  });
  test('and a name that is an option is refused', () => {
    expect(failureOf(() => slurmOf(withProfile('login_host: -oProxyCommand=x'), folderWith()))).toEqual({
      code: 'file_invalid',
      what: '.autolab/remote_profiles.yaml: login_host is "-oProxyCommand=x"',
      why: expect.stringContaining('expected a host'),
      next: expect.stringContaining('remote_profiles.yaml'),
      retry: false,
    });
  });
});

test.each(['constructor', '__proto__', 'toString'])('%s is no site', (name) => {
  expect(failureOf(() => siteNamed(repository(), name))).toMatchObject({ code: 'site_unavailable' });
});

test.each([
  ['empty', ''],
  ['no YAML', 'sites: [\n'],
  ['no version', 'sites: {}\n'],
  ['another version', 'schema_version: "2"\nsites: {}\n'],
  ['a key too many', 'schema_version: "1"\nsites: {}\nmore: 1\n'],
  ['an unknown scheduler', 'schema_version: "1"\nsites: { a: { scheduler: pbs } }\n'],
  ['an unknown option', 'schema_version: "1"\nsites: { a: { scheduler: local, host: x } }\n'],
  ['a name that is an option', 'schema_version: "1"\nsites: { "-a": { scheduler: local } }\n'],
  ['a name twice', 'schema_version: "1"\nsites:\n  a: { scheduler: local }\n  a: { scheduler: local }\n'],
])('a file that is wrong is never an empty list: %s', (_what, text) => {
  const repo = repository(text);
  const path = join(repo, '.autolab', 'sites.yaml');
  expect(failureOf(() => siteDefinitions(repo))).toEqual({
    code: 'file_invalid',
    what: `${path} is not a list of sites`,
    why: expect.any(String),
    next: `mend ${path}, or remove it to use the site local alone`,
    retry: false,
  });
});

test('a site that is named is taken, on a login node too', () => {
  expect(chooseSite(repository(), 'desk', 'slurm', folderWith('sbatch'))).toBe('desk');
});

test('a local experiment runs here, unless this is a login node', () => {
  const repo = repository();
  expect(chooseSite(repo, null, 'local', folderWith('ls'))).toBe('local');
  for (const program of ['sbatch', 'qsub']) {
    expect(failureOf(() => chooseSite(repo, null, 'local', `${folderWith()}:${folderWith(program)}`))).toEqual({
      code: 'site_unavailable',
      what: `compute.location is local, but ${program} is on PATH: this looks like a login node`,
      why: 'experiments do not run on login nodes unless somebody says so',
      next: 'write `site: local` into launch/launch.yaml (the policy must allow that site), or set compute.location: slurm',
      retry: false,
    });
  }
});

test('a Slurm experiment goes to the Slurm of this host, and is never run here instead', () => {
  expect(chooseSite(repository(), null, 'slurm', folderWith('sbatch'))).toBe('slurm');
  expect(failureOf(() => chooseSite(repository(), null, 'slurm', folderWith('squeue')))).toEqual({
    code: 'site_unavailable',
    what: 'design.yaml says compute.location: slurm, and there is no sbatch on PATH here',
    why: 'this host is no login or submit host of a Slurm cluster, or its programs are not in PATH',
    next: 'run this where `sbatch --version` answers, or write `site: local` into launch/launch.yaml to run it on this machine',
    retry: false,
  });
});

test.each([
  ['no Slurm site', '{ desk: { scheduler: local } }', 'no site of .autolab/sites.yaml is one'],
  ['several', '{ big: { scheduler: slurm }, small: { scheduler: slurm } }', 'there are several: big, small'],
])('a Slurm experiment where sites.yaml has %s asks for a name', (_what, sites, why) => {
  const repo = repository(`schema_version: "1"\nsites: ${sites}\n`);
  expect(failureOf(() => chooseSite(repo, null, 'slurm', folderWith('sbatch')))).toMatchObject({
    code: 'site_unavailable',
    what: `design.yaml says compute.location: slurm, and ${why}`,
    next: 'name the site in launch/launch.yaml (`site: NAME`)',
  });
});

test('the first executable on PATH', () => {
  const [first, second] = [folderWith('a'), folderWith('a', 'b')];
  chmodSync(join(first, 'a'), 0o644);
  mkdirSync(join(first, 'b'));
  const path = `:relative:${first}:${second}`;
  expect([onPath('a', path), onPath('b', path), onPath('c', path)]).toEqual([join(second, 'a'), join(second, 'b'), undefined]);
});

test.each([
  ['sites: { here: { scheduler: local }, here: { scheduler: slurm } }', 'it has the key here twice in one map'],
  ['sites:\n  here:\n    scheduler: local\n    "scheduler": slurm', 'it has the key scheduler twice in one map'],
])('of two keys of one name none counts: %s', (sites, why) => {
  const repo = repository(`schema_version: "1"\n${sites}\n`);
  expect(failureOf(() => siteDefinitions(repo))).toMatchObject({ why: expect.stringContaining(why) });
});
