import { existsSync } from 'node:fs';

/** Why no real Slurm can be started here; undefined where it can. */
export function withoutClusters(): string | undefined {
  if (process.getuid?.() !== 0) return 'they start daemons that run jobs as somebody else, which only root can';
  if (!existsSync('/usr/sbin/slurmctld') && !existsSync('/usr/bin/apt-get'))
    return 'Slurm is not installed, and there is no apt-get to install it with';
  return undefined;
}
