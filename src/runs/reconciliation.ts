import { join } from 'node:path';
import { asFailure } from '../base/errors.ts';
import type { AuditLine } from './audit.ts';
import { readGroup } from './group.ts';
import { allIterations } from './iterations.ts';
import type { JournalLine } from './journal.ts';
import { readJournal } from './journal.ts';
import { runFolders } from './run.ts';

export type Reconciliation = {
  /** Runs whose journal says that something was submitted. */
  checked: number;
  /** Submitted although no decision of the log allowed it, or with a journal that cannot be read or says nothing of it. */
  unaccounted: { run: string; what: string }[];
  /** From before the log's first line, as in a clone that brings its runs along: nothing can be said of them. */
  older: string[];
  /** Submitted by the log, and there is no such folder now. */
  gone: { run: string; what: string }[];
};

/** Holds the runs of a repository against its audit log. What the scheduler knows is not asked. */
export function reconcile(repo: string, lines: readonly AuditLine[]): Reconciliation {
  const allowed = allowedDigests(lines);
  const begin = lines[0]?.at;
  const result: Reconciliation = { checked: 0, unaccounted: [], older: [], gone: [] };
  const there = new Set<string>();
  const submitted = new Map(lines.filter(isSubmission).map(({ run, at, n }) => [run ?? '', `submitted at ${at} (line ${n})`]));
  const holdAgainst = (id: string, folder: string): void => {
    const found = submissionsOf(folder);
    const told = submitted.get(id);
    if (typeof found === 'string') result.unaccounted.push({ run: id, what: `its journal cannot be read: ${found}` });
    else if (found === undefined && told !== undefined && !readGroup(folder))
      result.unaccounted.push({ run: id, what: `${told}, and its journal is empty` });
    if (typeof found !== 'object' || found.length === 0) return;
    result.checked++;
    const bad = found.filter(({ digest }) => digest === undefined || !allowed.has(digest));
    const late = bad.find(({ at }) => begin !== undefined && at >= begin);
    if (late) result.unaccounted.push({ run: id, what: wordsOf(late) });
    else if (bad.length > 0) result.older.push(id);
  };
  for (const { path } of allIterations(repo)) {
    for (const { id, ours } of runFolders(path)) {
      there.add(id);
      if (ours) holdAgainst(id, join(path, 'runs', id));
    }
  }
  for (const [run, told] of submitted) if (!there.has(run)) result.gone.push({ run, what: `${told}, and its folder is gone` });
  return result;
}

/**
 * Digests of plans that a decision let through: allowed, or asked and then carried out. Asking is one line and going on with the
 * approval another that names the same one; what an envelope answers was asked once for all, and each use says what it took.
 */
function allowedDigests(lines: readonly AuditLine[]): Set<string> {
  const allowed = new Set<string>();
  const asked = new Set<string>();
  const granted = new Set(lines.flatMap((line) => (line.kind === 'approval' && line.approval ? [line.approval] : [])));
  for (const { kind, tool, verdict, digest, approval, cost } of lines) {
    if (kind !== 'decision' || tool !== 'submit_run' || digest === undefined) continue;
    const question = `${approval} ${digest}`;
    if (verdict === 'allow' || (verdict === 'ask' && (asked.has(question) || (cost && granted.has(approval ?? '')))))
      allowed.add(digest);
    if (verdict === 'ask') asked.add(question);
  }
  return allowed;
}

function isSubmission({ kind, tool, run }: AuditLine): boolean {
  return kind === 'effect' && tool === 'submit_run' && run !== undefined;
}

type Submission = { at: string; job: string | undefined; digest: string | undefined };

/** What the journal says was submitted or released, each with the plan its intent was for; undefined where it is empty, in words why it cannot be read. */
function submissionsOf(folder: string): Submission[] | string | undefined {
  let lines: JournalLine[];
  try {
    lines = readJournal(folder);
  } catch (error) {
    return asFailure(error).message;
  }
  if (lines.length === 0) return undefined;
  const digests = new Map<string, string>();
  return lines.flatMap((line): Submission[] => {
    if (line.event === 'intent') digests.set(`${line.step}.${line.attempt}`, line.plan_digest);
    if (line.event !== 'submitted' && line.event !== 'released') return [];
    const job = line.event === 'submitted' ? line.job_id : undefined;
    return [{ at: line.at, job, digest: digests.get(`${line.step}.${line.attempt}`) }];
  });
}

function wordsOf({ at, job, digest }: Submission): string {
  const what = job === undefined ? `released at ${at}` : `job ${job}, submitted at ${at}`;
  return `${what}: no decision of the log allowed plan ${digest?.slice(0, 16) ?? 'unknown'}`;
}
