import type { History, JobTrace } from './scheduler.ts';
import type { Answer } from './slurm-answers.ts';
import { unusable } from './slurm-answers.ts';
import { numberOf, rowsOf } from './slurm-rows.ts';

const SECONDS: Readonly<Record<string, number>> = { hour: 3600, day: 86_400, month: 28 * 86_400 };

/**
 * Every job of the user in queue and accounting, an array as one. Throws where accounting does not answer: what it does not show would
 * prove nothing. `keepsAccounting` is whether the site has any.
 */
export function historyOf(answer: Answer, keepsAccounting: boolean): History {
  const at = Number(answer.fields.get('clock') ?? Number.NaN);
  if (!Number.isSafeInteger(at)) throw unusable('your jobs', 'it has no clock', answer.stderr);
  const jobs = new Map<string, JobTrace>();
  for (const part of ['queue', 'accounting', 'unlisted'])
    for (const one of tracesOf(answer, part)) jobs.set(one.id, joined(jobs.get(one.id), one));
  const traces = [...jobs.values()];
  return { at, jobs: traces, reaches: keepsAccounting ? reachOf(answer, at, traces) : null };
}

function tracesOf(answer: Answer, part: string): JobTrace[] {
  return rowsOf(answer, part, 6).flatMap(([task = '', submit = '', user = '', name = '', comment = '', folder = '']) => {
    const id = /^\d+/.exec(task)?.[0];
    const said = comment === '' || comment === '(null)' ? null : comment;
    return id === undefined
      ? []
      : [{ id, name, user, submitted: numberOf(submit), comment: said, ...(folder.startsWith('/') ? { folder } : {}) }];
  });
}

/** Tasks of an array are rows of one job; the queue’s word comes first, since accounting may keep no comments. */
function joined(first: JobTrace | undefined, next: JobTrace): JobTrace {
  if (!first || first.name !== next.name) return first ?? next;
  const times = [first.submitted, next.submitted].filter((time) => time !== null);
  return { ...first, comment: first.comment ?? next.comment, submitted: times.length > 0 ? Math.min(...times) : null };
}

/** How far back accounting is whole: as far as it says that it purges nothing, else as its oldest job here (slurmdbd.conf(5), PurgeJobAfter). */
function reachOf(answer: Answer, at: number, traces: readonly JobTrace[]): number {
  const said = /^PurgeJobAfter\s*=\s*(\S.*)$/m.exec(answer.parts.get('purge')?.text ?? '')?.[1]?.trim();
  if (said === 'NONE') return 0;
  const [, many, unit = ''] = /^(\d+)\s*(hour|day|month)/i.exec(said ?? '') ?? [];
  const seconds = SECONDS[unit.toLowerCase()];
  if (many !== undefined && seconds !== undefined) return at - Number(many) * seconds;
  return Math.min(at, ...traces.flatMap(({ submitted }) => submitted ?? []));
}
