import { quote } from '../../base/text.ts';
import type { Answer } from './answers.ts';
import { isUnreachable, unusable, wordsOf } from './gridengine-answers.ts';
import { queueRows } from './gridengine-queue.ts';
import type { Finding, Job } from './scheduler.ts';

/**
 * What Grid Engine says of a job without taking it: `qsub -w v` finds unknown projects, resources, queues, too many slots and limits that no queue
 * allows; `qsub -verify` says yes to all of them (8.1.9). What of the user's is in an error state has a cause that the next job may meet as well. That a host is free now is no question of it.
 */
export function findingsOf(answer: Answer, job: Job): Finding[] {
  const test = answer.parts.get('test');
  if (!test) throw unusable('the test of the job', 'it is missing', answer.stderr);
  const words = wordsOf(answer, 'test');
  if (isUnreachable(words)) throw unusable('the test of the job', `exit code ${test.exit}`, words);
  const found: Finding[] = [];
  if (test.exit !== 0 || !/found suitable queue/.test(words))
    found.push({ severity: 'error', what: 'Grid Engine would not take this job', quoted: quote(words, 500) });
  if (answer.fields.has('folder'))
    found.push({
      severity: 'error',
      what: `the output folder of ${job.stdout} cannot be written: the job would end at once without a word`,
    });
  const stuck = queueRows(answer, () => false).filter(({ blocked }) => blocked);
  for (const { id, name, reason } of stuck)
    found.push({
      severity: 'error',
      what: `your job ${id} (${name}) is in an error state: mend its cause and clear it (\`qmod -cj ${id}\`), or delete it (\`qdel ${id}\`), before more is submitted`,
      quoted: quote(reason ?? '', 300),
    });
  const rule = /^allocation_rule\s+(\S+)/m.exec(answer.parts.get('pe')?.text ?? '')?.[1];
  if (rule !== undefined && rule !== '$pe_slots' && !(/^\d+$/.test(rule) && Number(rule) >= job.requested.cpus))
    found.push({
      severity: 'warning',
      what: `the slots of parallel environment ${job.requested.names?.pe} may lie on several hosts (allocation_rule ${rule}): the script runs on the first alone`,
    });
  return found;
}

/** Of a job that cannot be handed over at all. */
export function unfitFinding(fault: { has: string; next: string }): Finding {
  return { severity: 'error', what: `the job has ${fault.has}; next: ${fault.next}` };
}
