import { Failure } from '../base/errors.ts';
import type { Acts } from '../context.ts';
import { readCapsule, readDiff } from '../runs/capsule.ts';
import type { Frozen } from '../runs/code/place.ts';
import { rootOf } from '../runs/code/place.ts';
import { takeSnapshot } from '../runs/code/snapshot.ts';
import { verifySnapshot } from '../runs/code/verify.ts';
import type { Plan } from '../runs/plan.ts';
import type { Intent } from '../runs/reservation.ts';
import { makeWorkspace } from '../runs/resume/workspace.ts';
import type { Run } from '../runs/run.ts';
import { partsOf } from '../runs/run.ts';
import type { Planned } from './planning.ts';

/**
 * The code that what is about to be submitted will execute, on disk before anything is journalled of it; null in `code` where that is the
 * repository itself. With `before`, a run that is run again, it is the snapshot that this executed from, as long as it is what it was.
 */
export async function freeze(
  acts: Acts,
  { plan, listing, iteration }: Planned,
  before?: Run,
): Promise<Pick<Intent, 'code' | 'diff'>> {
  const diff = listing && !before ? await readDiff(acts.repo, listing) : null;
  if (plan.code !== 'snapshot' || !listing) return { code: null, diff };
  const last = before && lastOf(before);
  if (last && verifySnapshot(acts.repo, last).faults.length === 0)
    return { code: { ...last, root: rootOf(acts.repo, last.id) }, diff };
  const apart = plan.resume ? makeWorkspace(listing.top, iteration.path, plan.resume) : [];
  const { differs, ...code } = takeSnapshot(acts.repo, listing, plan.iteration.folder, apart);
  // What git filters (line ends, large files kept elsewhere) is never what git lists; what was edited in between is of another digest.
  if (differs.length > 0 && (await readCapsule(acts.repo)).capsule.digest !== plan.capsule.digest) throw edited(differs);
  return { code, diff };
}

/** What a run of this plan executes, in a few words. */
export function codeWords({ code, capsule }: Plan): string {
  if (code === 'snapshot') return 'a snapshot of the code as it is when it is submitted';
  return capsule.why === null
    ? 'the code as it is when it runs, as launch.yaml says'
    : `the code as it is when it runs, since no snapshot can be taken (${capsule.why})`;
}

function lastOf(run: Run): Frozen | undefined {
  const attempts = partsOf(run).flatMap(({ record }) => record.attempts);
  return attempts.findLast(({ code }) => code !== undefined)?.code;
}

function edited(files: readonly string[]): Failure {
  return new Failure('run_state', {
    what: `${files.slice(0, 5).join(', ')} changed while the snapshot of the code was taken`,
    why: 'what was decided on is another code by now; nothing was submitted',
    next: 'call again when nobody writes there',
  });
}
