import type { InputRequiredResult, ServerContext } from '@modelcontextprotocol/server';
import type { Caller, Outcome } from '../tools/tool.ts';
import type { Gate } from './gate.ts';
import type { Answer, Pending } from './question.ts';
import { answered, ask, form, QUESTION_SECONDS, readAnswer } from './question.ts';

type Call = Gate['call'];

export type Request = {
  name: string;
  raw: unknown;
  caller: Caller;
  ctx: ServerContext;
  era: 'legacy' | 'modern';
  /** Whether the client can show its user a form. */
  canAsk: boolean;
};

/**
 * One call, and one question at most: where the gate says that the client’s user may answer, the user is asked and the same call is
 * made again with the answer. A question that is not answered leaves the approval waiting.
 */
export async function calling(call: Call, request: Request): Promise<Outcome | InputRequiredResult> {
  const { name, raw, caller, ctx, era } = request;
  const given = await answered(ctx, name, raw);
  if (given) return again(call, request, given.approval, given.answer);
  const outcome = await call(name, raw, caller);
  if (outcome.kind !== 'pending' || !outcome.ask || !request.canAsk) return outcome;
  if (era === 'modern') return ask(outcome, name, raw);
  const answer = await askDirectly(ctx, outcome);
  return answer === 'none' ? outcome : again(call, request, outcome.approval.id, answer);
}

function again(call: Call, { name, raw, caller }: Request, approval: string, answer: Answer): Promise<Outcome> {
  return call(name, raw, answer === 'none' ? caller : { ...caller, answer: { approval, granted: answer === 'granted' } });
}

/**
 * Asks a 2025 client with a request of our own. The SDK’s stand-in for input-required results would do, but it words a question that
 * runs into its time limit itself, and leaves out what to do next.
 */
async function askDirectly(ctx: ServerContext, pending: Pending): Promise<Answer> {
  try {
    const { action, content } = await ctx.mcpReq.elicitInput(form(pending), {
      timeout: QUESTION_SECONDS * 1000,
      signal: ctx.mcpReq.signal,
    });
    return readAnswer(action, content);
  } catch {
    // No answer in time, a client that cannot after all, a form filled in wrongly: nobody said yes.
    return 'none';
  }
}
