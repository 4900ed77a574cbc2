import { gridengineScheduler } from '../../src/sites/schedulers/gridengine.ts';
import { conformance } from '../conformance/suite.ts';
import { startGridEngine } from '../support/gridengine.ts';
import { startSshd } from '../support/sshd.ts';

conformance('gridengine over ssh', async () => {
  const grid = await startGridEngine();
  const sshd = await startSshd(`SetEnv ${grid.place.filter((one) => /^SGE_(?:ROOT|CELL)=/.test(one)).join(' ')}`);
  return {
    scheduler: gridengineScheduler(),
    transport: sshd.transport,
    user: grid.user,
    folder: grid.folder,
    requested: { names: { memory: 'h_vmem' } },
    // It is told to end a quarter of it before.
    shortestWalltime: 8,
    patience: 150_000,
    lacks: new Set(['chains', 'traces']),
    own: grid.identity.own,
    close: async () => {
      await sshd.close();
      await grid.close();
    },
  };
});
