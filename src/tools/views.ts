import type * as z from 'zod';
import { cap } from '../base/text.ts';
import type { Decision } from '../policies/types.ts';
import { indicesText } from '../runs/array-indices.ts';
import { countTasks, endsInItsLastLeg, failureWords, isOver } from '../runs/lifecycle.ts';
import type { AfterRun } from '../runs/plan.ts';
import { current } from '../runs/record.ts';
import type { Run } from '../runs/run.ts';
import { phaseOf } from '../runs/run.ts';
import type { TaskRecord } from '../runs/types.ts';
import type { decisionOut, tasksOut } from './fields.ts';

export function decisionView(decision: Decision): z.output<typeof decisionOut> {
  return {
    verdict: decision.verdict,
    policy_version: decision.policy_version,
    reasons: decision.reasons.map(({ origin, ...reason }) => ({
      ...reason,
      at: origin.line > 0 ? `${origin.file}:${origin.line}` : origin.file,
    })),
  };
}

export function tasksView(run: Run): z.output<typeof tasksOut> {
  return countTasks(run.record.tasks);
}

/** The next legal step of a run, as an operation's name and a sentence. */
export function nextStep(run: Run): { tool: string | null; words: string } {
  const { record } = run;
  const phase = isOver(record.state) ? undefined : phaseOf(run);
  if (record.extraction) return { tool: null, words: 'done; read metrics.json and analysis/summary.md' };
  if (phase === 'none' && record.retries > 0)
    return { tool: 'retry_tasks', words: 'running tasks again was cut off: call retry_tasks again' };
  if (phase === 'none') return { tool: 'submit_run', words: unsubmittedWords(run) };
  if (phase === 'unknown')
    return { tool: 'submit_run', words: 'whether the scheduler took it is unknown: look there, then submit with again: true' };
  if (record.state === 'partial' && endsInItsLastLeg(record.tasks))
    return {
      tool: 'retry_tasks',
      words: 'interrupted in its last leg: retry_tasks goes on with one more; extract_results leaves it at that',
    };
  if (record.state === 'synced' || isOver(record.state)) return { tool: 'extract_results', words: 'extract the results' };
  if (record.state === 'pending') return { tool: 'monitor_runs', words: 'its submission was cut off: monitor_runs finishes it' };
  const counts = countTasks(record.tasks);
  if (counts.succeeded === counts.total)
    return { tool: 'sync_artifacts', words: 'every task has ended well: collect the artifacts' };
  return { tool: 'monitor_runs', words: 'wait; monitor_runs says when to look again' };
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
  const counts = countTasks(record.tasks);
  const job = run.replicates || run.steps ? null : current(record)?.jobId;
  const tasks = run.steps
    ? ` ${run.steps.map((step) => `${step.step}${stepLine(record.tasks.filter((task) => task.step === step.step))}`).join(';')}`
    : tasksLine(record.tasks, run.replicates ? 'runs' : 'tasks');
  const blocked = record.tasks.find((task) => task.blocked);
  const others =
    run.plan.after && !isOver(record.state) && record.tasks.every(isWaiting) ? `waits for ${afterWords(run.plan.after)}` : null;
  const waits =
    others ??
    record.tasks.find((task) => task.detail && task.state !== 'continued' && !task.unneeded && !isOver(record.state))?.detail;
  const ended =
    record.state === 'running' && counts.succeeded === counts.total ? ' (every task has ended well; not collected yet)' : '';
  const why = blocked
    ? ` BLOCKED: ${blocked.detail}`
    : record.state === 'failed'
      ? ` (${whyFailed(run)})`
      : waits
        ? ` (${waits})`
        : '';
  return `${run.id} ${record.state}${job ? ` job ${job} on ${run.plan.site}` : ''}${tasks}${ended}${why}`;
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
  return cap(indicesText(failed.map(({ index }) => index)), 60);
}

/** Why a run failed: its tasks' words, else the journal's. */
export function whyFailed(run: Run): string {
  const words = failureWords(run.record.tasks);
  return words === 'no task failed' ? (run.record.because ?? 'no reason is recorded') : words;
}
