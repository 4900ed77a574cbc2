import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir, userInfo } from 'node:os';
import { join } from 'node:path';
import { localScheduler } from '../../src/sites/schedulers/local.ts';
import { localTransport } from '../../src/sites/transports/local.ts';
import type { Transport } from '../../src/sites/transports/transport.ts';
import type { Bench } from '../conformance/bench.ts';

/** The embedded runner in a folder of its own. */
export async function localBench(transport: Transport = localTransport()): Promise<Bench> {
  const folder = mkdtempSync(join(tmpdir(), 'local runner-'));
  return {
    scheduler: localScheduler({ root: join(folder, 'root=here') }),
    transport,
    user: userInfo().username,
    folder,
    shortestWalltime: 1,
    patience: 200_000,
    lacks: new Set(['held tasks']),
    close: async () => rmSync(folder, { recursive: true, force: true }),
  };
}
