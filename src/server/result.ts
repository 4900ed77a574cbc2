import type { CallToolResult } from '@modelcontextprotocol/server';
import { boundary } from '../base/text.ts';
import type { Decision } from '../policies/types.ts';
import type { Outcome, Tool } from '../tools/tool.ts';

/** Where the machine-readable form of an answer that is no result stands, since `structuredContent` must satisfy the tool’s schema. */
export const OUTCOME_META = 'autolab/outcome';

/**
 * An outcome as the protocol carries it. Only `done` has structured content. Everything else is marked as an error, so that no model
 * takes it for a result: the text says what is so, and `_meta` says it again for machines.
 */
export function toResult(outcome: Outcome, tool: Tool | undefined): CallToolResult {
  if (outcome.kind !== 'done') {
    return { isError: true, content: [{ type: 'text', text: agentText(outcome) }], _meta: { [OUTCOME_META]: machine(outcome) } };
  }
  const { data, text, faults, found } = outcome;
  if (faults.length === 0) {
    const told = found ? { _meta: { [OUTCOME_META]: { kind: 'done', found } } } : {};
    return { structuredContent: data, content: [{ type: 'text', text }], ...told };
  }
  const told = [{ type: 'text' as const, text: ['This was done.', text, ...faults].join('\n') }];
  if (tool?.output.safeParse(data).success)
    return { structuredContent: data, content: told, _meta: { [OUTCOME_META]: { kind: 'done', faults } } };
  // A client refuses structured content that misses the schema, and then nobody learns that the act took place.
  return { isError: true, content: told, _meta: { [OUTCOME_META]: { kind: 'done', data, faults } } };
}

/** The words of a call that did not succeed, with whether repeating it helps, said either way. */
export function agentText(outcome: Outcome): string {
  return outcome.kind === 'failed' && !outcome.failure.retry ? `${outcome.text}\n${NO_RETRY}` : outcome.text;
}

const NO_RETRY = 'The same call fails again until something is changed.';

/** Without the text, and of an approval only what names it: the plan behind it can be long, and is the caller’s own. */
function machine(outcome: Exclude<Outcome, { kind: 'done' }>): Record<string, unknown> {
  const { text: _text, ...rest } = outcome;
  if (rest.kind === 'running') return rest;
  if (rest.kind === 'failed') {
    // What came from outside is in the text, between its marks.
    const { quoted: _, ...failure } = rest.failure;
    return { ...rest, failure };
  }
  const decision = withBoundaries(rest.decision);
  if (rest.kind === 'refused') return { ...rest, decision };
  const { id, summary, expires } = rest.approval;
  return { ...rest, decision, approval: { id, summary, expires } };
}

function withBoundaries(decision: Decision): Decision {
  const reasons = decision.reasons.map((one) =>
    one.quoted === undefined ? one : { ...one, quoted: boundary(one.quoted, 'reason') },
  );
  return { ...decision, reasons };
}
