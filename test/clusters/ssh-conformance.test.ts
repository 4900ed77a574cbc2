import { execFileSync } from 'node:child_process';
import { chmodSync, mkdtempSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { localScheduler } from '../../src/sites/schedulers/local.ts';
import { conformance } from '../conformance/suite.ts';
import { startSshd } from '../support/sshd.ts';
import { USER } from './own-slurm.mjs';

conformance('local over ssh', async () => {
  const sshd = await startSshd();
  const folder = mkdtempSync('/tmp/local runner-');
  const own = (path: string) => void execFileSync('chown', ['-R', `${USER}:`, path]);
  own(folder);
  chmodSync(folder, 0o755);
  return {
    scheduler: localScheduler({ root: join(folder, 'root=here') }),
    transport: sshd.transport,
    user: USER,
    folder,
    shortestWalltime: 1,
    patience: 200_000,
    lacks: new Set(['held tasks']),
    own,
    close: async () => {
      await sshd.close();
      rmSync(folder, { recursive: true, force: true });
    },
  };
});
