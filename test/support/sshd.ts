import { sshTransport } from '../../src/sites/transports/ssh.ts';
import type { Transport } from '../../src/sites/transports/transport.ts';
import type { OwnSshd, Placed } from '../clusters/own-sshd.mjs';
import { ownSshd } from '../clusters/own-sshd.mjs';

/** State folders begin with this, then the id of the process that runs the tests: see test/global-setup.ts. */
export const SERVERS = '/tmp/autolab-tests-sshd-';

export type Sshd = OwnSshd & { transport: Transport };

/** A real sshd of this test file's own, and the way to it. `more` are lines of sshd_config, which count before the others. */
export async function startSshd(more = '', accounts?: readonly string[], where: Placed = {}): Promise<Sshd> {
  const who = accounts === undefined ? {} : { accounts };
  const own = await ownSshd(`${SERVERS}${process.ppid}-`, { ...where, more, ...who });
  return { ...own, transport: sshTransport({ host: 'lab', config: own.config }) };
}
