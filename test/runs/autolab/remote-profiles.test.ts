import { expect, test } from 'vitest';
import { lintProfile, parseRemoteProfiles, slurmProfile } from '../../../src/runs/autolab/remote-profiles.ts';
import { failureOf } from '../failing.ts';

const FILE = '.autolab/remote_profiles.yaml';
const parse = (text: string) => parseRemoteProfiles(text, FILE);
const one = (body: string) => {
  const { named } = parse(`schema_version: "1.0"\ndefault_profile: a\nprofiles:\n  a:\n${body.replace(/^/gm, '    ')}\n`);
  if (!named) throw new Error('no profile');
  return named;
};
const GOOD = 'login_host: login\nremote_repo_root: /r';

test('an empty profile has the reference’s defaults', () => {
  expect(one('{}')).toEqual({
    name: 'a',
    mode: 'git_checkout',
    enabled_for_host_modes: ['slurm'],
    login_host: '',
    remote_repo_root: '',
    bootstrap_command: '',
    python_path: 'python',
    submit_command: 'sbatch',
    smoke_command: '',
    host_detection: { require_commands: [] },
    git_sync: {
      revision_source: 'git_tag',
      require_clean_worktree: true,
      fetch_command: 'git fetch --tags origin',
      checkout_command: 'git checkout --force {revision_label}',
    },
    artifact_pull: { enabled: false, allow_patterns: [] },
    data_policy: { local_sync: 'allowed', deny_patterns: [] },
    env: {},
  });
});

test.each([
  ['shared_fs', 'shared_fs'],
  ['SHARED_FS', 'shared_fs'],
  ['verify_only', 'verify_only'],
  ['standalone', 'git_checkout'],
])('mode %s is %s', (written, read) => {
  expect(one(`mode: ${written}`).mode).toBe(read);
});

test.each([
  ['slurm', '[slurm]', true],
  ['local only', '[local]', false],
  ['any', '[]', true],
  ['no list', 'slurm', true],
])('enabled for %s', (_what, value, isFound) => {
  const found = slurmProfile(parse(`default_profile: a\nprofiles: { a: { enabled_for_host_modes: ${value} } }\n`));
  expect(found?.name).toBe(isFound ? 'a' : undefined);
});

test('no default profile, no profiles', () => {
  expect(parse('schema_version: "1.0"\n')).toEqual({ named: null, profiles: [] });
  expect(slurmProfile(parse('profiles: { a: {} }\n'))).toBe(null);
});

test.each([
  ['no YAML', 'profiles: {', /^\.autolab\/remote_profiles\.yaml:1:/],
  ['no map', '- a\n', /expected a map/],
  ['a profile that is no map', 'profiles: { a: yes }\n', /profiles\.a is true \(written yes\); expected a map/],
  ['a profile without a name', 'profiles: { "": {} }\n', /expected a name that is not empty/],
  [
    'a mode that there is not',
    'profiles:\n  a: { mode: rsync }\n',
    /:2:\d+: profiles\.a\.mode is "rsync"; expected one of "shared_fs"/,
  ],
  ['another source of revisions', 'profiles: { a: { git_sync: { revision_source: sha } } }\n', /revision_source is "sha"/],
  ['a default profile that there is not', 'default_profile: b\nprofiles: { a: {} }\n', /:1:\d+: default_profile is "b"/],
])('%s is an error with its place', (_what, text, words) => {
  expect(failureOf(() => parse(text))).toMatchObject({ code: 'file_invalid', what: expect.stringMatching(words) });
});

test.each<[string, string, string[]]>([
  ['a good one', GOOD, []],
  ['a shared filesystem needs no host', 'mode: shared_fs\nremote_repo_root: /r', []],
  [
    'no root, no host',
    '{}',
    ['profiles.a.remote_repo_root is missing', 'profiles.a.login_host is missing, and mode git_checkout needs one'],
  ],
  [
    'an unknown word for local_sync',
    `${GOOD}\ndata_policy: { local_sync: maybe }`,
    ['profiles.a.data_policy.local_sync is "maybe"'],
  ],
  [
    'data that must not leave, and nothing that may',
    `${GOOD}\ndata_policy: { local_sync: forbidden }`,
    ['profiles.a.data_policy.local_sync is forbidden, and artifact_pull.allow_patterns names nothing'],
  ],
  [
    'allowed and denied at once',
    `${GOOD}\nartifact_pull: { enabled: true, allow_patterns: [data/raw/x.csv, logs/a] }\ndata_policy: { deny_patterns: ["data/*"] }`,
    ['profiles.a.artifact_pull.allow_patterns has data/raw/x.csv, which deny_patterns forbids with data/*'],
  ],
  [
    'two commands in one',
    `${GOOD}\nsubmit_command: "sbatch; rm -rf /"`,
    ['profiles.a.submit_command has ";" in it: "sbatch; rm -rf /"'],
  ],
  ['a substitution', `${GOOD}\nbootstrap_command: "echo $(id)"`, ['profiles.a.bootstrap_command has "$(" in it: "echo $(id)"']],
  ['an open quote', `${GOOD}\nsmoke_command: "echo 'a"`, ['profiles.a.smoke_command has a quote that is not closed: "echo \'a"']],
  [
    'a placeholder of another command',
    `${GOOD}\ngit_sync: { fetch_command: "git fetch {revision_label}" }`,
    [
      'profiles.a.git_sync.fetch_command has the placeholder {revision_label}, which is not filled in there: "git fetch {revision_label}"',
    ],
  ],
])('lint: %s', (_what, body, issues) => {
  expect(lintProfile(one(body)).map(({ what }) => what)).toEqual(issues);
});
