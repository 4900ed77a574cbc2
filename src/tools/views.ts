import type * as z from 'zod';
import { formatIndices } from '../base/indices.ts';
import { boundary, cap } from '../base/text.ts';
import { bounded } from '../policies/explain.ts';
import type { Decision } from '../policies/types.ts';
import { childName, childrenLine, danglingChildren, everyTask, openChildren } from '../runs/children/children.ts';
import { apart } from '../runs/evidence/failure.ts';
import { countTasks, endsInItsLastLeg, failureWords, isOver, rootCause, TASK_OVER } from '../runs/evidence/lifecycle.ts';
import type { AfterRun } from '../runs/launch/plan.ts';
import { current } from '../runs/record.ts';
import type { Run } from '../runs/run.ts';
import { phaseOf } from '../runs/run.ts';
import type { FailureClass, TaskRecord } from '../runs/types.ts';
import type { decisionOut, tasksOut } from './fields.ts';

export function decisionView(decision: Decision): z.output<typeof decisionOut> {
  return {
    verdict: decision.verdict,
    policy_version: decision.policy_version,
    reasons: decision.reasons.map(({ origin, quoted, ...reason }) => ({
      ...reason,
      ...bounded({ quoted }),
      at: origin.line > 0 ? `${origin.file}:${origin.line}` : origin.file,
    })),
  };
}

export function tasksView(run: Run): z.output<typeof tasksOut> {
  return countTasks(run.record.tasks);
}

/** The next legal step of a run, as an operation's name and a sentence. `rather`: what may be done before it, and can mend the run. */
export function nextStep(run: Run): { tool: string | null; words: string; rather?: string } {
  const { record } = run;
  const phase = isOver(record.state) ? undefined : phaseOf(run);
  if (record.extraction) return { tool: null, words: 'done; read metrics.json and analysis/summary.md' };
  if (phase === 'none' && record.retries > 0)
    return { tool: 'retry_tasks', words: 'running tasks again was cut off: call retry_tasks again' };
  if (phase === 'none') return { tool: 'submit_run', words: unsubmittedWords(run) };
  if (phase === 'unknown')
    return {
      tool: 'submit_run',
      words:
        'whether the scheduler took it is unknown: look there; then cancel_run gives it up, and submit_run with again: true begins anew',
    };
  if (record.state === 'partial' && endsInItsLastLeg(record.tasks))
    return {
      tool: 'retry_tasks',
      words: 'interrupted in its last leg: retry_tasks goes on with one more; extract_results leaves it at that',
    };
  if (isOver(record.state) && record.refused !== null)
    return {
      tool: 'extract_results',
      rather: 'submit_run',
      words:
        'mend what the scheduler named and submit again, with again: true where the plan stays as it is; extract_results leaves it at that',
    };
  if (isOver(record.state) && canMend(run))
    return {
      tool: 'extract_results',
      rather: 'retry_tasks',
      words: 'retry_tasks runs again what did not end well; extract_results takes the results as they are',
    };
  if (record.state === 'synced' || isOver(record.state)) return { tool: 'extract_results', words: 'extract the results' };
  if (record.state === 'pending') return { tool: 'monitor_runs', words: 'its submission was cut off: monitor_runs finishes it' };
  if (phase === 'submitted' || phase === 'releasing')
    return {
      tool: 'monitor_runs',
      words: 'it is not let go yet: monitor_runs goes on with that, and doctor tells what is in the way',
    };
  const counts = countTasks(everyTask(record));
  const dangling = danglingChildren(record);
  if (dangling.length > 0)
    return {
      tool: 'cancel_run',
      words: `${cap(dangling.map(childName).join(', '), 200)} will never start: cancel_run ${run.id} ends what is left of it`,
    };
  if (record.cancelling && record.tasks.every(({ state }) => TASK_OVER.has(state)) && openChildren(record).length > 0)
    return {
      tool: 'cancel_run',
      words: 'jobs that its scripts submitted may still be there: cancel_run again if the next look shows them',
    };
  if (record.sync.status === 'failed' && counts.succeeded === counts.total)
    return { tool: 'sync_artifacts', words: run.replicates ? MEND.replace('retry_tasks', 'retry_tasks of its run') : MEND };
  if (counts.succeeded === counts.total)
    return { tool: 'sync_artifacts', words: 'every task has ended well: collect the artifacts' };
  return { tool: 'monitor_runs', words: 'wait; monitor_runs says when to look again' };
}

const MEND =
  'mend what is not as expected and call sync_artifacts again, or run the tasks that made it again (retry_tasks); where it cannot become right, extract_results with close: true (--close) ends the run as failed';

/** What a task failed of that may go well the next time, or with more of what was too little. */
const MENDABLE: ReadonlySet<string | null> = new Set<FailureClass>([
  'exit_code',
  'interrupted',
  'out_of_memory',
  'time_limit',
  'node_failure',
  'preempted',
]);

function canMend({ record: { tasks }, replicates }: Run): boolean {
  return !replicates && MENDABLE.has(rootCause(tasks)?.failure ?? null);
}

/** `retry_tasks or extract_results`: what there is to be done, what mends first. Empty where nothing is but waiting. */
export function nextTools({ tool, rather }: { tool: string | null; rather?: string | undefined }): string {
  return [rather, tool].filter(Boolean).join(' or ');
}

function unsubmittedWords(run: Run): string {
  const parts = run.replicates ?? run.steps;
  if (!parts) return 'nothing had been accepted by the scheduler: submit again';
  const accepted = parts.filter((one) => current(one.record)?.jobId != null).length;
  return `${accepted} of the ${run.replicates ? `${run.record.tasks.length} runs of the group` : `${parts.length} steps`} were submitted: submit again for the rest`;
}

/** Where a run stands, in one line. */
export function runLine(run: Run): string {
  const { record } = run;
  const job = run.replicates || run.steps ? null : current(record)?.jobId;
  const tasks = run.steps
    ? ` ${run.steps.map((step) => `${step.step}${stepLine(record.tasks.filter((task) => task.step === step.step))}`).join(';')}`
    : tasksLine(record.tasks, run.replicates ? 'runs' : 'tasks');
  const all = everyTask(record);
  const blocked = all.find((task) => task.blocked);
  const others =
    run.plan.after && !isOver(record.state) && record.tasks.every(isWaiting) ? `waits for ${afterWords(run.plan.after)}` : null;
  const waits =
    others ??
    record.tasks.find((task) => task.detail && task.state !== 'continued' && !task.unneeded && !isOver(record.state))?.detail;
  const children = childrenLine(record);
  const ended =
    record.state === 'running' && countTasks(all).succeeded === all.length
      ? ` (every task has ended well; ${record.sync.status === 'failed' ? 'its artifacts are not as expected' : 'not collected yet'})`
      : '';
  const why = blocked
    ? ` BLOCKED: ${blocked.detail}`
    : record.state === 'failed'
      ? ` (${whyFailed(run).words})`
      : waits
        ? ` (${waits})`
        : '';
  return `${run.id} ${record.state}${job ? ` job ${job} on ${run.plan.site}` : ''}${tasks}${children === '' ? '' : `; ${children}`}${ended}${why}`;
}

function isWaiting({ state }: TaskRecord): boolean {
  return state === 'pending' || state === 'held';
}

/** `run 1, run 2 however it ends`. */
export function afterWords(after: readonly AfterRun[]): string {
  return after
    .map(
      ({ run, on }) => `run ${run}${on === 'any' ? ', however it ends' : on === 'interrupted' ? ', which was interrupted' : ''}`,
    )
    .join('; ');
}

/** Where a step stands: of many tasks how many, of a single one its state. */
function stepLine(tasks: readonly TaskRecord[]): string {
  const [first] = tasks;
  return tasksLine(tasks, 'tasks') || ` ${first?.unneeded ? 'not needed' : (first?.state ?? 'unknown')}`;
}

/** ` 28/32 tasks done, 3 running, 1 failed: 7`; nothing for a single task. */
function tasksLine(tasks: readonly TaskRecord[], word: string): string {
  const counts = countTasks(tasks);
  if (counts.total <= 1) return '';
  const bad = counts.failed + counts.interrupted;
  const continued = tasks.filter(({ state }) => state === 'continued').length;
  const unneeded = tasks.filter((task) => task.unneeded).length;
  return [
    ` ${counts.succeeded}/${counts.total} ${word} done`,
    continued ? `${continued} of them gone on with` : '',
    unneeded ? `${unneeded} of them not needed` : '',
    counts.running ? `${counts.running} running` : '',
    bad ? `${bad} failed: ${failedText(tasks)}` : '',
    counts.unknown ? `${counts.unknown} unknown` : '',
  ]
    .filter(Boolean)
    .join(', ');
}

/** Which tasks, shortly: `3,7-9`. */
function failedText(tasks: readonly TaskRecord[]): string {
  const failed = tasks.filter(({ state }) => state === 'failed' || state === 'interrupted');
  return cap(formatIndices(failed.map(({ index }) => index)), 60);
}

/** Why a run failed: its tasks' words, else the journal's; and what the scheduler said of it, as data between its own marks. */
export function whyFailed(run: Run): { words: string; quoted?: string } {
  const words = failureWords(everyTask(run.record));
  const told = apart(words === 'no task failed' ? (run.record.because ?? 'no reason is recorded') : words);
  const [quoted] = [run, ...(run.replicates ?? [])].flatMap(({ record }) => apart(record.because ?? '').quoted ?? []);
  return { words: told.words, ...(quoted === undefined ? {} : { quoted: schedulerSaid(quoted) }) };
}

/** What a scheduler said, as data between its own marks. */
export function schedulerSaid(words: string): string {
  return boundary(words, 'scheduler-text');
}

/** The same beside a run that failed; nothing beside another. */
export function refusalView(run: Run): { scheduler_said?: string } {
  const { quoted } = run.record.state === 'failed' ? whyFailed(run) : {};
  return quoted === undefined ? {} : { scheduler_said: quoted };
}
