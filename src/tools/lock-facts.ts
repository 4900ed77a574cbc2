import { join, resolve } from 'node:path';
import { asFailure } from '../base/errors.ts';
import type { Seen } from '../checks/check.ts';
import type { LockFinding } from '../checks/setup-workspace.ts';
import type { Reads } from '../context.ts';
import { readDesign } from '../runs/autolab/design.ts';
import { findIteration } from '../runs/autolab/iteration.ts';
import { TASK_OVER } from '../runs/evidence/lifecycle.ts';
import { readLaunchFile } from '../runs/launch/launch-file.ts';
import { runsIn } from '../runs/resume/accepted.ts';
import type { LockState, Owner } from '../runs/resume/lock-state.ts';
import { isHere, judgeLock, ownerOf } from '../runs/resume/lock-state.ts';
import type { Resume } from '../runs/resume/schema.ts';
import type { Workspace } from '../runs/resume/workspace.ts';
import { readWorkspace, workspaceThere } from '../runs/resume/workspace.ts';
import type { Run } from '../runs/run.ts';
import { partsOf } from '../runs/run.ts';
import { chooseSite } from '../sites/index.ts';
import type { LockLook } from '../sites/lock-look.ts';
import type { Standing } from '../sites/schedulers/scheduler.ts';
import type { Site } from '../sites/site.ts';

/** The lock of the workspace that an iteration goes on with; undefined where it has none, or its files do not say: `verify` tells that. */
export async function lockOfIteration(reads: Reads, iterationId: string): Promise<Seen<LockFinding> | undefined> {
  const found = placeOf(reads, iterationId);
  if (!found) return undefined;
  try {
    const site = reads.site(found.site);
    const { workspace, lock } = await lookAtWorkspace(site, found.folder, found.resume);
    const { state, holder, why } = await lockOf(site, lock, runsIn(reads.repo, workspace).runs);
    return { value: { workspace: workspace.name, state, holder, why } };
  } catch (error) {
    return { failure: asFailure(error).toJSON() };
  }
}

function placeOf(reads: Reads, iterationId: string): { folder: string; resume: Resume; site: string } | undefined {
  try {
    const { path } = findIteration(reads.repo, iterationId);
    const { resume, site } = readLaunchFile(join(path, 'launch', 'launch.yaml'));
    if (!resume?.lock) return undefined;
    const { location } = readDesign(join(path, 'design.yaml'));
    return { folder: path, resume, site: chooseSite(reads.repo, site, location) };
  } catch {
    return undefined;
  }
}

/** A workspace where the jobs of a site find it, and what was seen of its lock; `config`: SHA-256 of its configuration there, where files are others. */
export type SeenWorkspace = { workspace: Workspace; lock: LockLook | null; config?: string | null };

/** Looks at the workspace of an iteration where its files are, here or at the site. Nothing is made, deleted or opened for writing. */
export async function lookAtWorkspace(site: Site, iterationFolder: string, resume: Resume): Promise<SeenWorkspace> {
  const { far, name } = site;
  if (!far) {
    const workspace = readWorkspace(iterationFolder, resume);
    return { workspace, lock: workspace.lock === null ? null : await site.lock(workspace.lock) };
  }
  const named = (path: string) => resolve(iterationFolder, path);
  const lock = resume.lock === null ? null : named(resume.lock);
  const look = await far.workspace(iterationFolder, { workspace: named(resume.workspace), lock, config: resume.config });
  const workspace = workspaceThere(resume, look, name, await far.address());
  return { workspace, lock: look.lock?.look ?? null, config: look.config };
}

/** The lock of a workspace, with what can be found out of its owner. Nothing is made, deleted or opened for writing. */
export async function lockOf(site: Site, look: LockLook | null, runs: readonly Run[]): Promise<LockState> {
  const nobody = { run: null, pid: null, host: null, job: null, since: null };
  if (look === null) return { state: 'free', owner: nobody, holder: '', why: 'no lock is named' };
  const owner = look.there === 'file' && look.busy === false ? ownerOf(look.body) : undefined;
  if (!owner) return judgeLock(look, { process: undefined, job: undefined });
  const process = owner.pid !== null && isHere(owner, look) ? await site.process(owner.pid) : undefined;
  return judgeLock(look, { process, job: owner.job === null ? undefined : await standingOf(site, owner, runs) });
}

/** Of a job of ours our own journal knows when it is over, also where the scheduler has forgotten it. */
async function standingOf(site: Site, { job }: Owner, runs: readonly Run[]): Promise<Standing> {
  if (job === null) return 'unknown';
  const parts = runs.filter(({ plan }) => plan.site === site.name).flatMap(partsOf);
  const ours = site.kind === 'local' ? [] : parts.filter(({ record }) => record.attempts.some(({ jobId }) => jobId === job));
  if (ours.length > 0 && ours.every(({ record }) => record.tasks.every(({ state }) => TASK_OVER.has(state)))) return 'gone';
  try {
    return await site.standing(job);
  } catch {
    return 'unknown';
  }
}
