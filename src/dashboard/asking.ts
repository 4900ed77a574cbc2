import type * as z from 'zod';
import { VERSION } from '../base/package.ts';
import type { Context } from '../context.ts';
import { callTool } from '../tools/call.ts';
import type { Caller } from '../tools/tool.ts';

/**
 * What an operation answered, or why it did not, in words. `missing`: what was asked about is not there. `faults`: what went wrong beside
 * what was done.
 */
export type Answer<T> = { ok: true; data: T; faults: readonly string[] } | { ok: false; words: string; missing: boolean };

export type Ask = <O extends z.ZodObject>(
  tool: { readonly name: string; readonly output: O },
  input: Record<string, unknown>,
  answer?: Caller['answer'],
) => Promise<Answer<z.output<O>>>;

/** Calls through the gate, as this page. Nothing in the pages comes from anywhere else. */
export function asking(context: Context, caller: Pick<Caller, 'uid' | 'host'>): Ask {
  return async (tool, input, answer) => {
    const who: Caller = { ...caller, surface: 'page', client: `autolab-mcp/${VERSION}`, ...(answer ? { answer } : {}) };
    const outcome = await callTool(tool.name, input, who, context);
    if (outcome.kind === 'done') {
      const { data, error } = tool.output.safeParse(outcome.data);
      // What was done stays done, whatever its answer looks like.
      if (error) return { ok: false, words: [outcome.text, ...outcome.faults].join('\n'), missing: false };
      return { ok: true, data, faults: outcome.faults };
    }
    return { ok: false, words: outcome.text, missing: outcome.kind === 'failed' && MISSING.has(outcome.failure.code) };
  };
}

const MISSING: ReadonlySet<string> = new Set(['run_unknown', 'approval_unknown']);
