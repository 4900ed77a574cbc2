import type { JournalledRun, Submission } from '../submission/submissions.ts';
import type { AuditLine } from './audit.ts';
import { isSubmission, passedDecisions } from './audit-decisions.ts';
import { doublesOf } from './double-decisions.ts';

export type Reconciliation = {
  /** Runs whose journal says that something was submitted. */
  checked: number;
  /** Submitted although no decision of the log allowed it, or with a journal that cannot be read or says nothing of it. */
  unaccounted: { run: string; what: string }[];
  /** Runs that share the decision of another one, although one decision lets one run, or one group, through. */
  doubled: { run: string; what: string }[];
  /** From before the log's first line, as in a clone that brings its runs along: nothing can be said of them. */
  older: string[];
  /** Submitted by the log, and there is no such folder now. */
  gone: { run: string; what: string }[];
};

/** Holds the runs of a repository against its audit log. What the scheduler knows is `holdAgainstJobs`'s to say. */
export function reconcile(runs: readonly JournalledRun[], lines: readonly AuditLine[]): Reconciliation {
  const passed = passedDecisions(lines);
  const digests = new Set(passed.map(({ digest }) => digest));
  const byHash = new Map(passed.map(({ hash, digest }) => [hash, digest]));
  const begin = lines[0]?.at;
  const result: Reconciliation = { checked: 0, unaccounted: [], doubled: [], older: [], gone: [] };
  const submitted = new Map(lines.filter(isSubmission).map(({ run, at, n }) => [run ?? '', `submitted at ${at} (line ${n})`]));
  const accounted: JournalledRun[] = [];
  for (const run of runs) {
    const told = submitted.get(run.id);
    if (run.fault !== null) result.unaccounted.push({ run: run.id, what: `its journal cannot be read: ${run.fault}` });
    else if (run.isEmpty && told !== undefined && !run.isGroup)
      result.unaccounted.push({ run: run.id, what: `${told}, and its journal is empty` });
    const found = run.submissions.filter((one) => one.submitted);
    if (found.length === 0) continue;
    result.checked++;
    const bad = found.filter(({ decision, digest }) =>
      digest === undefined || decision === undefined ? !digests.has(digest ?? '') : byHash.get(decision) !== digest,
    );
    const late = bad.find(({ at }) => begin !== undefined && at >= begin);
    if (late) result.unaccounted.push({ run: run.id, what: wordsOf(late) });
    else if (bad.length > 0) result.older.push(run.id);
    else accounted.push(run);
  }
  result.doubled = doublesOf(accounted, passed);
  const there = new Set(runs.map(({ id }) => id));
  for (const [run, told] of submitted) if (!there.has(run)) result.gone.push({ run, what: `${told}, and its folder is gone` });
  return result;
}

function wordsOf({ at, job, digest, decision }: Submission): string {
  const what = job === undefined ? `released at ${at}` : `job ${job}, submitted at ${at}`;
  const by = decision === undefined ? '' : ` with the hash ${decision.slice(0, 12)} that its journal names`;
  return `${what}: no decision of the log${by} allowed plan ${digest?.slice(0, 16) ?? 'unknown'}`;
}
