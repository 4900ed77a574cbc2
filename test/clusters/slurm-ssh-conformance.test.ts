import { slurmScheduler } from '../../src/sites/schedulers/slurm.ts';
import { conformance } from '../conformance/suite.ts';
import { startSlurm } from '../support/slurm.ts';
import { startSshd } from '../support/sshd.ts';

conformance('slurm over ssh', async () => {
  const slurm = await startSlurm();
  const sshd = await startSshd(`SetEnv SLURM_CONF=${slurm.conf}`);
  return {
    scheduler: slurmScheduler(),
    transport: sshd.transport,
    user: slurm.user,
    folder: slurm.folder,
    shortestWalltime: 60,
    patience: 300_000,
    lacks: new Set(),
    own: slurm.identity.own,
    close: async () => {
      await sshd.close();
      await slurm.close();
    },
  };
});
