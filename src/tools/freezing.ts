import { join } from 'node:path';
import { sha256 } from '../base/digest.ts';
import { Failure } from '../base/errors.ts';
import { readText } from '../base/files.ts';
import type { Acts } from '../context.ts';
import { isOfAnother, listingFor, pieceOf } from '../runs/code/files.ts';
import type { Frozen } from '../runs/code/place.ts';
import { contentsOf, digestOf, rootOf } from '../runs/code/place.ts';
import { takeSnapshot } from '../runs/code/snapshot.ts';
import { verifySnapshot } from '../runs/code/verify.ts';
import { logApart } from '../runs/events/place.ts';
import { readCapsule, readDiff } from '../runs/launch/capsule.ts';
import type { Plan } from '../runs/launch/plan.ts';
import { apartThere, makeWorkspace } from '../runs/resume/workspace.ts';
import type { Run } from '../runs/run.ts';
import { codeOf, partsOf } from '../runs/run.ts';
import type { Intent } from '../runs/submission/reservation.ts';
import type { Planned } from './planning.ts';
import type { WorkspaceFacts } from './workspace-facts.ts';

/**
 * The code that what is about to be submitted will execute, on disk before anything is journalled of it; null in `code` where that is the
 * repository itself. With `before`, a run that is run again, it is the snapshot that this executed from, as long as it is what it was.
 */
export async function freeze(
  acts: Acts,
  planned: Planned,
  workspace?: Pick<WorkspaceFacts, 'path'>,
  before?: Run,
): Promise<Pick<Intent, 'code' | 'diff'>> {
  const { plan, listing } = planned;
  const diff = listing && !before ? await readDiff(acts.repo, listing) : null;
  if (plan.code !== 'snapshot' || !listing) return { code: null, diff };
  const last = before && lastOf(before);
  if (last && verifySnapshot(acts.repo, last).faults.length === 0)
    return { code: { ...last, root: rootOf(acts.repo, last.id) }, diff };
  const apart = [...apartOf(acts, planned, listing.top, workspace), ...logApart(listing.top, planned.iteration.path, plan)];
  const { differs, files, ...code } = takeSnapshot(
    acts.repo,
    listingFor(listing, plan.iteration.folder),
    plan.iteration.folder,
    apart,
  );
  const decided = Object.entries(plan.inputs).flatMap(([name, hash]) =>
    hashOf(join(code.root, plan.iteration.folder, name)) === hash ? [] : [name],
  );
  if (decided.length > 0) throw edited(decided);
  const suspects = [...new Set([...differs, ...unlike(planned, files)])].filter(
    (path) => !isOfAnother(path, listing, plan.iteration.folder),
  );
  // What git filters (line ends, large files kept elsewhere) is never what git lists; what was edited in between is of another digest.
  if (suspects.length > 0 && (await readCapsule(acts.repo)).capsule.digest !== plan.capsule.digest) throw edited(suspects);
  return { code, diff };
}

/** What of the working tree is no code but the workspace of the run, wherever that is. */
function apartOf(
  acts: Acts,
  { plan, iteration }: Planned,
  top: string,
  workspace: Pick<WorkspaceFacts, 'path'> | undefined,
): string[] {
  if (!plan.resume) return [];
  const { far, place } = acts.site(plan.site);
  if (!far || !workspace) return makeWorkspace(top, iteration.path, plan.resume);
  return apartThere(top, iteration.path, plan.resume, place.here(workspace.path));
}

/**
 * Refused where the snapshot that a run executed from is not what it was any more, and the files of now are not what it was made of,
 * whatever they are: tasks of both would be mixed. Of a snapshot that is there nothing else runs.
 */
export function refuseOtherCode(repo: string, run: Run, { files }: Planned): void {
  const last = lastOf(run);
  if (!last || verifySnapshot(repo, last).faults.length === 0) return;
  const contents = contentsOf(repo, last.id);
  const isListed = contents !== undefined && digestOf(contents) === last.digest;
  const was = isListed ? contents.files : (codeOf(run) ?? {});
  const now = (path: string) => (isListed ? pieceOf(contents.top, path)?.id : files[path]);
  const names = Object.keys(was).filter((path) => now(path) !== was[path]);
  if (names.length === 0) return;
  throw new Failure('run_state', {
    what: `the snapshot of run ${run.id} is gone or altered, and ${names.slice(0, 5).join(', ')}${names.length > 5 ? ` and ${names.length - 5} more` : ''} changed since it was taken`,
    why: 'tasks of two codes would be mixed',
    next: 'put it back as it was, or submit_run with again: true, for a new run',
  });
}

/** Files that were not committed when the plan was made, and are not in the snapshot as they were then. */
function unlike({ listing, files }: Planned, frozen: Readonly<Record<string, string>>): string[] {
  const { changed, prefix } = listing ?? { changed: [], prefix: '' };
  return changed.filter((path) => {
    const was = files[path.startsWith(prefix) ? path.slice(prefix.length) : `/${path}`];
    return was !== undefined && frozen[path] !== undefined && frozen[path] !== was;
  });
}

function hashOf(path: string): string | undefined {
  const text = readText(path);
  return text === undefined ? undefined : sha256(text);
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
  return new Failure('code_changed', {
    what: `${files.slice(0, 5).join(', ')} changed while the snapshot of the code was taken`,
    why: 'what was decided on is another code by now; nothing was submitted',
    next: 'call again when nobody writes there',
  });
}
