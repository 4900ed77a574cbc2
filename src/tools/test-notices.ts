import { randomBytes } from 'node:crypto';
import { basename } from 'node:path';
import * as z from 'zod';
import { digest } from '../base/digest.ts';
import { instant, WORD } from '../base/ids.ts';
import { quote } from '../base/text.ts';
import type { Notice } from '../runs/notices/notice.ts';
import { noticeId } from '../runs/notices/notice.ts';
import { deliver } from './notice-delivery.ts';
import { sealedNotices, subjectOf } from './notices.ts';
import { defineTool } from './tool.ts';

const input = z.strictObject({
  to: z.string().regex(WORD).optional().describe('Only to this one of .autolab/notices.yaml'),
});
const output = z.object({
  configured: z.boolean(),
  results: z.array(z.object({ to: z.string(), ok: z.boolean(), why: z.string().nullable() })),
});

export default defineTool({
  name: 'test_notices',
  command: ['notices', 'test'],
  positional: ['to'],
  title: 'Send one notice that says it is a test',
  description: 'Sends one at once to each of those whom .autolab/notices.yaml names, whatever waits, and says what came of it.',
  audience: 'person',
  effect: 'write',
  input,
  output,
  facts: async (_input, reads) => ({
    acts: ['write'],
    subject: subjectOf('test', sealedNotices(reads)),
    summary: 'send a test notice to those whom .autolab/notices.yaml names',
  }),
  handle: async ({ to }, acts, permit) => {
    const config = sealedNotices(acts);
    const subject = digest(subjectOf('test', config));
    permit.check(subject);
    const results: z.output<typeof output>['results'] = [];
    for (const target of config?.to ?? []) {
      if (to !== undefined && target.name !== to) continue;
      const done = await deliver(acts, permit, subject, target, sample(acts.repo));
      results.push({ to: target.name, ok: done.ok, why: done.ok ? null : done.why });
    }
    return { configured: config !== undefined, results };
  },
  text: (out) =>
    out.results.length === 0
      ? `${out.configured ? '.autolab/notices.yaml names nobody of that name' : 'There is no .autolab/notices.yaml'}; nothing was sent.`
      : out.results.map(({ to, ok, why }) => `${to}: ${ok ? 'it has got it' : why}`).join('\n'),
  exit: (out) => (out.results.length > 0 && out.results.every(({ ok }) => ok) ? 0 : 1),
});

function sample(repo: string): Notice {
  const repository = quote(basename(repo), 80);
  const id = noticeId({ test: randomBytes(12).toString('hex') });
  return { v: 1, id, at: instant(), kind: 'test', repository, text: 'this is a test; nothing has happened' };
}
