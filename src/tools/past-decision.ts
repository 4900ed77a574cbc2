import * as z from 'zod';
import { Failure } from '../base/errors.ts';
import { quote } from '../base/text.ts';
import type { Reads } from '../context.ts';
import { bounded } from '../policies/explain.ts';
import type { Verdict } from '../policies/types.ts';
import { VERDICTS } from '../policies/types.ts';
import type { AuditLine } from '../runs/audit/audit.ts';
import { decisionOfRun } from '../runs/audit/audit-decisions.ts';
import { journalledRuns } from '../runs/submission/submissions.ts';
import { callerText } from './audit-lines.ts';
import type { decisionOut } from './fields.ts';
import { judgedLines } from './reason-lines.ts';

export const pastOut = z
  .object({
    line: z.number().int(),
    at: z.string(),
    run: z.string().nullable(),
    approval: z.string().nullable(),
    by: z.string(),
    policy_in_force: z.boolean().nullable().describe('Whether that policy is still the one in force; null: not recorded'),
    log_holds: z.boolean().describe('false: the log was changed, so this proves nothing'),
    left_out: z.number().int().describe('Rules that did not allow and are not recorded'),
  })
  .describe('The decision of the past that this is');

type Past = { tool: string; summary: string; decision: z.output<typeof decisionOut>; past: z.output<typeof pastOut> };

/** A decision as its line of the audit log has it: as decided then, not as it would be now. Its words are data. */
export function pastDecision(reads: Reads, asked: { decision?: string | undefined; run?: string | undefined }): Past {
  const lines = reads.audit.lines();
  const line = asked.run === undefined ? lineNamed(lines, asked.decision ?? '') : lineOfRun(reads, lines, asked.run);
  const verdict = verdictOf(line);
  const version = line.policy === undefined ? 'not recorded' : quote(line.policy, 100);
  return {
    tool: quote(line.tool, 80),
    summary: quote(line.detail ?? '', 2000),
    decision: { verdict, policy_version: version, reasons: reasonsOf(line, verdict) },
    past: {
      line: line.n,
      at: quote(line.at, 40),
      run: asked.run ?? null,
      approval: line.approval === undefined ? null : quote(line.approval, 40),
      by: line.caller ? callerText(line.caller) : 'unknown',
      policy_in_force: line.policy === undefined ? null : line.policy === reads.policy().version,
      log_holds: reads.audit.verify().ok,
      left_out: line.omitted ?? 0,
    },
  };
}

/** The same in lines: what did not allow first, and of what did the names. */
export function pastText({ tool, summary, decision, past }: Past): string {
  const { line, at, by, run, approval } = past;
  const against = decision.reasons.filter((one) => one.verdict !== 'allow');
  const allowed = decision.reasons.filter((one) => one.verdict === 'allow').map(({ rule }) => rule);
  const policy = {
    true: 'The policy it was decided under is still in force.',
    false: 'The policy has changed since.',
    null: 'Whether the policy has changed since is not recorded.',
  }[`${past.policy_in_force}`];
  return [
    `${decision.verdict}: ${summary}`,
    `Decided on ${tool} at ${at}, line ${line} of the audit log, by ${by}${run === null ? '' : `; it let run ${run} through`}${approval === null ? '' : `, with approval ${approval}`}.`,
    ...judgedLines(against),
    past.left_out === 0 ? '' : `- and ${past.left_out} more that are not in the line`,
    allowed.length === 0 ? '' : `Allowed by: ${allowed.join(', ')}`,
    policy ?? '',
    past.log_holds ? '' : 'The audit log does NOT hold, so this proves nothing: a person looks with audit verify.',
  ]
    .filter(Boolean)
    .join('\n');
}

/** By its number, else by the beginning of its hash; a number is no beginning of a hash. */
function lineNamed(lines: readonly AuditLine[], name: string): AuditLine {
  const isNumber = /^\d{1,9}$/.test(name);
  const found = lines.filter(({ n, hash }) => (isNumber ? n === Number(name) : hash.startsWith(name)));
  const [line] = found;
  if (line && found.length === 1 && line.kind === 'decision') return line;
  const what =
    found.length > 1
      ? `${found.length} lines of the audit log are named ${name}`
      : `${line ? `line ${line.n}` : name} is no decision of the audit log`;
  const why = line?.kind === 'effect' && line.decision !== undefined ? { why: `it carried out decision ${line.decision}` } : {};
  throw new Failure('usage', {
    what,
    ...why,
    next: 'name the number of its line, or the beginning of its hash, as a job’s comment has it behind head=',
  });
}

function lineOfRun(reads: Reads, lines: readonly AuditLine[], run: string): AuditLine {
  const journalled = journalledRuns(reads.repo).filter(({ id, base }) => id === run || base === run);
  const line = decisionOfRun(lines, run, journalled.flatMap(({ submissions }) => submissions).at(-1));
  if (line?.kind === 'decision') return line;
  throw new Failure('run_unknown', {
    what: `no decision of the audit log let run ${run} through`,
    why: journalled.length === 0 ? 'there is no such run of ours' : 'its journal names none that is in the log',
    next: 'list_runs shows the ids; a person looks with `autolab-mcp audit verify`',
  });
}

function verdictOf({ n, verdict }: AuditLine): Verdict {
  const known = VERDICTS.find((one) => one === verdict);
  if (known) return known;
  throw new Failure('usage', { what: `line ${n} of the audit log has no verdict`, next: 'name the line of a decision' });
}

/** Older lines hold only the rules that gave the verdict, each with its place. */
function reasonsOf({ rules, reasons, allowed }: AuditLine, verdict: Verdict): Past['decision']['reasons'] {
  if (reasons === undefined || verdict === 'allow')
    return rules.map((rule) => {
      const [name = '', ...at] = quote(rule, 300).split(' ');
      const because = verdict === 'allow' ? 'it allowed' : 'why was not recorded';
      return { rule: name, verdict, because, remedy: '', at: at.join(' ') };
    });
  return [
    ...reasons.map(({ rule, at, layer, because, quoted, limit, actual, verdict: its }) => ({
      rule: quote(rule, 200),
      verdict: VERDICTS.find((one) => one === its) ?? verdict,
      because: quote(because, 400),
      ...bounded({ quoted: quoted && quote(quoted, 400) }),
      ...(limit === undefined ? {} : { limit: quote(limit, 200) }),
      ...(actual === undefined ? {} : { actual: quote(actual, 200) }),
      remedy: '',
      at: quote(`${at}${at === layer ? '' : `, ${layer}`}`, 300),
    })),
    ...(allowed ?? []).map((rule) => ({
      rule: quote(rule, 200),
      verdict: 'allow' as const,
      because: 'it allowed',
      remedy: '',
      at: 'not recorded',
    })),
  ];
}
