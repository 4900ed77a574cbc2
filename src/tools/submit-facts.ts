import { join } from 'node:path';
import { Failure } from '../base/errors.ts';
import type { Fact } from '../base/fact.ts';
import { isKnown, known, unknown } from '../base/fact.ts';
import { count } from '../base/text.ts';
import type { Reads } from '../context.ts';
import { editScope } from '../policies/edit-scope.ts';
import type { Price } from '../policies/price.ts';
import type { Facts } from '../policies/types.ts';
import { readManifest } from '../runs/autolab/manifest.ts';
import { readReview } from '../runs/autolab/review.ts';
import { refuseAfter } from '../runs/chain/after-runs.ts';
import { refuseOffPath } from '../runs/children/recorder.ts';
import { isOver } from '../runs/evidence/lifecycle.ts';
import { replicateIds } from '../runs/groups/group-reservation.ts';
import { stateFolders } from '../runs/home.ts';
import { editsSince, isSameWork } from '../runs/launch/capsule.ts';
import type { Plan } from '../runs/launch/plan.ts';
import { indicesOf, maySubmit, planDigest, planSubject, runsOf } from '../runs/launch/plan.ts';
import { paceOf } from '../runs/place.ts';
import type { Run } from '../runs/run.ts';
import { codeOf, isUnsubmitted, phaseOf, runFolders } from '../runs/run.ts';
import { spentBy } from '../runs/spending/spending.ts';
import { refuseRemote } from '../runs/submission/remote-submission.ts';
import { hasSbatch } from '../sites/index.ts';
import { jobScript } from '../sites/job-script.ts';
import { askerOf } from './budgets.ts';
import { changesSince } from './changes.ts';
import { failedChecks } from './check-facts.ts';
import { expectWarning } from './expect-commands.ts';
import { refuseFar } from './far-plan.ts';
import { parserWarning } from './parser-facts.ts';
import type { Planned } from './planning.ts';
import { atItsSite, planRun } from './planning.ts';
import { hours, jobsOfPlan, priceOfPlan, priceView } from './pricing.ts';
import type { Queue } from './queue-facts.ts';
import { queueAt, withElsewhere } from './queue-facts.ts';
import { lastLaunch, newestLaunches } from './run-choice.ts';
import { openLaunch } from './submit-steps.ts';
import { afterWords } from './views.ts';
import type { WorkspaceFacts } from './workspace-facts.ts';
import { workspaceFacts, workspaceWords } from './workspace-facts.ts';

export type SubmitFacts = Facts & {
  planned: Planned;
  price: Price;
  pace: ReturnType<typeof paceOf>;
  /** As the scheduler told it, before what other clones are about to add. */
  listed: Fact<Queue>;
  warning: string | null;
  /** How it begins in its workspace; absent where it has none. */
  workspace?: WorkspaceFacts;
};

/** Everything the gate wants to know of a submission. What cannot be looked up is unknown with its reason, and unknown denies. */
export async function lookAtPlan(
  reads: Reads,
  iterationId: string | undefined,
  siteName: string | undefined,
  again: boolean,
): Promise<SubmitFacts> {
  const found = whatIsLeft(await planRun(reads, iterationId, siteName), again);
  const { iteration } = found;
  if (found.plan.host_mode === 'slurm' || found.plan.site === 'slurm') refuseRemote(reads.repo, hasSbatch());
  if (!again) refuseForeign(iteration.path);
  refuseUnwritable(found);
  return judgedPlan(reads, found, failedInRow(newestLaunches(iteration.path)));
}

/** What the gate wants to know of a plan, however it came about. `failed`: how often in a row it has been tried in vain. */
export async function judgedPlan(reads: Reads, found: Planned, failed: number): Promise<SubmitFacts> {
  refuseAfter(reads.repo, found.plan.after ?? [], found.plan.site);
  await refuseFar(reads, found.plan);
  const workspace = await workspaceFacts(reads, found);
  const [planned, listed] = await Promise.all([atItsSite(reads, found), queueAt(reads, found.plan)]);
  const { plan, iteration } = planned;
  const price = priceOfPlan(plan);
  const pace = paceOf(reads.repo, plan.scheduler);
  const jobs = jobsOfPlan(plan);
  const tasks = plan.steps.reduce((sum, step) => sum + indicesOf(step).length, 0);
  const scripts = [...new Set(plan.steps.map(({ script }) => script.path))].join(', ');
  return {
    acts: [
      'submit',
      ...(plan.preflight.length > 0 ? (['run_command'] as const) : []),
      // What runs there is brought there.
      ...(reads.site(plan.site).far ? (['push'] as const) : []),
    ],
    subject: planSubject(plan),
    summary: `submit ${iteration.id} to ${plan.site}: ${scripts}, ${runsWords(plan)}${plan.steps.length > 1 ? `${plan.steps.length} steps, ` : ''}${tasks} task(s)${childrenWords(plan)}, at most ${hours(priceView(price))}${plan.after ? `, after ${afterWords(plan.after)}` : ''} (plan ${planDigest(plan).slice(0, 8)})${workspace ? `; ${workspaceWords(workspace)}` : ''}`,
    changes: changesSince(lastLaunch(iteration.path), planned),
    site: known(plan.site),
    iteration: iteration.id,
    jobs,
    ...(maySubmit(plan) && !reads.site(plan.site).scheduler.recorder ? { unrecorded: unrecordedAt(plan) } : {}),
    ...shared(reads, plan, pace, listed),
    failedInRow: known(failed),
    commands: plan.preflight,
    review: readReview(join(iteration.path, 'review_result.json')),
    checks: failedChecks(reads, 'launch', iteration.id),
    git:
      plan.capsule.why === null
        ? known({ clean: plan.capsule.clean, changed: plan.capsule.changed })
        : unknown(`git could not be read: ${plan.capsule.why}`),
    ...(await editsOf(reads, plan)),
    planned,
    price,
    pace,
    listed,
    warning: warnings(
      workspace ? `${workspaceWords(workspace)}.` : null,
      parserWarning(reads, planned.design, iteration.path, iteration.id),
      expectWarning(reads, plan),
    ),
    ...(workspace ? { workspace } : {}),
  };
}

/** The same with what all repositories of this user share as it is now. Under their common lock nobody else can have added to it. */
export function recount(reads: Reads, facts: SubmitFacts): SubmitFacts {
  return { ...facts, ...shared(reads, facts.planned.plan, facts.pace, facts.listed) };
}

function shared(
  reads: Reads,
  plan: Plan,
  pace: SubmitFacts['pace'],
  listed: Fact<Queue>,
): Required<Pick<Facts, 'queue' | 'submitsLastHour' | 'spent'>> {
  return {
    queue: withElsewhere(reads.repo, plan, listed),
    submitsLastHour: known(pace.meter.count('submit', pace.key, 3600)),
    spent: spentBy(askerOf(reads, plan), stateFolders()),
  };
}

/** Asked only where the answer decides: under a seal that knows its commit, and a policy that says where an agent may work. */
async function editsOf(reads: Reads, plan: Plan): Promise<Pick<Facts, 'edits'>> {
  const policy = reads.policy();
  const scope = editScope(policy, plan.iteration.folder);
  const commit = policy.seal.sealed?.commit;
  if (!commit || !scope) return {};
  const files = await editsSince(reads.repo, commit);
  return { edits: isKnown(files) ? { ...files, value: { files: files.value, scope: scope.folders } } : files };
}

/** Of these runs, the newest first, whose end is known: those that failed since the last that did not, each as often as it was tried. */
export function failedInRow(newest: Iterable<Run>): number {
  let failed = 0;
  for (const { record } of newest) {
    if (record.state === 'synced' || record.state === 'completed') break;
    if (isOver(record.state)) failed += 1 + record.retries;
  }
  return failed;
}

/** A run that another program has at the scheduler: a second job beside it would be the double that nobody asked for. */
function refuseForeign(iterationFolder: string): void {
  for (const { id, ours } of runFolders(iterationFolder)) {
    if (ours) continue;
    const manifest = readManifest(join(iterationFolder, 'runs', id, 'run_manifest.json'));
    if (!manifest || !FOREIGN_OPEN.has(String(manifest.status))) continue;
    throw new Failure('run_state', {
      what: `run ${id} of this iteration is ${manifest.status}, and another program submitted it`,
      why: 'a second job would run beside it',
      next: 'finish it with the program that submitted it, or say again: true (--again) if it is meant to run beside it',
    });
  }
}

const FOREIGN_OPEN: ReadonlySet<string> = new Set(['pending', 'submitted', 'running']);

/** Of a group whose submission was cut off under the same plan only the runs of which nothing was accepted. */
function whatIsLeft(planned: Planned, again: boolean): Planned {
  const open = again ? undefined : openLaunch(planned.iteration.path);
  if (!open?.replicates || phaseOf(open) !== 'none' || !isSameWork({ plan: open.plan, files: codeOf(open) }, planned))
    return planned;
  const settled = new Set(open.replicates.filter((run) => !isUnsubmitted(run)).map(({ id }) => id));
  const rest = replicateIds(open.id, runsOf(open.plan)).filter((id) => !settled.has(id));
  return { ...planned, plan: { ...planned.plan, rest } };
}

function runsWords(plan: Plan): string {
  const runs = runsOf(plan);
  if (plan.rest) return `the ${plan.rest.length} runs of ${runs} that are missing, each of `;
  return runs > 1 ? `${runs} runs, each of ` : '';
}

function unrecordedAt({ site, scheduler }: Plan): string {
  return `scheduler ${scheduler} of site ${site} has no program that a script could submit with and that could be recorded`;
}

/** ` and up to 40 jobs that its scripts submit`. */
function childrenWords({ steps }: Plan): string {
  const most = steps.reduce((sum, { submits }) => sum + (submits?.jobs ?? 0), 0);
  return most === 0 ? '' : ` and up to ${count(most, 'job')} that its scripts submit`;
}

/** What cannot be written into a job script is refused before anybody is asked, not after the approval is used up. */
function refuseUnwritable({ plan, iteration }: Planned): void {
  if (maySubmit(plan)) refuseOffPath(iteration.path);
  for (const step of plan.steps)
    jobScript({
      run: 'run',
      iteration: plan.iteration.id,
      step: step.name,
      attempt: 1,
      gate: iteration.path,
      script: { path: iteration.path, sha256: step.script.sha256 },
      args: step.args,
      cwd: iteration.path,
      modules: plan.environment.modules,
      setup: plan.environment.setup,
      set: plan.environment.set,
      jobName: step.jobName,
      requeues: step.requested.requeues,
    });
}

function warnings(...all: (string | null)[]): string | null {
  return all.filter((one) => one !== null).join(' ') || null;
}
