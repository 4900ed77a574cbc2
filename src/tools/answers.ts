import type * as z from 'zod';
import { Failure } from '../base/errors.ts';
import { withoutOwnSecrets } from '../base/secrets.ts';
import { boundary, clean, nearest, quote } from '../base/text.ts';
import type { Approval } from '../policies/approvals.ts';
import { explainDecision } from '../policies/explain.ts';
import type { Approve } from '../policies/gate-schema.ts';
import type { Decision } from '../policies/types.ts';
import type { Recovered } from '../runs/submission/recovery.ts';
import type { Outcome, Running, Tool } from './tool.ts';

/** What was wrong with the arguments, in our words: each with its place, the value that came, and the nearest right name. */
export function badInput(tool: Tool, raw: unknown, error: z.ZodError): Failure {
  const known = Object.keys(tool.input.shape);
  const faults = error.issues.map((issue) => {
    if (issue.code === 'unrecognized_keys') {
      return issue.keys
        .map((key) => {
          const near = nearest(key, known);
          return `${JSON.stringify(clean(key).slice(0, 60))} is no argument of ${tool.name}${near ? `; did you mean ${near}?` : ''}`;
        })
        .join('; ');
    }
    const at = issue.path.map(String).join('.') || 'the arguments';
    return `${at} (${shownValue(raw, issue.path)}): ${issue.message}`;
  });
  return new Failure('usage', {
    what: `${tool.name} does not take these arguments`,
    why: faults.join('; '),
    next: `it takes: ${known.join(', ') || 'no arguments'}`,
  });
}

export function failed(failure: Failure, faults: readonly string[]): Outcome {
  return { kind: 'failed', failure: failure.toJSON(), text: [failureText(failure), ...faults].join('\n'), exit: failure.exit };
}

/** The outcome with something told beside it; what happened stays what it was. */
export function withWords(outcome: Outcome, words: string): Outcome {
  return { ...outcome, text: `${outcome.text}\n${words}` };
}

/** The outcome with what was found of before and done about it. What was asked for stays what it is. */
export function withFound(outcome: Outcome, found: readonly Recovered[]): Outcome {
  if (found.length === 0) return outcome;
  const words = found.map(({ run, found: its }) => `Cut off before: run ${run}: ${its}.`);
  const said = withWords(outcome, words.join('\n'));
  return said.kind === 'done' ? { ...said, found: [...(said.found ?? []), ...words] } : said;
}

/** What, why, the next step, and whatever came from outside between its own marks. */
export function failureText(failure: Failure): string {
  const lines = [`${failure.code}: ${failure.what}`];
  if (failure.why) lines.push(`why: ${failure.why}`);
  lines.push(`next: ${failure.next}`);
  if (failure.retry) lines.push('The same call can succeed later.');
  if (failure.quoted) lines.push(boundary(failure.quoted, 'scheduler-text'));
  return lines.join('\n');
}

/** `refusedBefore`: the same question, as it was refused last. Its note is a person's, in a file that others can write. */
export function pendingText(approval: Approval, decision: Decision, how: Approve, refusedBefore?: Approval): string {
  return [
    `A person must approve this: ${approval.id}. Nothing was done.`,
    approval.summary,
    explainDecision(decision, 'stopping'),
    ...refusedText(refusedBefore),
    `A person runs, in a terminal in the repository: autolab-mcp approve ${approval.id}${how === 'page' ? '; or answers on the page that autolab-mcp dashboard opens' : ''}`,
    'Then make the same call again. The approval is for exactly this plan, and is used up by it.',
  ].join('\n');
}

function refusedText(refused: Approval | undefined): string[] {
  if (!refused) return [];
  const { decided, note } = refused;
  return [
    `The same was refused before, at ${decided}${note === null ? '' : `: ${quote(note, 500)}`}. Rather change what was refused.`,
  ];
}

export function runningOutcome(running: Running): Outcome {
  const { what, askAgainSeconds } = running;
  return {
    kind: 'running',
    what,
    askAgainSeconds,
    text: `Still running: ${what}. Make the same call again in ${askAgainSeconds} s; it finds this work and does not start it twice.`,
  };
}

function shownValue(raw: unknown, path: readonly PropertyKey[]): string {
  let value = raw;
  for (const key of path)
    value = typeof value === 'object' && value !== null ? (value as Record<PropertyKey, unknown>)[key] : undefined;
  return value === undefined ? 'missing' : clean(JSON.stringify(value) ?? String(value)).slice(0, 120);
}

/** The same without the values of our own variables that are named as secrets, wherever in it they stand. */
export function withoutSecrets(outcome: Outcome): Outcome {
  return within(outcome);
}

function within<T>(value: T): T;
function within(value: unknown): unknown {
  if (typeof value === 'string') return withoutOwnSecrets(value);
  if (Array.isArray(value)) return value.map((item: unknown) => within(item));
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, within(item)]));
}
