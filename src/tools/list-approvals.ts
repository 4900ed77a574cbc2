import * as z from 'zod';
import { APPROVAL_ID } from '../base/ids.ts';
import { quote } from '../base/text.ts';
import type { Approval } from '../policies/approvals.ts';
import { envelopeOf, usedWords } from '../policies/envelope.ts';
import { place } from '../policies/explain.ts';
import { APPROVE } from '../policies/gate-schema.ts';
import { defineTool } from './tool.ts';

const input = z.strictObject({
  id: z
    .string()
    .regex(APPROVAL_ID, 'expected an approval id such as ap_1a2b3c4d5e6f')
    .optional()
    .describe('One approval in detail'),
  all: z.boolean().default(false).describe('Also those that are used, refused or expired'),
});
const approvalOut = z.object({
  id: z.string(),
  state: z.string(),
  summary: z.string(),
  digest: z.string(),
  created: z.string(),
  expires: z.string(),
  asked_by: z.array(z.string()).describe('The rules that asked, with file and line'),
  changes: z.array(z.string()).optional().describe('What is new since the last run; only for one approval in detail'),
  note: z.string().optional().describe('Why it was refused'),
  used: z.string().optional().describe('Of an envelope: how much of it is gone'),
  subject: z.unknown().optional().describe('What would be done, as data; only for one approval in detail'),
});
const output = z.object({
  approvals: z.array(approvalOut),
  unreadable: z.array(z.string()).describe('Files of approvals that are torn or altered'),
  how: z.enum(APPROVE).describe('How they are granted here'),
});

export default defineTool({
  name: 'list_approvals',
  command: ['approvals'],
  positional: ['id'],
  title: 'What waits for a person',
  description: 'The approvals that wait or are granted and not used yet.',
  audience: 'person',
  effect: 'read',
  input,
  output,
  facts: async () => ({ acts: ['read'], subject: { list: 'approvals' }, summary: 'list approvals' }),
  handle: async ({ id, all }, acts) => {
    const now = new Date();
    const how = acts.policy().gate.approve;
    if (id !== undefined) {
      const one = acts.approvals.get(id, now);
      return {
        approvals: [{ ...view(one), ...(one.changes ? { changes: one.changes } : {}), subject: one.subject }],
        unreadable: [],
        how,
      };
    }
    const { approvals, unreadable } = acts.approvals.list(now);
    const wanted = approvals.filter((one) => all || one.state === 'pending' || one.state === 'granted');
    return { approvals: wanted.map(view), unreadable: unreadable.map((one) => `${one.id}: ${one.why}`), how };
  },
  text: (out) => [...(out.approvals.length === 0 ? ['Nothing waits.'] : out.approvals.map(told)), ...out.unreadable].join('\n'),
});

function told(one: z.output<typeof approvalOut>): string {
  return [
    `${one.id} ${one.state} (until ${one.expires}): ${one.summary}`,
    one.note === undefined ? '' : `  why not: ${quote(one.note, 500)}`,
    one.used === undefined ? '' : `  ${one.used}`,
    ...one.asked_by.map((rule) => `  asked by ${rule}`),
    ...(one.changes ?? []).map((line) => `  ${line}`),
    one.state === 'pending' ? `  autolab-mcp approve ${one.id}` : '',
  ]
    .filter(Boolean)
    .join('\n');
}

function view(one: Approval): z.output<typeof approvalOut> {
  const envelope = envelopeOf(one);
  return {
    id: one.id,
    state: one.state,
    summary: one.summary,
    digest: one.digest,
    created: one.created,
    expires: one.expires,
    ...(one.note === null ? {} : { note: one.note }),
    ...(envelope ? { used: usedWords(envelope, one.uses ?? []) } : {}),
    asked_by: one.reasons
      .filter((reason) => reason.verdict === 'ask')
      .map((reason) => `${reason.rule} (${place(reason.origin)}): ${reason.because}`),
  };
}
