import * as z from 'zod';
import { count } from '../base/text.ts';
import { defineTool } from './tool.ts';

const output = z.object({ ok: z.boolean(), lines: z.number().int(), head: z.number().int(), findings: z.array(z.string()) });

export default defineTool({
  name: 'verify_audit',
  command: ['audit', 'verify'],
  title: 'Check that the audit log is what was written',
  description:
    'Walks the hash chain of .autolab/gate/audit.jsonl and compares its end with the head kept outside the repository.',
  audience: 'person',
  effect: 'read',
  input: z.strictObject({}),
  output,
  facts: async () => ({ acts: ['read'], subject: { verify: 'audit' }, summary: 'verify the audit log' }),
  handle: async (_input, acts) => acts.audit.verify(),
  text: (out) =>
    [
      out.ok
        ? `The audit log holds: ${count(out.lines, 'line')}.`
        : `The audit log does NOT hold (${out.lines} lines, head ${out.head}).`,
      ...out.findings.slice(0, 50).map((one) => `- ${one}`),
    ].join('\n'),
  exit: (out) => (out.ok ? 0 : 1),
});
