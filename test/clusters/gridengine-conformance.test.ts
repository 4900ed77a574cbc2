import { gridengineScheduler } from '../../src/sites/schedulers/gridengine.ts';
import { conformance } from '../conformance/suite.ts';
import { startGridEngine } from '../support/gridengine.ts';

conformance('gridengine', async () => {
  const { user, folder, transport, identity, close } = await startGridEngine();
  return {
    scheduler: gridengineScheduler(),
    transport,
    user,
    folder,
    requested: { names: { memory: 'h_vmem' } },
    // It is told to end a quarter of it before.
    shortestWalltime: 8,
    patience: 150_000,
    lacks: new Set(['chains', 'traces']),
    own: identity.own,
    close,
  };
});
