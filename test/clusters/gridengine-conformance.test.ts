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
    shortestWalltime: 2,
    patience: 60_000,
    lacks: new Set(['term', 'chains', 'traces']),
    own: identity.own,
    close,
  };
});
