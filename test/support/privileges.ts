import { existsSync } from 'node:fs';

/** Why no real Slurm or Grid Engine can be started here; undefined where it can. */
export function withoutClusters(): string | undefined {
  if (process.getuid?.() !== 0) return 'they start daemons that run jobs as somebody else, which only root can';
  const isThere = ['/usr/sbin/slurmctld', '/usr/lib/gridengine/sge_qmaster'].every((file) => existsSync(file));
  if (!isThere && !existsSync('/usr/bin/apt-get')) return 'they are not installed, and there is no apt-get to install them with';
  return undefined;
}
