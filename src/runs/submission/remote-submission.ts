import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { Failure } from '../../base/errors.ts';
import type { RemoteProfile } from '../autolab/remote-profiles.ts';
import { REMOTE_PROFILES, readRemoteProfiles, slurmProfile } from '../autolab/remote-profiles.ts';
import { environmentSet } from '../launch/launch-schema.ts';

/** What keeps a profile from being submitted by, and the ways on. */
export type Hindrance = { what: string; why: string; next: string };

/**
 * Whether runs can be submitted by Autolab's default profile for Slurm: undefined where they can, where it says nothing of that, and where
 * sites.yaml does. A profile that takes code elsewhere is a site with a root of its own, to which what a run executes is brought; what it demands
 * beyond that and is not done is in the way. `hasSbatch`: this machine submits to a Slurm itself.
 */
export function hindranceOf(repo: string, hasSbatch: boolean): Hindrance | undefined {
  const profile = carrying(repo);
  if (!profile) return undefined;
  const { name, mode, login_host: host, remote_repo_root: root, submit_command: submit, data_policy: data } = profile;
  const words = `${REMOTE_PROFILES}: the default profile ${name}`;
  const at = (key: string) => `profiles.${name}.${key}`;
  const site = `write the site into .autolab/sites.yaml, which then counts alone (transport: { ssh: { host: ${host || 'HOST'} } }, root: ${root || '/FOLDER/THERE'})`;
  if (mode === 'verify_only')
    return {
      what: `${words} has mode ${mode}: the code there is brought by others, and nothing may be`,
      why: 'runs execute from a copy of the code that is brought there with them',
      next: `set ${at('mode')}: git_checkout, or shared_fs where both see the same files; or ${site}`,
    };
  if (hasSbatch)
    return {
      what: `${words} has mode ${mode}, and this machine submits to a Slurm itself`,
      why: `whether runs go to that, or to a working copy of their own at ${host || 'another host'}, is not said`,
      next: `set ${at('mode')}: shared_fs for the Slurm and the files of here, or ${site}`,
    };
  if (host === '' || root === '')
    return {
      what: `${words} has mode ${mode}, and no ${host === '' ? 'login_host' : 'remote_repo_root'}`,
      why: 'where runs go, and which folder stands for the repository there, is not said',
      next: `name it as ${at(host === '' ? 'login_host' : 'remote_repo_root')}`,
    };
  if (submit !== 'sbatch')
    return {
      what: `${words} has submit_command ${JSON.stringify(submit)}`,
      why: 'jobs are submitted by sbatch itself, with what launch.yaml asks for',
      next: `say its options in launch/launch.yaml and take ${at('submit_command')} out`,
    };
  if (data.local_sync !== 'allowed' || data.deny_patterns.length > 0)
    return {
      what: `${words} restricts what may be fetched (data_policy)`,
      why: 'by launch.yaml alone everything is fetched that a run leaves in its folder and that artifacts.pull names',
      next: `${site}, and name in artifacts.pull of launch.yaml what may be fetched`,
    };
  const faults = environmentSet.safeParse(cacheVariables(profile)).error?.issues[0];
  if (!faults) return undefined;
  return {
    what: `${words} has env.cache_vars ${faults.path.join('.')}: ${faults.message}`,
    why: 'they are given to jobs as environment.set of launch.yaml is',
    next: `mend ${at('env.cache_vars')}`,
  };
}

/** Refuses a submission that a profile is in the way of, instead of quietly making it another way. */
export function refuseRemote(repo: string, hasSbatch: boolean): void {
  const hindrance = hindranceOf(repo, hasSbatch);
  if (hindrance) throw new Failure('unsupported', hindrance);
}

/** What the profile gives to every job of the site that is made of it; empty where there is none. */
export function profileVariables(repo: string): Record<string, string> {
  const profile = carrying(repo);
  return profile ? cacheVariables(profile) : {};
}

/** The default profile for Slurm, where it takes code elsewhere and no sites.yaml says where runs go. */
function carrying(repo: string): RemoteProfile | undefined {
  if (existsSync(join(repo, '.autolab', 'sites.yaml'))) return undefined;
  const profile = slurmProfile(readRemoteProfiles(repo));
  return profile && profile.mode !== 'shared_fs' ? profile : undefined;
}

function cacheVariables({ env, remote_repo_root: root }: RemoteProfile): Record<string, string> {
  const given = Object.entries(env.cache_vars ?? {});
  return Object.fromEntries(
    given.map(([name, value]) => [name, String(value ?? '').replaceAll('{remote_repo_root}', () => root)]),
  );
}
