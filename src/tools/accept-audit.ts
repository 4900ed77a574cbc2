import * as z from 'zod';
import { digest } from '../base/digest.ts';
import { Failure } from '../base/errors.ts';
import { defineTool } from './tool.ts';

const SUBJECT = { accept: 'audit' };
const input = z.strictObject({ because: z.string().min(10).max(500).describe('Why the log is as it is; goes into the log') });
const output = z.object({ lines: z.number().int(), because: z.string() });

export default defineTool({
  name: 'accept_audit',
  command: ['audit', 'accept'],
  title: 'Go on from an audit log that does not hold',
  description:
    'After a person has found out why the log and its head differ (a copy of the repository, a restored backup, somebody’s hand): makes the log’s end the new head, and writes into the log that this was done and why.',
  audience: 'person',
  effect: 'write',
  confirms: 'always',
  repairs: 'audit',
  input,
  output,
  facts: async ({ because }) => ({
    acts: ['write'],
    subject: SUBJECT,
    summary: `accept the audit log as it is: ${because}`,
    despiteSeal: true,
  }),
  handle: async ({ because }, acts, permit) => {
    permit.check(digest(SUBJECT));
    if (!acts.caller.answer?.granted) {
      throw new Failure('approval_unusable', {
        what: 'the audit log was not accepted',
        why: 'nobody answered on a terminal',
        next: 'run `autolab-mcp audit accept --because …` in a terminal',
      });
    }
    return { lines: await acts.auditLog.accept(), because };
  },
  text: (out) => `The audit log goes on from line ${out.lines}, because: ${out.because}`,
});
