import type { AuditLine } from './audit.ts';

/** A decision of the log that let a submission through. `key` is what is used up by it: the approval, else the line itself. */
export type PassedDecision = { n: number; hash: string; digest: string; key: string };

/**
 * Decisions that let a plan through: allowed, or asked and then carried out. Asking is one line and going on with the approval another
 * that names the same one; what an envelope answers was asked once for all, and each use says what it took.
 */
export function passedDecisions(lines: readonly AuditLine[]): PassedDecision[] {
  const passed: PassedDecision[] = [];
  const asked = new Set<string>();
  const granted = new Set<string>();
  for (const { n, hash, kind, tool, verdict, digest, approval, cost } of lines) {
    if (kind === 'approval' && approval !== undefined) granted.add(approval);
    if (kind !== 'decision' || !SUBMITS.has(tool) || digest === undefined) continue;
    const question = `${approval} ${digest}`;
    if (verdict === 'allow') passed.push({ n, hash, digest, key: `line ${n}` });
    if (verdict === 'ask' && asked.has(question)) passed.push({ n, hash, digest, key: `approval ${approval}` });
    if (verdict === 'ask' && cost && granted.has(approval ?? '')) passed.push({ n, hash, digest, key: `line ${n}` });
    if (verdict === 'ask' && !cost) asked.add(question);
  }
  return passed;
}

const SUBMITS: ReadonlySet<string> = new Set(['submit_run', 'retry_tasks']);

/** Whether a line says that a run was submitted. */
export function isSubmission({ kind, tool, run }: AuditLine): boolean {
  return kind === 'effect' && SUBMITS.has(tool) && run !== undefined;
}

/**
 * The decision that let a run through: the one its journal names, else the one its effect names, else, in lines of older versions, the
 * last one before the effect that let a plan through. Undefined where the log has none.
 */
export function decisionOfRun(
  lines: readonly AuditLine[],
  run: string,
  journalled: { decision: string | undefined; digest: string | undefined } | undefined,
): AuditLine | undefined {
  if (journalled?.decision !== undefined) return lines.find(({ hash }) => hash === journalled.decision);
  const effect = lines.findLast((line) => isSubmission(line) && (line.run === run || run.startsWith(`${line.run}_r`)));
  if (effect?.decision !== undefined) return lines.find(({ n }) => n === effect.decision);
  const passed = passedDecisions(lines).findLast(
    ({ n, digest }) =>
      (effect === undefined || n < effect.n) &&
      (journalled?.digest === undefined ? effect !== undefined : digest === journalled.digest),
  );
  return passed && lines.find(({ n }) => n === passed.n);
}
