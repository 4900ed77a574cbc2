import type { AuditLine } from '../../runs/audit/audit.ts';
import { decisionOfRun } from '../../runs/audit/audit-decisions.ts';
import { callerText } from '../audit-lines.ts';

/** A line of the audit log that decided something about an iteration: the gate, or a person. */
export type DecisionRow = {
  n: number;
  at: string;
  what: string;
  verdict: string;
  /** Each rule with its file and line, and why it did not allow. */
  reasons: string[];
  by: string;
  approval: string | null;
  /** What came of it, where an effect names it. */
  run: string | null;
};

/** The runs of an iteration, as the log may name them. */
export type Wanted = { iteration: string; runs: readonly { id: string; digests: readonly string[] }[] };

/**
 * Decisions, approvals and refusals about an iteration, the oldest first: those that an effect of its runs names, those that name a run or the
 * iteration in their own words, and what people said to the approvals these asked for.
 */
export function decisionsAbout(lines: readonly AuditLine[], { iteration, runs }: Wanted): DecisionRow[] {
  const ids = new Set(runs.map(({ id }) => id));
  const effects = lines.filter(({ kind, run }) => kind === 'effect' && run !== undefined && ids.has(run));
  const runOf = new Map(
    effects.flatMap(({ decision, run }) => (decision === undefined ? [] : [[decision, run ?? null] as const])),
  );
  const told = new Set(runOf.values());
  for (const { id, digests } of runs) {
    if (told.has(id)) continue;
    const found = decisionOfRun(lines, id, { decision: undefined, digest: digests.at(0) });
    if (found && !runOf.has(found.n)) runOf.set(found.n, id);
  }
  const digests = new Set(runs.flatMap((one) => one.digests));
  const isNamed = ({ detail = '', run, digest }: AuditLine) =>
    (run !== undefined && ids.has(run)) ||
    (digest !== undefined && digests.has(digest)) ||
    detail.startsWith(`submit ${iteration} to `) ||
    detail.split(/[^A-Za-z0-9._-]+/).some((word) => ids.has(word.replace(/\.+$/, '')));
  const decided = lines.filter((line) => DECIDES.has(line.kind) && (runOf.has(line.n) || isNamed(line)));
  const approvals = new Set(decided.flatMap(({ approval }) => approval ?? []));
  const chosen = new Set(decided.map(({ n }) => n));
  return lines
    .filter((line) => chosen.has(line.n) || (line.kind === 'approval' && approvals.has(line.approval ?? '')))
    .map((line) => row(line, runOf.get(line.n) ?? line.run ?? null));
}

const DECIDES: ReadonlySet<string> = new Set(['decision', 'refusal']);

function row(line: AuditLine, run: string | null): DecisionRow {
  const told = (line.reasons ?? []).map(
    ({ rule, verdict, at, because, limit, actual }) =>
      `${verdict}: ${rule} (${at}): ${because}${limit === undefined ? '' : `; limit ${limit}`}${actual === undefined ? '' : `, here ${actual}`}`,
  );
  return {
    n: line.n,
    at: line.at,
    what: `${line.tool}: ${line.detail?.split('\n')[0] ?? ''}`,
    verdict: line.kind === 'decision' ? (line.verdict ?? 'unknown') : line.kind,
    reasons: told.length > 0 ? told : [...new Set(line.rules)],
    by: line.caller ? callerText(line.caller) : 'unknown',
    approval: line.approval ?? null,
    run,
  };
}
