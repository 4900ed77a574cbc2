import { join } from 'node:path';
import * as z from 'zod';
import { Failure } from '../base/errors.ts';
import { readText } from '../base/files.ts';
import { hasSbatch } from './programs.ts';
import { sshOptions } from './transports/ssh-host.ts';

/** As far as a profile says where something is. What it says besides is Autolab's, and read in `runs/autolab/remote-profiles.ts`. */
const profile = z.looseObject({
  login_host: z.string().trim().nullish(),
  remote_repo_root: z.string().trim().nullish(),
  mode: z.unknown().optional(),
  enabled_for_host_modes: z.unknown().optional(),
});
const file = z.looseObject({ default_profile: z.string().trim(), profiles: z.record(z.string(), profile) });

export const REMOTE_PROFILES = join('.autolab', 'remote_profiles.yaml');

/**
 * The host that Autolab's default remote profile would log in to for Slurm, and the folder that stands for the repository there, where the profile
 * does not say that both see the same files; undefined where there is none, or where this host has sbatch, and so is one already. What the file has
 * wrong is told by `doctor` and at a submission. Throws on a host that is none, and on a folder that is not named from the top.
 */
export function profileSite(
  repo: string,
  parse: (text: string, path: string) => unknown,
): { host: string; root: string | undefined } | undefined {
  const path = join(repo, REMOTE_PROFILES);
  const text = readText(path);
  if (text === undefined || hasSbatch()) return undefined;
  const named = defaultProfile(() => parse(text, path));
  if (!named?.login_host || !isForSlurm(named.enabled_for_host_modes)) return undefined;
  const options = sshOptions.safeParse({ host: named.login_host });
  if (options.success) return { host: options.data.host, root: rootOf(named) };
  throw new Failure('file_invalid', {
    what: `${REMOTE_PROFILES}: login_host is ${JSON.stringify(named.login_host)}`,
    why: options.error.issues[0]?.message ?? 'it is no host',
    next: `name the host, or its alias in your ssh configuration, in ${REMOTE_PROFILES}`,
  });
}

/** As the reference takes it: no mode is git_checkout, and so is standalone. Code is brought by us, into a folder that git never touches there. */
function rootOf({ mode, remote_repo_root: root }: z.output<typeof profile>): string | undefined {
  if (
    !root ||
    !CARRYING.has(
      String(mode ?? '')
        .trim()
        .toLowerCase(),
    )
  )
    return undefined;
  const folder = root.replace(/\/+$/, '');
  if (/^\/[^\0\n]+$/.test(folder)) return folder;
  throw new Failure('file_invalid', {
    what: `${REMOTE_PROFILES}: remote_repo_root is ${JSON.stringify(root)}`,
    why: 'expected a folder from the top on, such as /home/lab/project',
    next: `name it so in ${REMOTE_PROFILES}`,
  });
}

const CARRYING: ReadonlySet<string> = new Set(['git_checkout', 'standalone', '']);

function defaultProfile(parsed: () => unknown): z.output<typeof profile> | undefined {
  try {
    const read = file.safeParse(parsed());
    return read.success ? read.data.profiles[read.data.default_profile] : undefined;
  } catch (error) {
    if (error instanceof Failure) return undefined;
    throw error;
  }
}

/** As the reference takes it: anything but a list is `[slurm]`, and an empty list is any host. */
function isForSlurm(modes: unknown): boolean {
  if (!Array.isArray(modes) || modes.length === 0) return true;
  return modes.some((mode) => String(mode).trim().toLowerCase() === 'slurm');
}
