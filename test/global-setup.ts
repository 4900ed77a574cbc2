import { readdirSync, rmSync, statSync } from 'node:fs';
import { homedir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { execa } from 'execa';
import { withoutBrowser } from './support/browser.ts';
import { withoutSuite } from './support/conformance.ts';
import { GRIDENGINES } from './support/gridengine.ts';
import { NETWORKS, removeNetworks } from './support/networks.ts';
import { withoutNumpy } from './support/numpy.ts';
import { withoutClusters } from './support/privileges.ts';
import { ROOT } from './support/repo.ts';
import { CLUSTERS } from './support/slurm.ts';
import { SERVERS } from './support/sshd.ts';

/** Tests of the program are tests of what is in dist/, so it is made anew from the source they stand beside. */
export default async function setup(): Promise<() => Promise<void>> {
  await execa('node', ['scripts/build.mjs'], { cwd: ROOT });
  const without = withoutClusters();
  if (without === undefined) for (const { script } of KINDS) await execa('bash', [script, 'install'], { stdin: 'ignore' });
  else
    console.warn(
      `\nLeft out: the tests on a real Slurm, a real Grid Engine and over a real ssh (test/clusters), because ${without}.\n`,
    );
  const browser = withoutBrowser();
  if (browser !== undefined) console.warn(`\nLeft out: the tests in a real browser (test/browser), because ${browser}.\n`);
  else await execa('bash', [join(ROOT, 'test', 'browser', 'chromium'), 'install'], { stdin: 'ignore' });
  if (withoutNumpy !== undefined)
    console.warn(`\nLeft out: the tests of numpy's files (test/runs/artifacts), because ${withoutNumpy}.\n`);
  const suite = withoutSuite();
  if (suite !== undefined)
    console.warn(`\nLeft out: the conformance suite of MCP (test/server/conformance), because ${suite}.\n`);
  const sweeping = setInterval(sweep, 5_000);
  return async () => {
    clearInterval(sweeping);
    // What a test file that was killed could not take down itself.
    for (const { script, start, variable } of KINDS)
      for (const folder of left(start))
        await execa('bash', [script, 'wipe'], { env: { [variable]: folder }, stdin: 'ignore', reject: false });
    await removeNetworks(`${NETWORKS}${process.pid}-`);
  };
}

/** What can be started, where its folders begin, and the variable that names one. */
const KINDS = [
  { script: join(ROOT, 'test', 'clusters', 'slurm'), start: CLUSTERS, variable: 'AUTOLAB_SLURM' },
  { script: join(ROOT, 'test', 'clusters', 'gridengine'), start: GRIDENGINES, variable: 'AUTOLAB_GRIDENGINE' },
  { script: join(ROOT, 'test', 'clusters', 'sshd'), start: SERVERS, variable: 'AUTOLAB_SSHD' },
];

/** Those of our own test files, which are run by children of this process. */
function left(start: string): string[] {
  const [folder, prefix] = [dirname(start), `${basename(start)}${process.pid}-`];
  return readdirSync(folder)
    .filter((name) => name.startsWith(prefix))
    .map((name) => join(folder, name));
}

/**
 * Jobs run in login shells, and tests kill jobs. Where the account's profile starts pyenv, a shell that was killed while it rehashed
 * leaves this lock behind, and every later login shell waits a minute for it.
 */
function sweep(): void {
  const lock = join(homedir(), '.pyenv', 'shims', '.pyenv-shim');
  const made = statSync(lock, { throwIfNoEntry: false })?.mtimeMs;
  if (made !== undefined && Date.now() - made > 20_000) rmSync(lock, { force: true });
}
