import type { Answer } from './answers.ts';
import { recordsOf, timeOf } from './gridengine-accounting.ts';
import { unusable, wordsOf } from './gridengine-answers.ts';
import { commentOf } from './gridengine-arguments.ts';
import { readName } from './gridengine-indices.ts';
import { accountingIsSilent, endedRows, needQueue } from './gridengine-look.ts';
import { queueRows } from './gridengine-queue.ts';
import { recordOf } from './gridengine-requested.ts';
import type { History, JobTrace } from './scheduler.ts';

/**
 * Every job of the user from `since` on, and those of `ids`, in the queue, in accounting, and in the list of those that ended lately, an array as one. A job that was deleted while it waited
 * is in none of them once that list has moved on (sge_conf(5), finished_jobs: 100 by default), so accounting is never whole: `reaches` is null.
 */
export function historyOf(answer: Answer, user: string, since: number, ids: readonly string[]): History {
  const at = Number(answer.fields.get('clock') ?? Number.NaN);
  if (!Number.isSafeInteger(at)) throw unusable('your jobs', 'it has no clock', answer.stderr);
  needQueue(answer, 'your jobs');
  if (!accountingIsSilent(answer)) throw unusable('your jobs', 'accounting does not answer', wordsOf(answer, 'accounting'));
  const records = recordsInQueue(answer);
  const waiting = [...queueRows(answer, () => false), ...endedRows(answer)].map(
    ({ id, name, user: owner, submitted }): JobTrace => {
      const record = records.get(id);
      const folder = record?.get('sge_o_workdir') === undefined ? undefined : record.get('cwd');
      return {
        id,
        name,
        user: owner,
        submitted: submitted ?? timeOf(record?.get('submission_time')),
        comment: commentOf(record?.get('account')),
        ...(folder === undefined ? {} : { folder }),
      };
    },
  );
  const over = recordsOf(answer, 'accounting').map(
    (fields): JobTrace => ({
      id: fields.get('jobnumber') ?? '',
      name: readName(fields.get('jobname') ?? '').name,
      user: fields.get('owner') ?? '',
      submitted: timeOf(fields.get('qsub_time')),
      comment: commentOf(fields.get('account')),
    }),
  );
  const jobs = new Map<string, JobTrace>();
  // Ids begin anew after the largest one, so that a job is told by its id and its name.
  for (const one of [...waiting, ...over]) {
    const key = `${one.id} ${one.name}`;
    const before = jobs.get(key);
    jobs.set(
      key,
      before ? { ...one, ...before, comment: before.comment ?? one.comment, submitted: before.submitted ?? one.submitted } : one,
    );
  }
  const all = [...jobs.values()].filter(
    (one) => one.user === user && (one.submitted === null || one.submitted >= since || ids.includes(one.id)),
  );
  return { at, jobs: all, reaches: null };
}

function recordsInQueue(answer: Answer): Map<string, Map<string, string>> {
  const texts = (answer.parts.get('jobs')?.text ?? '').split(/^={20,}$/m).map(recordOf);
  return new Map(texts.map((fields) => [fields.get('job_number') ?? '', fields]));
}
