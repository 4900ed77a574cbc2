import { join } from 'node:path';
import { digest } from '../base/digest.ts';
import { Failure } from '../base/errors.ts';
import { makeFolder, writeAtomic } from '../base/files.ts';
import { withLock } from '../base/lock.ts';
import type { Permit } from '../base/permit.ts';
import { quote } from '../base/text.ts';
import type { Acts } from '../context.ts';
import { listed, refuseTooMuch } from '../runs/pull/list.ts';
import { promote, quarantine } from '../runs/pull/promote.ts';
import type { Run } from '../runs/run.ts';
import { gateOf } from '../runs/run.ts';
import type { Far } from '../sites/far.ts';
import type { WorkResult } from '../sites/jobs.ts';
import { Running } from './tool.ts';

/** How long one transfer may take; one that is cut off is gone on with. Seconds. */
const LIMIT = 6 * 3600;

/** What is not here of what a run has made, in words. `files` and `bytes` were fetched, and are in their places. */
export type Pulled = { faults: string[]; files: number; bytes: number };

/**
 * Fetches what a run has made at a site that has its own files: into a quarantine, verified there against checksums made at the site, and only
 * then into its place. The transfer outlives this call, and what was cut off is gone on with. Nothing to do where the site sees this machine's files.
 */
export async function bringHome(
  acts: Acts,
  permit: Permit<'run'>,
  subject: string,
  run: Run,
  end: number,
): Promise<Pulled | Running> {
  const { far } = acts.site(run.plan.site);
  if (!far) return { faults: [], files: 0, bytes: 0 };
  // Who comes second would find that the first has put the files into their places.
  return withLock(join(gateOf(run), 'pull.lock'), 'fetching', () => fetched(acts, permit, subject, run, far, end), 0);
}

async function fetched(
  acts: Acts,
  permit: Permit<'run'>,
  subject: string,
  run: Run,
  far: Far,
  end: number,
): Promise<Pulled | Running> {
  const folder = run.iterationFolder;
  const there = await far.files(folder, run.id);
  const list = listed(run, there);
  const unfit = list.unfit.map((path) => `${JSON.stringify(path)} has a line break in its name, and is not fetched`);
  if (list.paths.length === 0) return { faults: unfit, files: 0, bytes: 0 };
  refuseTooMuch(list, folder, acts.site(run.plan.site).pullLimit);
  const to = quarantine(run);
  const names = join(to, '..', 'list');
  makeFolder(to);
  writeAtomic(names, list.paths.map((path) => `${path}\0`).join(''));
  const wanted = new Set(list.paths);
  const key = digest({ run: run.id, files: there.filter(({ path }) => wanted.has(path)) }).slice(0, 32);
  const { fetch, compare, env } = await far.fetching(folder, to, names);
  const environment = { PATH: process.env.PATH ?? '', ...env };
  const work = (what: string, argv: readonly [string, ...string[]]) =>
    acts.work.run(
      permit,
      subject,
      { key: `${what}.${key}`, argv, cwd: folder, environment, timeoutSeconds: LIMIT, reuse: 'never' },
      Math.max(0, end - Date.now()),
    );
  const copied = await work('fetch', fetch);
  if (!copied) return new Running(`fetching ${list.paths.length} files of run ${run.id}`);
  if (copied.exit !== 0) throw cutOff(run, 'fetched', copied);
  const compared = await work('compare', compare);
  if (!compared) return new Running(`verifying ${list.paths.length} files of run ${run.id}`);
  const differs = compared.stdout.split('\n').filter((line) => /^[<>ch*]/.test(line));
  if (compared.exit !== 0) throw cutOff(run, 'verified', compared);
  if (differs.length > 0)
    throw new Failure('sync_failed', {
      what: `files of run ${run.id} changed while they were fetched: ${differs
        .slice(0, 3)
        .map((line) => quote(line.slice(line.indexOf(' ') + 1), 300))
        .join(', ')}`,
      why: 'something still writes there',
      next: 'call again when it has ended; nothing of it was put into its place',
    });
  const faults = await promote(run, list.paths);
  return { faults: [...unfit, ...faults], files: list.paths.length - faults.length, bytes: list.bytes };
}

function cutOff(run: Run, what: string, { exit, timedOut, stderr }: WorkResult): Failure {
  return new Failure('sync_failed', {
    what: `the files of run ${run.id} could not be ${what}`,
    why: timedOut ? `rsync did not end within ${LIMIT} s` : `rsync ended with ${exit ?? 'no exit code'}`,
    next: 'call again: it goes on where it was cut off, and nothing of it was put into its place',
    quoted: quote(stderr.trim(), 500),
  });
}
