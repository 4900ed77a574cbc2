import * as z from 'zod';
import { Failure } from '../base/errors.ts';
import { cap, clean } from '../base/text.ts';
import type { Caller, Outcome, Tool } from '../tools/tool.ts';

/** One call through the gate, as this terminal. */
export type Call = (name: string, input: unknown, answer?: Caller['answer']) => Promise<Outcome>;

/**
 * Shows the approval and asks the person at the terminal; only the word typed there grants it, and no flag stands for that word.
 * Refusing needs no word, since it allows nothing.
 */
export async function approveOnTerminal(
  call: Call,
  input: Record<string, unknown>,
  ask: (question: string) => Promise<string | undefined>,
): Promise<Outcome> {
  const id = String(input.id);
  // A signature is the answer, whoever brings it here.
  if (input.signature !== undefined) return call('approve', input);
  if (input.refuse === true) return call('approve', input, { approval: id, granted: false });
  const found = await call('list_approvals', { id });
  if (found.kind !== 'done') return found;
  if (method.parse(found.data).how === 'signed') return howToSign(id, found, await call('approve', input));
  // Nobody is asked again; a word that was cut off before its line in the log gets it now.
  if (record.parse(found.data).approvals[0].state === 'granted') return call('approve', input, { approval: id, granted: true });
  const typed = await ask(`${question(id, found)}\n\nType yes to approve ${id}, anything else to leave it waiting: `);
  if (typed === undefined) {
    throw new Failure('not_for_agents', {
      what: `${id} was not approved`,
      why: 'approving needs a terminal, and this process has none',
      next: `run \`autolab-mcp approve ${id}\` in a terminal`,
    });
  }
  if (typed.trim().toLowerCase() !== 'yes') {
    throw new Failure('approval_unusable', {
      what: `${id} was not approved`,
      why: 'the answer was not yes; it still waits',
      next: `\`autolab-mcp approve ${id}\`, or with --refuse to close it`,
    });
  }
  return call('approve', input, { approval: id, granted: true });
}

/** What exactly would be done, before the words that say how to sign it. */
function howToSign(id: string, found: Extract<Outcome, { kind: 'done' }>, refused: Outcome): Outcome {
  return refused.kind === 'failed' ? { ...refused, text: `${question(id, found)}\n\n${refused.text}` } : refused;
}

/**
 * Asks the person at the terminal to confirm what the operation says it will do; where it can be looked at first, it is. The answer
 * travels beside the arguments, bound to what was shown.
 */
export async function confirmOnTerminal(
  call: Call,
  tool: Pick<Tool, 'name' | 'title' | 'command' | 'confirms'>,
  input: Record<string, unknown>,
  ask: (question: string) => Promise<string | undefined>,
): Promise<Outcome> {
  if (input.dry_run === true) return call(tool.name, input);
  const shown = tool.confirms === 'shown' ? await call(tool.name, { ...input, dry_run: true }) : undefined;
  if (shown && shown.kind !== 'done') return shown;
  const bound = shown ? preview.parse(shown.data).to_confirm : tool.name;
  if (bound === null) return call(tool.name, input);
  const typed = await ask(`${shown ? `${shown.text}\n\n` : ''}${tool.title}.\n\nType yes to go on: `);
  if (typed?.trim().toLowerCase() === 'yes') return call(tool.name, input, { approval: bound, granted: true });
  throw new Failure(typed === undefined ? 'not_for_agents' : 'approval_unusable', {
    what: `${tool.command.join(' ')} was not confirmed`,
    why: typed === undefined ? 'it needs a terminal, and this process has none' : 'the answer was not yes',
    next: `run \`autolab-mcp ${tool.command.join(' ')}\` in a terminal`,
  });
}

const method = z.object({ how: z.string() });
const preview = z.object({ to_confirm: z.string().nullable() });
const record = z.object({ approvals: z.tuple([z.object({ state: z.string(), digest: z.string(), subject: z.unknown() })]) });
const LONGEST = 6000;

/** The record as the gate tells it, and what exactly would be done. */
function question(id: string, found: Extract<Outcome, { kind: 'done' }>): string {
  const [{ state, digest, subject }] = record.parse(found.data).approvals;
  if (state !== 'pending') {
    throw new Failure('approval_unusable', {
      what: `${id} is ${state}`,
      why: 'only what waits can be approved',
      next: '`autolab-mcp approvals` shows what waits',
    });
  }
  const plan = cap(clean(JSON.stringify(subject, null, 2) ?? ''), LONGEST);
  return [found.text, '', `What exactly would be done (digest ${digest}):`, plan].join('\n');
}
