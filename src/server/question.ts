import { randomBytes } from 'node:crypto';
import type { ElicitRequestFormParams, InputRequiredResult, ServerContext } from '@modelcontextprotocol/server';
import { createRequestStateCodec, inputRequired, inputResponse } from '@modelcontextprotocol/server';
import * as z from 'zod';
import { digest } from '../base/digest.ts';
import { cap, clean } from '../base/text.ts';
import type { Outcome } from '../tools/tool.ts';

export type Pending = Extract<Outcome, { kind: 'pending' }>;
/** What the user did with the question. Closing it is no answer: the approval goes on waiting. */
export type Answer = 'granted' | 'refused' | 'none';

/** How long a question stays open. */
export const QUESTION_SECONDS = 600;
const QUESTION = 'approval';
const LONGEST = 4000;

/** The form that puts an approval to the user. No choice is made beforehand, so that pressing Enter is no approval. */
export function form(pending: Pending): ElicitRequestFormParams {
  return {
    mode: 'form',
    message: question(pending),
    requestedSchema: {
      type: 'object',
      properties: {
        answer: {
          type: 'string',
          title: 'Your answer',
          description: `approve allows this one act, once; refuse closes ${pending.approval.id}`,
          enum: ['approve', 'refuse'],
        },
      },
      required: ['answer'],
    },
  };
}

/** What would happen, what it may cost, and every rule that asks, with the place that says so. */
function question({ approval, decision }: Pending): string {
  const reasons = decision.reasons
    .filter((reason) => reason.verdict === 'ask')
    .map(({ rule, because, actual, limit, origin }) => {
      const figures = [actual && `is ${actual}`, limit && `limit ${limit}`].filter(Boolean).join(', ');
      return `- ${rule}${figures ? ` (${figures})` : ''}: ${because} [${origin.line > 0 ? `${origin.file}:${origin.line}` : origin.file}]`;
    });
  return cap(clean([approval.summary, 'It needs your approval because:', ...reasons].join('\n')), LONGEST);
}

const accepted = z.object({ answer: z.enum(['approve', 'refuse']) });

/** Reads what the client says its user did. What is not a clear yes or no is none. */
export function readAnswer(action: 'accept' | 'decline' | 'cancel', content: unknown): Answer {
  if (action === 'decline') return 'refused';
  const parsed = accepted.safeParse(content);
  if (action === 'cancel' || !parsed.success) return 'none';
  return parsed.data.answer === 'approve' ? 'granted' : 'refused';
}

/** What an answer is bound to, so that it cannot be moved to another call. */
type Asked = { approval: string; tool: string; arguments: string };

// The key lives as long as the process: a question asked by an earlier one is asked again.
const codec = createRequestStateCodec<Asked>({ key: randomBytes(32), ttlSeconds: QUESTION_SECONDS });

/** The result that makes a 2026 client ask its user and call again, with a signed note of what was asked about. */
export async function ask(pending: Pending, tool: string, args: unknown): Promise<InputRequiredResult> {
  return inputRequired({
    inputRequests: { [QUESTION]: inputRequired.elicit(form(pending)) },
    requestState: await codec.mint({ approval: pending.approval.id, tool, arguments: digest(args) }),
  });
}

/** The answer that a repeated call of a 2026 client carries. Undefined unless this process asked that question about this very call. */
export async function answered(
  ctx: ServerContext,
  tool: string,
  args: unknown,
): Promise<{ approval: string; answer: Answer } | undefined> {
  const state = ctx.mcpReq.requestState();
  if (typeof state !== 'string') return undefined;
  // Expired, forged or from another process are all one: the note does not count, and the call is an ordinary one.
  const note = await codec.verify(state, ctx).catch(() => undefined);
  if (note === undefined || note.tool !== tool || note.arguments !== digest(args)) return undefined;
  const response = inputResponse(ctx.mcpReq.inputResponses, QUESTION);
  return { approval: note.approval, answer: response.kind === 'elicit' ? readAnswer(response.action, response.content) : 'none' };
}
