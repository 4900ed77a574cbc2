import { shortId } from '../../base/ids.ts';
import type { History, JobTrace } from '../../sites/schedulers/scheduler.ts';
import { commandSpans } from '../results/command-log.ts';
import type { JournalledRun } from '../submission/submissions.ts';
import type { AuditLine } from './audit.ts';
import { isSubmission } from './audit-decisions.ts';
import { readComment } from './job-comment.ts';
import type { KnownName } from './known-jobs.ts';
import { commentFaults, cutLog, knownNames, lineOf, missingJobs } from './known-jobs.ts';

/** What the repository says of itself, as it was read after the scheduler was asked. */
export type Books = {
  /** `isOwn`: nobody but this repository submits there. */
  site: { name: string; user: string; isOwn: boolean };
  runs: readonly JournalledRun[];
  /** Runs from before the log began, elsewhere: nothing can be said of them. */
  older: ReadonlySet<string>;
  lines: readonly AuditLine[];
  /** Its folder, as jobs see it. */
  repository: string;
  /** The repository's mark in comments. */
  tag: string | null;
  /** Names of all jobs that this repository, and other ones of this user on this machine, have ever reserved. */
  reserved: { here: ReadonlySet<string>; elsewhere: ReadonlySet<string> };
};
export type JobFinding = { job: string; run: string | null; line: number | null; what: string };
/** `findings`: what cannot be right. `elsewhere`: jobs in our form that are another repository's, or lost; nothing says whose. */
export type Witnessed = { findings: JobFinding[]; elsewhere: JobFinding[] };

/** `ours`: of this repository, and nobody recorded it. `theirs`: in our form, and of another one or lost. `plain`: anybody's. */
type Told = { as: 'recorded' } | { as: 'plain' } | { as: 'ours' | 'theirs'; run: string | null; line?: number; what: string };

/**
 * Holds what a scheduler remembers against journals and audit log: jobs of ours that nobody recorded, records without a job, jobs whose
 * comment names another plan or decision, and jobs that appeared while a command of ours ran. `asked`: ids the site was asked for.
 */
export function holdAgainstJobs(history: History, asked: ReadonlySet<string>, books: Books): Witnessed {
  const { findings, elsewhere }: Witnessed = { findings: missingJobs(history, asked, books), elsewhere: [] };
  const known = knownNames(books.runs);
  const spans = commandSpans(books.lines);
  const children = new Set(books.runs.flatMap(({ master }) => (master?.children ?? []).map((one) => `${one.job} ${one.name}`)));
  const seen = new Set<string>();
  for (const trace of history.jobs.toSorted((a, b) => (a.submitted ?? 0) - (b.submitted ?? 0))) {
    const { id: job, name, user, submitted } = trace;
    if (user !== books.site.user) continue;
    const entry = known.get(name);
    const isFirst = !seen.has(name);
    seen.add(name);
    if (children.has(`${job} ${name}`)) continue;
    if (entry?.ids.has(job)) {
      findings.push(...commentFaults(trace, entry, books));
      continue;
    }
    const told = entry ? ofKnownName(trace, entry, books) : ofUnknownName(trace, isFirst, books);
    if (told.as === 'recorded') continue;
    const found = told.as === 'plain' ? undefined : { job, run: told.run, line: told.line ?? null, what: told.what };
    const span = spans.find(({ from, until }) => submitted !== null && submitted >= from && submitted <= until);
    if (found && told.as === 'ours') findings.push(found);
    else if (span && !books.reserved.elsewhere.has(name))
      findings.push({
        ...{ job, run: null, line: span.line },
        what: `${name} was submitted while a command of ${span.tool} ran (line ${span.line}), and nobody recorded it`,
      });
    else if (found) elsewhere.push(found);
    else if (told.as === 'plain') findings.push(...escaped(trace, books));
  }
  return { findings, elsewhere };
}

/** A job from this repository's own folder, submitted while scripts of a run were running that may submit, and not through what records it. */
function escaped({ id: job, name, folder, submitted }: JobTrace, { runs, repository, reserved }: Books): JobFinding[] {
  if (submitted === null || folder === undefined || reserved.elsewhere.has(name)) return [];
  if (folder !== repository && !folder.startsWith(`${repository}/`)) return [];
  const run = runs.find(({ master }) => master && submitted >= master.from - CLOCKS && submitted <= master.until);
  if (!run) return [];
  const what = `${name} was submitted from ${folder} while scripts of run ${run.id} could submit, and not by the sbatch that stands first on their PATH: nobody recorded it`;
  return [{ job, run: run.id, line: null, what }];
}

/** Clocks of two hosts may differ by so many seconds. */
const CLOCKS = 5;

/** A name of a journal, and an id that the journal does not have under it. */
function ofKnownName({ id, name }: JobTrace, { submission, ids }: KnownName, { older }: Books): Told {
  const { run, isRefused } = submission;
  // On its way: the next call that may change something finds it by this name.
  if (ids.size === 0 && !isRefused) return { as: 'recorded' };
  const what =
    ids.size === 0
      ? `job ${id} has the name of an attempt of which its journal says that nothing was accepted`
      : `job ${id} has the name ${name} of job ${[...ids].join(', ')}, and nobody recorded it`;
  return { as: older.has(run) ? 'theirs' : 'ours', run, what };
}

/** A name that no journal has: what its comment and the books say of it. */
function ofUnknownName({ name, comment }: JobTrace, isFirst: boolean, books: Books): Told {
  const { site, runs, older, lines, tag, reserved } = books;
  const said = comment === null ? undefined : readComment(comment);
  if (!said && !name.startsWith('al_')) return site.isOwn ? { as: 'ours', run: null, what: unrecorded(name) } : { as: 'plain' };
  const run = said?.run ?? runs.find(({ id }) => name.startsWith(`al_${shortId(id, 80)}.`))?.id ?? null;
  const isThere = runs.some(({ id }) => id === run);
  // Its folder was removed, which the log's own side tells; a second job of the name is another matter.
  if (!isThere && isFirst && run !== null && lines.some((line) => isSubmission(line) && isOf(line.run, run)))
    return { as: 'recorded' };
  const line = said?.head == null ? undefined : lineOf(said.head, books);
  const of = { run, ...(line ? { line: line.n } : {}) };
  const journal = isThere ? `the journal of run ${run} does not know it` : 'no journal knows it';
  if (line) return { as: 'ours', ...of, what: `${name} was decided on by line ${line.n} of the log, and ${journal}` };
  if (reserved.here.has(name))
    return { as: 'ours', ...of, what: `${name} is in this repository’s book of spending, and ${journal}` };
  if (said && said.repository !== null && said.repository === tag)
    return { as: 'ours', ...of, what: `${name}: ${said.head === null ? journal : cutLog(said.head)}` };
  if (site.isOwn) return { as: 'ours', ...of, what: unrecorded(name) };
  const isForeign = reserved.elsewhere.has(name) || (said?.repository ?? tag) !== tag;
  if (isThere && !isForeign && !older.has(run ?? '')) return { as: 'ours', ...of, what: `${name}: ${journal}` };
  const whose = isForeign ? 'of another repository' : 'of another repository or a lost one: nothing says whose';
  return { as: 'theirs', ...of, what: `${name} is ${whose}` };
}

function isOf(submitted: string | undefined, run: string): boolean {
  return submitted !== undefined && (run === submitted || run.startsWith(`${submitted}_r`));
}

function unrecorded(name: string): string {
  return `${name} is a job of this repository’s own runner, and nobody recorded it`;
}
