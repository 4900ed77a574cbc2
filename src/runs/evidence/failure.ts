import { everyTask } from '../children/children.ts';
import type { Run } from '../run.ts';
import type { FailureClass } from '../types.ts';
import { FAILURE_CLASSES } from '../types.ts';
import { rootCause, taskName } from './lifecycle.ts';

export type RunFailure = { class: FailureClass; detail: string; remedy: string };

/** What to do about each class of failure. */
export const REMEDIES: Readonly<Record<FailureClass, string>> = {
  interrupted: 'it ended early on a signal with exit code 0; it can be resumed if the script can',
  drift: 'something other than what was approved would have run; see who changed it, then submit again',
  duplicate: 'a second submission ended itself; nothing is lost',
  out_of_memory: 'ask for more memory (retry_tasks asks for the double), or make the job need less',
  time_limit: 'ask for more walltime (retry_tasks asks for the double), or split the work',
  node_failure: 'retry_tasks, which keeps off that node where the scheduler can; tell the operators if it happens again',
  preempted: 'retry_tasks, or use a partition that is not preempted',
  cancelled: 'it was cancelled; retry_tasks if that was not meant',
  dependency: 'the job it waited for did not succeed; mend that one first',
  launch: 'the scheduler did not take it; change what its words name, then submit again',
  exit_code: 'read the log (read_log); retry_tasks where nothing is to be changed, else mend the cause and submit again',
  artifacts:
    'what it left behind is not as expected; retry_tasks with the tasks that made it, or mend the cause and submit again',
  lost: 'it is in no record and left no marker; look at the site before submitting again',
};

const REFUSED = /^((?:launch: )+the scheduler refused)(?: (step [^\s:]+))?: ([\s\S]+)$/;

/** The journal's words of why a run ended, apart: ours, and what the scheduler said, which is data. */
export function apart(words: string): { words: string; quoted?: string } {
  const [, ours, what = 'it', quoted] = REFUSED.exec(words) ?? [];
  return quoted === undefined ? { words } : { words: `${ours} ${what}`, quoted };
}

/** Why a run failed, from its tasks, else from the journal's words (`launch: …`, `drift: …`). Null for a run that did not. */
export function failureOf({ record }: Pick<Run, 'record'>): RunFailure | null {
  if (record.state !== 'failed' && record.state !== 'partial') return null;
  const tasks = everyTask(record);
  const bad = rootCause(tasks) ?? tasks.find((task) => task.failure !== null);
  const words = record.because ?? 'no reason is recorded';
  const named = FAILURE_CLASSES.find((one) => words.startsWith(`${one}:`));
  const kind = bad?.failure ?? named ?? 'exit_code';
  const name = bad ? taskName(bad, tasks) : '';
  const several = name === '' ? '' : `${name}: `;
  return { class: kind, detail: bad ? `${several}${bad.detail ?? kind}` : words, remedy: REMEDIES[kind] };
}
