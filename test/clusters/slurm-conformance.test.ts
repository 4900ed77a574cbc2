import { slurmScheduler } from '../../src/sites/schedulers/slurm.ts';
import { conformance } from '../conformance/suite.ts';
import { startSlurm } from '../support/slurm.ts';

conformance('slurm', async () => {
  const { user, folder, transport, identity, close } = await startSlurm();
  return {
    scheduler: slurmScheduler(),
    transport,
    user,
    folder,
    // Slurm keeps time limits in minutes, and ends a job up to a minute late (slurm.conf(5), OverTimeLimit).
    shortestWalltime: 60,
    patience: 300_000,
    lacks: new Set(),
    own: identity.own,
    close,
  };
});
