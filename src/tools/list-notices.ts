import * as z from 'zod';
import { newDelivery } from '../runs/notices/outbox.ts';
import { owed, sealedNotices, targetOut, view, viewLine, waitingNow } from './notices.ts';
import { defineTool } from './tool.ts';

/** So many that wait are told one by one. */
const SHOWN = 20;

const output = z.object({
  configured: z.boolean().describe('Whether .autolab/notices.yaml is there'),
  targets: z.array(targetOut),
  waiting: z
    .array(z.object({ to: z.string(), id: z.string(), at: z.string(), kind: z.string(), text: z.string() }))
    .describe('What was not told yet, oldest first; the first of each'),
});

export default defineTool({
  name: 'list_notices',
  command: ['notices'],
  title: 'What is to be told and was not told yet',
  description: 'Who is told, what waits for each, and what was in the way the last time, since when. Nothing is sent.',
  audience: 'command',
  effect: 'read',
  input: z.strictObject({}),
  output,
  facts: async () => ({ acts: ['read'], subject: { list: 'notices' }, summary: 'list notices' }),
  handle: async (_input, acts) => {
    const config = sealedNotices(acts);
    if (!config) return { configured: false, targets: [], waiting: [] };
    const { waiting, sent } = waitingNow(acts, config);
    const of = (name: string) => sent.get(name) ?? newDelivery(0);
    return {
      configured: true,
      targets: config.to.map((target) => view(target, of(target.name), waiting)),
      waiting: config.to.flatMap((target) =>
        owed(target, of(target.name).sent, waiting)
          .slice(0, SHOWN)
          .map(({ notice: { id, at, kind, text } }) => ({ to: target.name, id, at, kind, text })),
      ),
    };
  },
  text: (out) =>
    out.configured
      ? [...out.targets.map(viewLine), ...out.waiting.map(({ to, at, text }) => `  ${to} ${at} ${text}`)].join('\n')
      : 'There is no .autolab/notices.yaml, so nobody is told anything (docs/watching.md).',
});
