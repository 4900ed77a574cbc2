import { digest } from '../base/digest.ts';
import type { Context } from '../context.ts';
import type { Decision, Facts } from '../policies/types.ts';
import type { AuditEntry } from '../runs/audit.ts';
import type { Caller, Tool } from './tool.ts';

/** One line, where there is a repository to hold the log. */
export async function audit(context: Context, line: AuditEntry): Promise<void> {
  if (context.initialised()) await context.audit().append(line);
}

/** The line of a decision: its verdict and the rules that gave it, each with its place. */
export function entry(tool: Tool, caller: Caller, decision: Decision, facts: Facts, more: Partial<AuditEntry>): AuditEntry {
  return {
    kind: 'decision',
    tool: tool.name,
    caller: who(caller),
    verdict: decision.verdict,
    rules: decision.reasons
      .filter((reason) => reason.verdict === decision.verdict)
      .map((reason) => `${reason.rule} ${reason.origin.file}:${reason.origin.line}`),
    digest: digest(facts.subject),
    detail: facts.summary,
    ...more,
  };
}

export function who(caller: Caller): AuditEntry['caller'] {
  return { surface: caller.surface, client: caller.client, uid: caller.uid, host: caller.host };
}
