import { digest } from '../base/digest.ts';
import { isKnown } from '../base/fact.ts';
import { cap, quote } from '../base/text.ts';
import type { Context } from '../context.ts';
import { place } from '../policies/explain.ts';
import type { Decision, Facts } from '../policies/types.ts';
import type { AuditEntry, AuditRef } from '../runs/audit/audit.ts';
import type { Caller, Tool } from './tool.ts';

/** So many rules that did not allow are told in a line, each in so few words. */
const REASONS = 20;
const BECAUSE = 300;
const FIGURE = 120;

/** One line, where there is a repository to hold the log. */
export async function audit(context: Context, line: AuditEntry): Promise<AuditRef | undefined> {
  return context.initialised() ? context.audit().append(line) : undefined;
}

/** The same of many, in one write. */
export async function auditAll(context: Context, lines: readonly AuditEntry[]): Promise<void> {
  if (lines.length > 0 && context.initialised()) await context.audit().appendAll(lines);
}

/** The line of a decision: its verdict and the rules that gave it, each with its place; of those that did not allow, all that explains them later. */
export function entry(tool: Tool, caller: Caller, decision: Decision, facts: Facts, more: Partial<AuditEntry>): AuditEntry {
  return {
    kind: 'decision',
    tool: tool.name,
    caller: who(caller),
    verdict: decision.verdict,
    rules: decision.reasons
      .filter((reason) => reason.verdict === decision.verdict)
      .map((reason) => `${reason.rule} ${reason.origin.file}:${reason.origin.line}`),
    ...told(decision),
    policy: decision.policy_version,
    ...(facts.site && isKnown(facts.site) ? { site: facts.site.value } : {}),
    digest: digest(facts.subject),
    detail: facts.summary,
    ...more,
  };
}

function told({ reasons }: Decision): Partial<AuditEntry> {
  const against = reasons.filter(({ verdict }) => verdict !== 'allow');
  if (against.length === 0) return {};
  return {
    reasons: against.slice(0, REASONS).map(({ rule, verdict, origin, limit, actual, because, quoted }) => ({
      rule,
      verdict,
      layer: origin.layer,
      at: place(origin),
      ...(limit === undefined ? {} : { limit: cap(limit, FIGURE) }),
      ...(actual === undefined ? {} : { actual: cap(actual, FIGURE) }),
      because: cap(because, BECAUSE),
      ...(quoted === undefined ? {} : { quoted: cap(quoted, BECAUSE) }),
    })),
    allowed: reasons.filter(({ verdict }) => verdict === 'allow').map(({ rule }) => rule),
    ...(against.length > REASONS ? { omitted: against.length - REASONS } : {}),
  };
}

export function who(caller: Caller): AuditEntry['caller'] {
  const { surface, client, uid, host, token } = caller;
  return { surface, client, uid, host, ...(token === undefined ? {} : { token }) };
}

/** Who it was, in a line for people. */
export function callerText({
  surface,
  client,
  host,
  token,
}: Omit<AuditEntry['caller'], 'token'> & { token?: string | undefined }): string {
  return quote(`${surface}/${client}@${host}${token === undefined ? '' : ` (token ${token})`}`, 200);
}
