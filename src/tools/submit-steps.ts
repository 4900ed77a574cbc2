import { join } from 'node:path';
import { asFailure, Failure } from '../base/errors.ts';
import { makeFolder, writeAtomic } from '../base/files.ts';
import type { Permit } from '../base/permit.ts';
import type { Acts } from '../context.ts';
import type { StepJob } from '../runs/chain/chain-submission.ts';
import { submitChain } from '../runs/chain/chain-submission.ts';
import { pruneSnapshots } from '../runs/code/prune.ts';
import { isOver } from '../runs/evidence/lifecycle.ts';
import { reserveAll } from '../runs/groups/group-reservation.ts';
import { stateFolder } from '../runs/home.ts';
import { isSameWork } from '../runs/launch/capsule.ts';
import type { Plan } from '../runs/launch/plan.ts';
import { maySubmit, planDigest, runsOf, stepOf } from '../runs/launch/plan.ts';
import { current } from '../runs/record.ts';
import { noteUser } from '../runs/resume/user.ts';
import type { Run } from '../runs/run.ts';
import { codeOf, giveUp, isUnsubmitted, partsOf, phaseOf, readRun, reread } from '../runs/run.ts';
import { withWhole } from '../runs/run-locks.ts';
import { reservationOf, settle } from '../runs/spending/settlement.ts';
import { openSpending } from '../runs/spending/spending.ts';
import { deliver } from '../runs/submission/delivery.ts';
import type { Intent, Keep, Reserved } from '../runs/submission/reservation.ts';
import { reserveRetry } from '../runs/submission/reservation.ts';
import { submit } from '../runs/submission/submission.ts';
import { jobScript } from '../sites/job-script.ts';
import { recorderThere, scriptThere } from '../sites/place.ts';
import type { Site } from '../sites/site.ts';
import { freeze } from './freezing.ts';
import type { Planned } from './planning.ts';
import { launches, newRunId, passed, raced } from './run-choice.ts';
import type { SubmitFacts } from './submit-facts.ts';
import { tell } from './telling.ts';
import type { Granted } from './tool.ts';
import type { WorkspaceFacts } from './workspace-facts.ts';
import { refuseTaken } from './workspace-facts.ts';

/** The run, or the base of the group, and the jobs that are now to be submitted of it. `letGo` gives back the locks of their runs, which are held until then. */
export type Launch = { run: Run; jobs: Reserved[]; letGo(): void };

/** Writes everything down that will be submitted, under the budget lock: nothing of it has happened yet, and all of it counts. */
export async function reserveLaunch(
  acts: Acts,
  permit: Permit<'spend'>,
  facts: SubmitFacts,
  granted: Granted,
  { run_id, again }: { run_id?: string | undefined; again: boolean },
): Promise<Launch> {
  const { iteration, scripts, plan } = facts.planned;
  permit.check(planDigest(plan));
  const open = openLaunch(iteration.path);
  if (open && open.record.retries > 0 && !open.replicates && !again) throw retried(open);
  const reuse = open && phaseOf(open) === 'none' && isSame(open, facts.planned, again) ? open : undefined;
  if (open && !reuse && !again) await makeRoom(open);
  for (const { generated, path, text } of scripts) if (generated) writeAtomic(join(iteration.path, path), text, 0o755);
  makeFolder(join(iteration.path, 'runs'));
  facts.pace.meter.note('submit', facts.pace.key, facts.jobs?.length ?? 1);
  const runId = reuse?.id ?? newRunId(acts, iteration, run_id, runsOf(plan));
  if (facts.workspace) refuseTaken(facts.workspace);
  const frozen = await freeze(acts, facts.planned, facts.workspace);
  const intent = intentOf(acts, facts.planned, runId, granted, facts.workspace, frozen);
  return keeping(async (keep) => {
    const jobs = await reserveAll(acts.repo, intent, keep);
    if (facts.workspace) noteUser(acts.repo, facts.workspace.key, runId);
    pruneSnapshots(acts.repo);
    book(acts, plan, jobs);
    return { run: readRun(iteration.path, runId), jobs };
  });
}

/** What is reserved, with the locks that were taken for it; where it does not come about they are given back. */
async function keeping(work: (keep: Keep) => Promise<Omit<Launch, 'letGo'>>): Promise<Launch> {
  const held: (() => void)[] = [];
  const letGo = () => {
    for (const one of held.splice(0)) one();
  };
  try {
    return { ...(await work((one) => held.push(one))), letGo };
  } catch (error) {
    letGo();
    throw error;
  }
}

/** The same for tasks of a run that are run again. */
export async function reserveAgain(
  acts: Acts,
  permit: Permit<'spend'>,
  facts: SubmitFacts,
  granted: Granted,
  run: Run,
  because: string,
): Promise<Launch> {
  const { plan } = facts.planned;
  permit.check(planDigest(plan));
  facts.pace.meter.note('submit', facts.pace.key, facts.jobs?.length ?? 1);
  // What the attempts before have come to is known now, and only now.
  settle(run, openSpending(stateFolder(acts.repo)));
  if (facts.workspace) refuseTaken(facts.workspace);
  const frozen = await freeze(acts, facts.planned, facts.workspace, run);
  const intent = intentOf(acts, facts.planned, run.id, granted, facts.workspace, frozen);
  return keeping(async (keep) => {
    const reserved = await reserveRetry(acts.repo, run, intent, because, keep);
    if (facts.workspace) noteUser(acts.repo, facts.workspace.key, run.id);
    book(acts, plan, [reserved]);
    return { run: reread(run), jobs: [reserved] };
  });
}

function intentOf(
  acts: Acts,
  { plan, iteration, files, scripts }: Planned,
  runId: string,
  granted: Granted,
  workspace: WorkspaceFacts | undefined,
  frozen: Pick<Intent, 'code' | 'diff'>,
): Intent {
  const site = acts.site(plan.site);
  return {
    runId,
    iterationFolder: iteration.path,
    plan,
    files,
    ...frozen,
    scripts: Object.fromEntries(plan.steps.map(({ name }, at) => [name, scripts[at]?.text ?? ''])),
    policyVersion: granted.decision.policy_version,
    approval: granted.approval,
    by: acts.caller.client,
    version: acts.version,
    decision: granted.line?.hash ?? null,
    environment: {
      ...passed(plan.environment.pass, site.isElsewhere),
      ...(workspace ? { AUTOLAB_WORKSPACE: workspace.path, AUTOLAB_START: workspace.start.how } : {}),
    },
    ...(workspace ? { accepted: workspace.accepted } : {}),
    jobScript: (spec) => jobScript(scriptThere(site.place, spec)),
    ...recorderOf(acts, plan),
    ...(acts.site(plan.site).scheduler.failsForward ? { failsForward: true as const } : {}),
  };
}

function recorderOf(acts: Acts, plan: Plan): Pick<Intent, 'recorder'> {
  const { scheduler, place } = acts.site(plan.site);
  const recorder = maySubmit(plan) ? scheduler.recorder : undefined;
  return recorder ? { recorder: { ...recorder, text: (spec) => recorder.text(recorderThere(place, spec)) } } : {};
}

/** Nothing has been submitted yet: a crash before this counts too little of nothing, and after it too much. */
function book(acts: Acts, plan: Plan, jobs: readonly Reserved[]): void {
  openSpending(stateFolder(acts.repo)).reserve(
    jobs.flatMap(({ jobs: its }) => its.map(({ step, job }) => reservationOf(acts.repo, plan, stepOf({ plan, step }), job.name))),
  );
}

/** A retry that was cut off is gone on with as one. */
export function retried(run: Run): Failure {
  return new Failure('run_state', {
    what: `run ${run.id} was opened again to run some of its tasks, and that was cut off`,
    why: 'a submission of the whole plan would run the others, too',
    next: `call retry_tasks with run_id ${run.id}`,
  });
}

/** The launch of an iteration that is not over: there is at most one that was not asked for with `again`. */
export function openLaunch(iterationFolder: string): Run | undefined {
  return launches(iterationFolder).findLast((run) => !isOver(run.record.state) && phaseOf(run) !== undefined);
}

/** Submits what was reserved, and tells of it elsewhere, under the locks of the run: whoever is cut off here leaves both to the next call. */
export async function submitAll(
  acts: Acts,
  permit: Permit<'spend'>,
  { run, jobs, letGo }: Launch,
): Promise<{ fault: string | null; after: Run }> {
  const kept = new Set(jobs.map((one) => one.run.id));
  const work = async () => {
    const fault = await submitEach(acts, permit, jobs);
    const after = reread(run);
    await tell(acts, after);
    return { fault, after };
  };
  return withWhole(run, 'submitting', work, kept).finally(letGo);
}

/**
 * Submits one after the other, each exactly once; the caller holds their locks. Null when all is settled, else why it stopped: what is
 * left then takes a new decision, since this one is only good for this call.
 */
export async function submitEach(
  acts: Pick<Acts, 'site'>,
  permit: Permit<'spend'>,
  all: readonly Reserved[],
): Promise<string | null> {
  for (const { run, jobs } of all) {
    const before = reread(run);
    try {
      const site = acts.site(before.plan.site);
      if (jobs.length > 0) await deliver(before, site, permit);
      const after = await submitRun(before, site, jobs, permit);
      const phase = current(after.record)?.phase;
      if (phase === 'none') return `run ${run.id}: nothing of it was sent, or nothing of what was sent was accepted`;
      if (phase === 'ambiguous' || phase === 'unknown') return `run ${run.id}: the scheduler gave no answer`;
    } catch (error) {
      return asFailure(error).message;
    }
  }
  return null;
}

/** Whose locks were taken for abandoned in the meantime (this process was stopped, and is on another host) was overtaken by a recovery: what that found out stands. */
async function submitRun(run: Run, site: Site, jobs: readonly StepJob[], permit: Permit<'spend'>): Promise<Run> {
  if (run.steps) return submitChain(run, site, jobs, permit);
  const [only] = jobs;
  const attempt = current(run.record);
  return only && attempt?.phase === 'intent' && attempt.name === only.job.name ? submit(run, site, only.job, permit) : run;
}

/** Whether a launch that was cut off is gone on with. With `again` a group or a retry stays as it is, and a new run begins. */
function isSame(open: Run, planned: Planned, again: boolean): boolean {
  return (
    !(again && (open.replicates || open.record.retries > 0)) && isSameWork({ plan: open.plan, files: codeOf(open) }, planned)
  );
}

/** Another plan than that of an open launch: only one of which nothing was ever accepted makes room by itself. */
async function makeRoom(open: Run): Promise<void> {
  if (!isUnsubmitted(open)) throw raced(open);
  const accepted = partsOf(open).filter((part) => current(part.record)?.jobId != null).length;
  if (accepted === 0) {
    await withWhole(open, 'giving up', () => giveUp(open, 'cancelled: nothing of it had been submitted, and another plan came'));
    return;
  }
  throw new Failure('run_state', {
    what: `${accepted} of the ${partsOf(open).length} ${open.steps ? 'steps of run' : 'runs of group'} ${open.id} were submitted, and the plan is another one now`,
    why: `the ${open.steps ? 'steps of a run' : 'runs of a group'} are of one plan`,
    next: `put the files back and call again for the rest, or cancel_run ${open.id}, or submit a new one with again: true`,
  });
}
