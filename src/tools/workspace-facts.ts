import { join, resolve, sep } from 'node:path';
import { sha256 } from '../base/digest.ts';
import { Failure } from '../base/errors.ts';
import { readText } from '../base/files.ts';
import type { Reads } from '../context.ts';
import { everyTask } from '../runs/children/children.ts';
import { isOver, TASK_OVER } from '../runs/evidence/lifecycle.ts';
import { repositoryTag } from '../runs/home.ts';
import { isSameWork } from '../runs/launch/capsule.ts';
import { indicesOf, runsOf } from '../runs/launch/plan.ts';
import type { Accepted } from '../runs/resume/accepted.ts';
import { mayHaveWritten, readAccepted, runsIn } from '../runs/resume/accepted.ts';
import type { GuardFacts, Start } from '../runs/resume/guard.ts';
import { differenceWords, judgeStart } from '../runs/resume/guard.ts';
import type { LockState } from '../runs/resume/lock-state.ts';
import type { Resume } from '../runs/resume/schema.ts';
import type { LastUser } from '../runs/resume/user.ts';
import { lastUser, noteName, readUser } from '../runs/resume/user.ts';
import { configPath } from '../runs/resume/workspace.ts';
import type { Run } from '../runs/run.ts';
import { codeOf, isUnsubmitted } from '../runs/run.ts';
import type { SeenWorkspace } from './lock-facts.ts';
import { lockOf, lookAtWorkspace } from './lock-facts.ts';
import type { Planned } from './planning.ts';

/** How a run begins in its workspace, what is accepted for it by that, and what was seen of its lock. */
export type WorkspaceFacts = {
  path: string;
  key: string;
  name: string;
  start: Start;
  lock: LockState;
  accepted: Accepted;
  user: LastUser | undefined;
};

/** Looks at the workspace of a plan and judges how the run may begin there; undefined where the plan has none. Throws where it may not. */
export async function workspaceFacts(reads: Reads, planned: Planned): Promise<WorkspaceFacts | undefined> {
  const { plan, iteration } = planned;
  const { resume } = plan;
  if (!resume) return undefined;
  refuseGroup(planned);
  const site = reads.site(plan.site);
  const seen = await lookAtWorkspace(site, iteration.path, resume);
  const { workspace } = seen;
  const config = readConfigText(planned, resume);
  const { runs, faults } = runsIn(reads.repo, workspace);
  const lock = await lockOf(site, seen.lock, runs);
  const retryOf = plan.retry?.of ?? null;
  const others = runs.filter((run) => run.id !== retryOf && !isThis(run, planned));
  const open = others.find(({ record }) => !isOver(record.state) && everyTask(record).some(({ state }) => !TASK_OVER.has(state)));
  const last = runs.filter((run) => mayHaveWritten(run) && (run.id === retryOf || !isThis(run, planned))).at(-1);
  const user = lastUser(workspace.key);
  const there = site.far && readUser(await site.far.note(noteName(workspace.path)));
  const users = [user, there].flatMap((one) => one ?? []);
  const isKnown = (one: LastUser) => one.repository === repositoryTag(reads.repo) && runs.some(({ id }) => id === one.run);
  const told = users.find((one) => !isKnown(one)) ?? user;
  const facts: GuardFacts = {
    resume,
    workspace,
    lock,
    config,
    last: last && { run: last.id, accepted: readAccepted(last) },
    user: told && { ...told, isKnown: isKnown(told) },
    open: open && { run: open.id, state: open.record.state },
    retryOf,
    unreadable: faults,
  };
  const start = judgeStart(facts);
  if (start.how === 'fresh') refuseManyFresh(planned);
  refuseOtherConfig(planned, seen, config.sha256);
  const hashes = [...start.accepted.filter((hash) => hash !== config.sha256), config.sha256];
  const its = {
    workspace: workspace.path,
    ...(workspace.site === null ? {} : { site: workspace.site, machine: workspace.machine }),
  };
  const accepted = { ...its, config: resume.config, ...config, accepted: hashes };
  return { path: workspace.path, key: workspace.key, name: workspace.name, start, lock, accepted, user };
}

/** Refused where a run of another repository was faster since the look. The caller holds the user's lock until `noteUser` has said whose it is. */
export function refuseTaken(workspace: WorkspaceFacts): void {
  const now = lastUser(workspace.key);
  if (now?.run !== workspace.user?.run || now?.repository !== workspace.user?.repository)
    throw new Failure('resume_refused', {
      what: `run ${now?.run} of the repository ${now?.path} took workspace ${workspace.name} in the meantime`,
      next: 'call again: what is there then is looked at anew',
    });
}

/** `workspace outputs: goes on from run X, generation.plan[0].sequences 10 → 20; a stale lock: …`. */
export function workspaceWords({ name, start, lock }: WorkspaceFacts): string {
  const how = {
    new: 'nothing is in it',
    resume: `goes on from run ${start.from}${start.grown.length > 0 ? `, ${differenceWords(start.grown)}` : ''}`,
    fresh: `starts afresh, giving up what ${start.from} left there`,
  }[start.how];
  return `workspace ${name}: ${how}${lock.state === 'stale' ? `; a stale lock (${lock.holder}): ${lock.why}` : ''}`;
}

/** A submission that was cut off is gone on with as the same run. */
function isThis(run: Run, planned: Planned): boolean {
  return isUnsubmitted(run) && isSameWork({ plan: run.plan, files: codeOf(run) }, planned);
}

/** Of several that begin at once each would give up what the others have begun. */
function refuseManyFresh({ plan }: Planned): void {
  const first = plan.steps.filter(({ after = [] }) => after.length === 0);
  const tasks = first.reduce((sum, step) => sum + indicesOf(step).length, 0);
  if (tasks === 1) return;
  throw new Failure('file_invalid', {
    what: `${tasks} tasks begin at once, and resume.fresh would have each of them start afresh`,
    why: 'each would give up what the others have begun',
    next: 'let a step of one task begin, and the others come after it (launch/launch.yaml), or name a new workspace',
  });
}

function refuseGroup({ plan }: Planned): void {
  if (runsOf(plan) === 1) return;
  throw new Failure('file_invalid', {
    what: `design.yaml asks for ${runsOf(plan)} replicates, and launch.yaml for one workspace (resume)`,
    why: 'runs of a group run side by side, and would write there together',
    next: 'take replicates out of design.yaml, or resume out of launch/launch.yaml',
  });
}

/** Tasks compare the configuration that they find; where it does not go along with the code, it has to be at the site already. */
function refuseOtherConfig({ plan, listing, iteration }: Planned, { workspace, config }: SeenWorkspace, hash: string): void {
  if (workspace.site === null || config === hash || !plan.resume) return;
  const path = join(plan.iteration.folder, plan.resume.config);
  const listed = `${listing?.prefix ?? ''}${path}`;
  const [own, folder] = [plan.resume.config, plan.resume.workspace].map((name) => resolve(iteration.path, name));
  const goes = plan.code === 'snapshot' && (listing?.committed.has(listed) || listing?.changed.includes(listed));
  if (goes && !own?.startsWith(`${folder}${sep}`)) return;
  throw new Failure('resume_refused', {
    what: `${plan.resume.config} ${config === null ? 'is not there' : 'is another one'} at site ${workspace.site}`,
    why: 'it does not go there with the code of a run, and what the results in the workspace are of is decided by it',
    next: `let git track it; or name ${path} in stage.extras of .autolab/sites.yaml and call stage_code`,
  });
}

function readConfigText({ plan, iteration }: Planned, resume: Resume): { text: string; sha256: string } {
  const path = configPath(iteration.path, resume);
  const text = readText(path);
  if (text === undefined)
    throw new Failure('file_missing', {
      what: `${resume.config} is not there, and resume.config names it`,
      next: `write ${path}, or name the file that decides what the results mean (launch/launch.yaml)`,
    });
  const hash = sha256(text);
  if (plan.inputs[resume.config] === hash) return { text, sha256: hash };
  throw new Failure('run_state', {
    what: `${resume.config} changed while it was read, or is not what run ${plan.retry?.of ?? ''} was planned with`,
    next: 'call again when nothing writes to it',
  });
}
