import { Failure } from '../../base/errors.ts';
import { formatIndices, parseIndices } from '../../base/indices.ts';
import { quote } from '../../base/text.ts';
import type { Tasks } from './scheduler.ts';
import type { Answer } from './slurm-answers.ts';
import { isUnreachable } from './slurm-answers.ts';

/** `12`, or `12_[0-3,7]` (scontrol(1), "job_list"; tried on 22.05.8). */
export function taskList({ id, indices }: Tasks): string {
  return indices === null ? id : `${id}_[${formatIndices(indices)}]`;
}

/** What scontrol said of a hold or its end. It complains of tasks that are over and does the rest, so its exit code says nothing. */
export function saidOf(part: string): (answer: Answer) => string {
  return (answer) => {
    const words = `${answer.parts.get(part)?.text ?? ''}\n${answer.stderr}`.trim();
    if (isUnreachable(words))
      throw new Failure('scheduler_unreachable', {
        what: 'Slurm did not answer, so whether jobs are held is not known',
        next: 'call again in a minute; nothing that is running is touched',
        quoted: quote(words, 500),
      });
    return quote(words, 500);
  };
}

/** The first fields of a record, in their order. Names of ours have no blanks; what else somebody may have written stands behind these. */
const HELD =
  /^JobId=\d+ ArrayJobId=(\d+) ArrayTaskId=(\S+) (?:ArrayTaskThrottle=\d+ )?JobName=\S+ UserId=(?:(?!JobState=).)*JobState=PENDING Reason=JobHeld(?:User|Admin) Dependency=/;

/**
 * The held tasks among the records of `scontrol -o show job`. squeue puts waiting tasks of an array into one row with the reasons of all of
 * them, so that it does not say which of them is held (22.05.8).
 */
export function readHeld(text: string): ReadonlySet<string> {
  return new Set(
    text.split('\n').flatMap((line) => {
      const [, id, list = ''] = HELD.exec(line) ?? [];
      if (id === undefined) return [];
      return (parseIndices(list.replace(/%\d+$/, ''))?.indices ?? []).map((index) => `${id}_${index}`);
    }),
  );
}
