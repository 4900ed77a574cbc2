import * as z from 'zod';
import { Failure } from '../base/errors.ts';
import { smallestChange } from '../policies/explain.ts';
import { decisionOut, runField } from './fields.ts';
import { pastDecision, pastOut, pastText } from './past-decision.ts';
import { judgedLines } from './reason-lines.ts';
import { defineTool } from './tool.ts';
import { decisionView } from './views.ts';

const input = z.strictObject({
  tool: z.string().min(1).max(60).default('submit_run').describe('Operation that would be called'),
  arguments: z.record(z.string(), z.unknown()).default({}).describe('Its arguments'),
  decision: z
    .string()
    .regex(/^(?:\d{1,9}|[0-9a-f]{6,64})$/, 'expected the number of a line of the audit log, or the beginning of its hash')
    .optional()
    .describe('A past decision instead, as decided then: its line in the audit log, or the beginning of its hash'),
  run: runField.optional().describe('The past decision that let this run through'),
});
const output = z.object({
  tool: z.string(),
  summary: z.string(),
  decision: decisionOut,
  change_request: z.array(z.string()).describe('The smallest change of the request that would pass'),
  change_policy: z.array(z.string()).describe('What a person would change in the policy instead, with file and line'),
  would_run: z.array(z.array(z.string())).describe('Commands that would run first and can still say no'),
  past: pastOut.optional(),
});

export default defineTool({
  name: 'explain_policy',
  command: ['policy', 'explain'],
  positional: ['tool'],
  title: 'Say what the gate would decide, and why',
  description:
    'The very decision the gate would take on a call after looking, with every rule, its file and line, limit and actual value, and the smallest change that would pass; or one it took before (decision, run). Nothing is run or changed.',
  audience: 'agent',
  effect: 'read',
  input,
  output,
  facts: async () => ({ acts: ['read'], subject: { explain: 'policy' }, summary: 'explain a decision' }),
  handle: async ({ tool, arguments: its, decision: line, run }, acts) => {
    if (line !== undefined || run !== undefined) {
      if (line !== undefined && run !== undefined)
        throw new Failure('usage', { what: 'a decision and a run are named', next: 'name one of them' });
      return { ...pastDecision(acts, { decision: line, run }), change_request: [], change_policy: [], would_run: [] };
    }
    if (tool === 'explain_policy')
      throw new Failure('usage', { what: 'explain_policy does not explain itself', next: 'name another operation' });
    const { facts, decision } = await acts.look(tool, its);
    const change = smallestChange(acts.policy(), facts);
    return {
      tool,
      summary: facts.summary,
      decision: decisionView(decision),
      change_request: [...change.request],
      change_policy: [...change.policy],
      would_run: (facts.commands ?? []).map((argv) => [...argv]),
    };
  },
  text: ({ past, ...out }) => (past ? pastText({ ...out, past }) : presentText(out)),
});

function presentText(out: Omit<z.output<typeof output>, 'past'>): string {
  return [
    `${out.decision.verdict}: ${out.summary}`,
    ...judgedLines(out.decision.reasons),
    ...out.change_request.map((one) => `To pass, change the request: ${one}`),
    ...out.change_policy.map((one) => `Or a person changes the policy: ${one}`),
  ].join('\n');
}
