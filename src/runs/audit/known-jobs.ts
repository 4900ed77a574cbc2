import type { History, JobTrace } from '../../sites/schedulers/scheduler.ts';
import type { JournalledRun, Submission } from '../submission/submissions.ts';
import { HEAD, readComment } from './job-comment.ts';
import type { Books, JobFinding } from './job-witness.ts';

/** A job name that a journal has, with the ids that it says were accepted under it. */
export type KnownName = { submission: Submission; ids: ReadonlySet<string> };

export function knownNames(runs: readonly JournalledRun[]): Map<string, KnownName> {
  const known = new Map<string, KnownName>();
  for (const { submissions, surplus } of runs) {
    for (const submission of submissions) {
      const { name, job } = submission;
      if (name === undefined) continue;
      const ids = new Set(surplus.filter((one) => one.name === name).map((one) => one.job));
      known.set(name, { submission, ids: job === undefined ? ids : ids.add(job) });
    }
  }
  return known;
}

/** Jobs that a journal says were accepted there, and the site does not know, as far back as it would. `asked`: the ids it was asked for. */
export function missingJobs({ jobs, reaches }: History, asked: ReadonlySet<string>, books: Books): JobFinding[] {
  const byId = new Map(jobs.map((one) => [one.id, one]));
  return books.runs
    .filter(({ id, site }) => site === books.site.name && !books.older.has(id))
    .flatMap(({ id: run, submissions }) =>
      submissions.flatMap(({ job, name, at }) => {
        if (job === undefined || !asked.has(job)) return [];
        const there = byId.get(job);
        const of = { job, run, line: null };
        if (there)
          return there.name === name ? [] : [{ ...of, what: `its job ${job} is called ${there.name} there, and not ${name}` }];
        if (reaches === null || Date.parse(at) / 1000 < reaches) return [];
        return [{ ...of, what: `its journal says job ${job} was accepted at ${at}, and the site does not know that job` }];
      }),
    );
}

/** What a recorded job's comment says otherwise than journal and audit log. A comment that is none of ours says nothing: sites change them. */
export function commentFaults({ id: job, comment }: JobTrace, { submission }: KnownName, books: Books): JobFinding[] {
  const said = comment === null ? undefined : readComment(comment);
  const { run, digest, decision } = submission;
  if (!said) return [];
  const line = said.head === null ? undefined : lineOf(said.head, books);
  const finding = (what: string): JobFinding => ({ job, run, line: line?.n ?? null, what });
  // A copy of this repository brings runs along whose decisions are in another log; this very repository does not.
  if (books.older.has(run) && said.repository !== books.tag) return [];
  const faults: JobFinding[] = [];
  if (said.run !== run) faults.push(finding(`its comment names run ${said.run}`));
  if (digest !== undefined && !digest.startsWith(said.plan))
    faults.push(finding(`its comment names plan ${said.plan}, and its journal ${digest.slice(0, 16)}`));
  if (said.head !== null && !line) faults.push(finding(cutLog(said.head)));
  else if (said.head !== null && decision !== undefined && !decision.startsWith(said.head))
    faults.push(finding(`its comment names decision ${said.head}, and its journal ${decision.slice(0, 12)}`));
  return faults;
}

/** The line of the log that a comment's head names. */
export function lineOf(head: string, { lines }: Books): Books['lines'][number] | undefined {
  const index = indices.get(lines) ?? new Map(lines.map((line) => [line.hash.slice(0, HEAD), line]));
  indices.set(lines, index);
  return head.length === HEAD ? index.get(head) : undefined;
}

/** Logs by their lines' heads: years of jobs are looked up in one log. */
const indices = new WeakMap<Books['lines'], Map<string, Books['lines'][number]>>();

export function cutLog(head: string): string {
  return `its comment names ${head} as its decision, and the audit log has no such line: it was cut or written anew`;
}
