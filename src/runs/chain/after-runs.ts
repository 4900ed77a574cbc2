import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { Failure } from '../../base/errors.ts';
import type { JobScriptSpec } from '../../sites/job-script.ts';
import type { Job, JobState } from '../../sites/schedulers/scheduler.ts';
import type { Site } from '../../sites/site.ts';
import { allIterations } from '../autolab/iterations.ts';
import { everyTask } from '../children/children.ts';
import { endedWell, failureWords, isOver, rootCause, TASK_OVER } from '../evidence/lifecycle.ts';
import type { AfterRun } from '../launch/plan.ts';
import { indicesOf, maySubmit, stepOf } from '../launch/plan.ts';
import { attemptOf, current } from '../record.ts';
import type { Run } from '../run.ts';
import { gateOf, phaseOf, readRun, repoOf } from '../run.ts';
import { isInterruption, nextLeg } from './legs.ts';

/** Whether a run that another waits for has come to what that waits for, by our own journal: `waits` as long as it may. */
export type Standing = 'met' | 'waits' | { never: string; next: string };

/** The run of this id in whatever iteration it is. */
export function runAnywhere(repo: string, id: string): Run | undefined {
  const found = allIterations(repo).find(({ path }) => existsSync(join(path, 'runs', id, 'gate', 'plan.json')));
  return found && readRun(found.path, id);
}

/** What our journal says of the run that another waits for. What is not known is never taken for an end. */
export function standingOf({ on }: AfterRun, run: Run | undefined): Standing {
  if (!run) return { never: 'it is no run of ours', next: 'list_runs shows the ids; take it out of after, or name another' };
  if (run.replicates) return { never: 'it is a group of runs', next: 'name each of its runs in after' };
  const { state, sync } = run.record;
  const tasks = everyTask(run.record);
  const phase = phaseOf(run);
  if (!isOver(state) && phase !== 'released') {
    const words = phase === 'none' || phase === undefined ? 'it is not submitted' : `its submission is ${phase}`;
    return { never: words, next: 'monitor_runs finishes what was cut off; then call again' };
  }
  if (tasks.some((task) => task.state === 'unknown'))
    return { never: 'what became of its tasks is unknown', next: 'monitor_runs until that is known; then call again' };
  if (!isOver(state) && tasks.some((task) => !TASK_OVER.has(task.state)))
    return on === 'interrupted' ? ACTIVE : maySubmit(run.plan) ? SUBMITS : 'waits';
  const cause = rootCause(tasks);
  if (on === 'interrupted')
    return cause && isInterruption(cause)
      ? 'met'
      : { never: 'it was not interrupted', next: 'there is nothing to go on with; take it out of after' };
  if (on === 'any') return 'met';
  if (tasks.length === 0 || !tasks.every(endedWell) || state === 'failed' || state === 'partial')
    return { never: `it has not ended well (${failureWords(tasks)})`, next: MEND };
  if (sync.status === 'failed') return { never: `its artifacts are not as expected (${sync.detail})`, next: MEND };
  return 'met';
}

const MEND = 'mend that run first (retry_tasks), or wait for another in after';
const ACTIVE: Standing = {
  never: 'it has not ended',
  next: 'call again when it has; work that is to go on with nobody awake is one run with legs',
};

const SUBMITS: Standing = {
  never: 'its scripts submit jobs by themselves, which no dependency reaches, and not all of them have ended',
  next: 'monitor_runs until it is over; then call again',
};

/**
 * Refuses a plan whose runs to wait for are not known, cannot come to what is waited for, or are where no dependency reaches. `elsewhere`: the plan's own
 * site, which a run that may still end must share.
 */
export function refuseAfter(repo: string, after: readonly AfterRun[], site: string): void {
  for (const one of after) {
    const run = runAnywhere(repo, one.run);
    const standing = standingOf(one, run);
    if (typeof standing === 'object')
      throw new Failure('run_state', {
        what: `launch.yaml waits for run ${one.run} (on: ${one.on})`,
        why: standing.never,
        next: standing.next,
      });
    if (standing === 'waits' && run && run.plan.site !== site)
      throw new Failure('run_state', {
        what: `launch.yaml waits for run ${one.run}, which is on site ${run.plan.site}`,
        why: `a job on ${site} cannot wait for a job elsewhere`,
        next: `submit when run ${one.run} is over, or on its site`,
      });
  }
}

/** The jobs of other runs that a job waits for at the scheduler: of a step that waits for none of its own run, of runs that may still end. */
export function awaited(run: Run): Job['after'] {
  return pending(run).flatMap(({ one, parent }) =>
    deciding(parent).flatMap(({ record }) => {
      const id = current(record)?.jobId;
      return id == null || record.tasks.every(({ state }) => TASK_OVER.has(state))
        ? []
        : [{ id, on: one.on === 'success' ? ('success' as const) : ('any' as const) }];
    }),
  );
}

/** What the job script looks for besides: the ends of every task of those runs. A scheduler that has forgotten a job does not wait for it. */
export function waitSpec(run: Run): Pick<JobScriptSpec, 'ends'> {
  const ends = pending(run)
    .filter(({ one }) => one.on === 'success')
    .map(({ one, parent }) => ({
      run: one.run,
      gate: gateOf(parent),
      tasks: deciding(parent).flatMap((part) =>
        indicesOf(stepOf(part)).map((index) => `${stepOf(part).name}.${index}.${attemptOf(part.record, index)?.attempt ?? 1}`),
      ),
    }));
  return ends.length === 0 ? {} : { ends };
}

/**
 * Why what was submitted must not be let go, looked at again once it is there: a run that it waits for has failed meanwhile, or the scheduler no longer knows
 * its job, which passes for an end that was good.
 */
export async function lapsed(run: Run, site: Site): Promise<string | undefined> {
  for (const one of run.plan.after ?? []) {
    const parent = runAnywhere(repoOf(run), one.run);
    const standing = standingOf(one, parent);
    if (typeof standing === 'object') return `dependency: run ${one.run}: ${standing.never}`;
    if (standing === 'met' || !parent) continue;
    for (const { record } of deciding(parent)) {
      const attempt = current(record);
      if (!attempt || record.tasks.every(({ state }) => TASK_OVER.has(state))) continue;
      const rows = await site.find(attempt.name, Date.parse(attempt.intentAt) / 1000 - 86_400);
      if (rows.length === 0)
        return `dependency: run ${one.run}: the scheduler no longer knows its job ${attempt.jobId}, and would not wait for it`;
      const bad = one.on === 'success' ? rows.find(({ state }) => FAILED.has(state)) : undefined;
      if (bad) return `dependency: run ${one.run}: its job ${attempt.jobId} is ${bad.word}`;
    }
  }
  return undefined;
}

const FAILED: ReadonlySet<JobState> = new Set([
  'failed',
  'timeout',
  'cancelled',
  'out_of_memory',
  'node_failure',
  'preempted',
  'dependency',
]);

/**
 * What is known of the runs that this one waits for: one that did not end well, in words, and whether another is still open by our own journal. Nothing of
 * a step that waits for others of its own run.
 */
export function runsBefore(run: Run): { failed: string | undefined; open: boolean } {
  const known = { failed: undefined as string | undefined, open: false };
  for (const one of isRoot(run) ? (run.plan.after ?? []) : []) {
    const standing = standingOf(one, runAnywhere(repoOf(run), one.run));
    if (typeof standing === 'object') known.failed ??= `run ${one.run}, which it waited for: ${standing.never}`;
    known.open ||= standing === 'waits';
  }
  return known;
}

type Pending = { one: AfterRun; parent: Run };

function pending(run: Run): Pending[] {
  if (!isRoot(run)) return [];
  return (run.plan.after ?? []).flatMap((one): Pending[] => {
    const parent = runAnywhere(repoOf(run), one.run);
    return parent && standingOf(one, parent) === 'waits' ? [{ one, parent }] : [];
  });
}

function isRoot(run: Run): boolean {
  return !run.steps && !run.replicates && stepOf(run).after === undefined;
}

/** The steps whose ends are the run's: all but those that are gone on with. */
function deciding(run: Run): readonly Run[] {
  const { steps } = run.plan;
  return (run.steps ?? [run]).filter((part) => part.step === undefined || nextLeg(steps, part.step) === undefined);
}
