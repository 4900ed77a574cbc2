import * as z from 'zod';
import { Failure } from '../base/errors.ts';
import { instant, RUN_ID } from '../base/ids.ts';
import { quote } from '../base/text.ts';
import { VERDICTS } from '../policies/types.ts';
import { parseDuration } from '../policies/units.ts';
import type { AuditLine } from '../runs/audit/audit.ts';
import { callerText } from './audit-lines.ts';
import { defineTool } from './tool.ts';

const input = z.strictObject({
  tool: z.string().min(1).max(60).optional().describe('Only lines of this operation'),
  verdict: z.enum(VERDICTS).optional().describe('Only decisions with this verdict'),
  run: z.string().regex(RUN_ID, 'expected a run id').optional().describe('Only lines of this run, or of the runs of this group'),
  since: z
    .string()
    .max(40)
    .optional()
    .describe('Only lines since then: a time such as 2026-01-31T08:00:00Z, or how long ago: 8h, 90m, 2d'),
  head: z
    .string()
    .regex(/^[0-9a-f]{6,64}$/, 'expected the beginning of a hash, as a job comment has it behind head=')
    .optional()
    .describe('Only the line with this hash, or one that begins so'),
  limit: z.number().int().min(1).max(1000).default(50).describe('At most so many lines, the newest'),
  text: z.string().min(1).max(200).optional().describe('Only lines with this text in their words'),
  verify: z.boolean().default(false).describe('Also say whether the chain of the lines holds'),
});
const lineOut = z.object({
  n: z.number().int(),
  at: z.string(),
  kind: z.string(),
  tool: z.string(),
  verdict: z.string().nullable(),
  rules: z.array(z.string()),
  run: z.string().nullable(),
  approval: z.string().nullable(),
  caller: z.string(),
  detail: z.string(),
  hash: z.string(),
});
const output = z.object({
  lines: z.array(lineOut).describe('The newest last'),
  matching: z.number().int().describe('How many lines match, shown or not'),
  chain: z
    .object({ holds: z.boolean(), findings: z.array(z.string()) })
    .optional()
    .describe('Only with verify'),
});

export default defineTool({
  name: 'show_audit',
  command: ['audit', 'show'],
  title: 'Show what was decided and done',
  description:
    'Lines of the audit log: decisions, effects, refusals, approvals, recoveries, the newest last. It shows what is there; audit verify says whether it is what was written.',
  audience: 'person',
  effect: 'read',
  input,
  output,
  facts: async () => ({ acts: ['read'], subject: { show: 'audit' }, summary: 'show the audit log' }),
  handle: async ({ tool, verdict, run, since, head, limit, text, verify }, acts) => {
    const from = since === undefined ? '' : timeOf(since);
    const found = acts.audit
      .lines()
      .filter(
        (one) =>
          (tool === undefined || one.tool === tool) &&
          (verdict === undefined || one.verdict === verdict) &&
          (run === undefined || one.run === run || one.run?.startsWith(`${run}_r`) === true) &&
          (head === undefined || one.hash.startsWith(head)) &&
          (text === undefined || wordsOf(one).includes(text.toLowerCase())) &&
          one.at >= from,
      );
    const chain = verify ? acts.audit.verify() : undefined;
    return {
      lines: found.slice(-limit).map(view),
      matching: found.length,
      ...(chain ? { chain: { holds: chain.ok, findings: chain.findings.slice(0, 20).map((one) => quote(one, 400)) } } : {}),
    };
  },
  text: (out) =>
    [
      ...out.lines.map(({ n, at, kind, tool, verdict, run, approval, caller, detail, rules }) =>
        [
          `${n} ${at} ${kind}${verdict === null ? '' : ` ${verdict}`} ${tool}`,
          run === null ? '' : `run=${run}`,
          approval === null ? '' : `approval=${approval}`,
          `by ${caller}`,
          verdict === null || verdict === 'allow' ? '' : `[${rules.join(', ')}]`,
          quote(detail.replaceAll('\n', ' '), 160),
        ]
          .filter(Boolean)
          .join(' '),
      ),
      out.lines.length === out.matching ? '' : `${out.matching - out.lines.length} older lines match too: --limit`,
      out.matching === 0 ? 'No line matches.' : '',
      out.chain ? (out.chain.holds ? 'The chain holds.' : `The chain does NOT hold: ${out.chain.findings.join('; ')}`) : '',
    ]
      .filter(Boolean)
      .join('\n'),
});

/** What somebody else may have written there is shown as text and no more. */
function view(one: AuditLine): z.output<typeof lineOut> {
  const word = (text: string | undefined) => (text === undefined ? null : quote(text, 200));
  return {
    n: one.n,
    at: quote(one.at, 40),
    kind: quote(one.kind, 40),
    tool: quote(one.tool, 80),
    verdict: word(one.verdict),
    rules: one.rules.map((rule) => quote(rule, 200)),
    run: word(one.run),
    approval: word(one.approval),
    caller: one.caller ? callerText(one.caller) : 'unknown',
    detail: quote(one.detail ?? '', 2000),
    hash: quote(one.hash, 64),
  };
}

function wordsOf({ tool, run, approval, detail, rules }: AuditLine): string {
  return [tool, run, approval, detail, ...rules].join(' ').toLowerCase();
}

function timeOf(since: string): string {
  const ago = parseDuration(since);
  if (ago !== undefined) return instant(new Date(Date.now() - ago * 1000));
  const time = Date.parse(since);
  if (!Number.isNaN(time)) return instant(new Date(time));
  throw new Failure('usage', {
    what: `--since ${JSON.stringify(since)} is no time`,
    next: 'write 2026-01-31T08:00:00Z, or how long ago: 8h, 90m, 2d',
  });
}
