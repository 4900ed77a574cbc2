import { join } from 'node:path';
import type { z } from 'zod';
import { Failure } from '../../base/errors.ts';
import { readText } from '../../base/files.ts';
import type { profileSchema } from './remote-profiles-schema.ts';
import { profilesSchema } from './remote-profiles-schema.ts';
import { placeOf, validate } from './validate.ts';
import { readYaml } from './yaml.ts';

export type RemoteProfile = z.output<typeof profileSchema> & { name: string };

/** `.autolab/remote_profiles.yaml`. `named` is the default profile; null where none is named. */
export type RemoteProfiles = { named: RemoteProfile | null; profiles: readonly RemoteProfile[] };

export const REMOTE_PROFILES = join('.autolab', 'remote_profiles.yaml');
const NONE: RemoteProfiles = { named: null, profiles: [] };

/** The profiles of a repository; none where there is no file, which is fine. Throws `file_invalid` with place, value and remedy. */
export function readRemoteProfiles(repo: string): RemoteProfiles {
  const text = readText(join(repo, REMOTE_PROFILES));
  return text === undefined ? NONE : parseRemoteProfiles(text, REMOTE_PROFILES);
}

/** The same from text; `file` is only named in messages. */
export function parseRemoteProfiles(text: string, file: string): RemoteProfiles {
  const read = readYaml(text, file, 'foreign');
  const { default_profile: wanted, profiles } = validate(profilesSchema, read);
  const all = Object.entries(profiles).map(([name, profile]) => ({ ...profile, name: name.trim() }));
  const named = all.find(({ name }) => name === wanted) ?? null;
  if (wanted === '' || named) return { named, profiles: all };
  throw new Failure('file_invalid', {
    what: `${placeOf(read, ['default_profile'])}: default_profile is ${JSON.stringify(wanted)}, and there is no such profile`,
    why: all.length > 0 ? `there are ${all.map(({ name }) => name).join(', ')}` : 'there is none at all',
    next: `name a profile of ${file}, or add profiles.${wanted}`,
  });
}

/** The profile that Autolab would submit by on a Slurm host: the default one, where it is enabled for such. An empty list is any host. */
export function slurmProfile({ named }: RemoteProfiles): RemoteProfile | null {
  if (!named) return null;
  const modes = named.enabled_for_host_modes;
  return modes.length === 0 || modes.includes('slurm') ? named : null;
}

export type LintIssue = { what: string; next: string };

/** What a profile says that cannot work, as the reference's own lint finds it. */
export function lintProfile(profile: RemoteProfile): LintIssue[] {
  const at = `profiles.${profile.name}`;
  const { data_policy: data, artifact_pull: pull } = profile;
  const { allow_patterns: allowed } = pull;
  const { deny_patterns: denied, local_sync: sync } = data;
  const issues: LintIssue[] = [];
  const say = (what: string, next: string) => issues.push({ what: `${at}.${what}`, next: `${next} in ${REMOTE_PROFILES}` });
  if (profile.remote_repo_root === '') say('remote_repo_root is missing', 'name the repository’s folder on the cluster');
  if (profile.mode !== 'shared_fs' && profile.login_host === '')
    say(`login_host is missing, and mode ${profile.mode} needs one`, 'name the host that ssh goes to');
  if (sync !== 'allowed' && sync !== 'forbidden')
    say(`data_policy.local_sync is ${JSON.stringify(sync)}`, 'write allowed or forbidden');
  if (sync === 'forbidden' && allowed.length === 0)
    say('data_policy.local_sync is forbidden, and artifact_pull.allow_patterns names nothing', 'name what may be pulled');
  for (const pattern of allowed) {
    const against = denied.find((one) => pattern === one || covers(one, pattern));
    if (against !== undefined)
      say(`artifact_pull.allow_patterns has ${pattern}, which deny_patterns forbids with ${against}`, 'take one of them out');
  }
  for (const [key, command, placeholder] of commandsOf(profile)) {
    const why = unsafe(command, placeholder);
    if (why !== null) say(`${key} ${why}: ${JSON.stringify(command)}`, 'write one plain command');
  }
  return issues;
}

/** As the reference matches: `*` crosses folders. */
function covers(pattern: string, text: string): boolean {
  const source = pattern
    .replace(/[\\^$.|+(){}[\]]/g, '\\$&')
    .replaceAll('*', '.*')
    .replaceAll('?', '.');
  return new RegExp(`^${source}$`, 's').test(text);
}

function commandsOf(profile: RemoteProfile): [string, string, string | null][] {
  const { git_sync: git } = profile;
  return [
    ['bootstrap_command', profile.bootstrap_command, null],
    ['python_path', profile.python_path, null],
    ['submit_command', profile.submit_command, null],
    ['smoke_command', profile.smoke_command, null],
    ['git_sync.fetch_command', git.fetch_command, null],
    ['git_sync.checkout_command', git.checkout_command, 'revision_label'],
  ];
}

/** A command that would be more than one, or holds a placeholder that is not its own. */
function unsafe(command: string, placeholder: string | null): string | null {
  const operator = /&&|\|\||;|\||`|\$\(|>|<|[\r\n]/.exec(command)?.[0];
  if (operator !== undefined) return `has ${JSON.stringify(operator)} in it`;
  const quotes = command.replace(/\\./g, '').replace(/'[^']*'|"[^"]*"/g, '');
  if (/['"]|\\$/.test(quotes)) return 'has a quote that is not closed';
  const other = [...command.matchAll(/\{(\w*)\}/g)].find(([, name]) => name !== placeholder)?.[0];
  return other === undefined ? null : `has the placeholder ${other}, which is not filled in there`;
}
