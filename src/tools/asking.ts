import { Failure } from '../base/errors.ts';
import type { Acts, Context } from '../context.ts';
import type { Question } from '../policies/approvals.ts';
import type { Cost } from '../policies/envelope.ts';
import { costOf, envelopeOf } from '../policies/envelope.ts';
import type { Decision, Facts } from '../policies/types.ts';
import { pendingText } from './answers.ts';
import { audit, entry, who } from './audit-lines.ts';
import { isSigned, requireRoom, requireSigner } from './signing.ts';
import type { Caller, Outcome, Tool } from './tool.ts';

/** Undefined once a granted approval of this very digest is there; else the outcome that says who must answer. */
export async function ask(
  tool: Tool,
  acts: Acts,
  facts: Facts,
  decision: Decision,
  context: Context,
  caller: Caller,
): Promise<Outcome | undefined> {
  const question = questionOf(tool, facts, decision);
  const how = acts.policy().gate.approve;
  const elicits = how === 'elicitation';
  const now = new Date();
  const existing = acts.approvalStore.find(question, now);
  const approval = existing ?? (await acts.approvalStore.request(question, now));
  if (!existing) await audit(context, entry(tool, caller, decision, facts, { approval: approval.id }));
  if (approval.state === 'granted' && (!isSigned(acts) || approval.via === 'signed')) return undefined;
  const given = caller.answer;
  if (given?.approval === approval.id && elicits) {
    await answer(acts, given, now);
    await audit(context, {
      kind: 'approval',
      tool: tool.name,
      caller: who(caller),
      approval: approval.id,
      detail: given.granted ? 'granted via elicitation' : 'refused via elicitation',
    });
    if (given.granted) return undefined;
    throw new Failure('approval_unusable', {
      what: `the user refused approval ${approval.id}`,
      next: 'change the plan, or ask the user what would be acceptable',
    });
  }
  const refusedBefore = acts.approvalStore.refusedBefore(question, now);
  return { kind: 'pending', approval, decision, ask: elicits, text: pendingText(approval, decision, how, refusedBefore) };
}

async function answer(acts: Acts, given: { approval: string; granted: boolean }, now: Date): Promise<void> {
  if (given.granted) await acts.approvalStore.grant(given.approval, 'elicitation', now);
  else await acts.approvalStore.refuse(given.approval, now);
}

/** Which approval was used up, and what the call took of it where it is an envelope. */
export type Used = { approval: string; cost?: Cost };

/** Uses up the approval of what is about to be done. Null where nothing asks; a failure where what was approved is something else. */
export async function consume(tool: Tool, acts: Acts, facts: Facts, decision: Decision): Promise<Used | null> {
  if (decision.verdict !== 'ask') return null;
  const question = questionOf(tool, facts, decision);
  const granted = isSigned(acts) ? acts.approvalStore.find(question, new Date()) : undefined;
  // Who can write the record's file can write that it is granted, or not used yet, but not the signature, and not the log unseen.
  if (granted) await requireSigner(acts, granted, granted.signature ?? null);
  if (granted) requireRoom(acts, granted, question);
  const used = await acts.approvalStore.consume(question, new Date());
  if (used && (!granted || used.signature === granted.signature)) {
    const cost = envelopeOf(used) && costOf(question);
    return { approval: used.id, ...(cost ? { cost } : {}) };
  }
  throw new Failure('approval_unusable', {
    what: 'what was approved is not what would be done now',
    why: 'the approval was used up or expired in the meantime, the plan, the code or the policy changed since, or more rules ask now',
    next: 'call again: the new plan is put to the person again',
  });
}

/** What a person approves: the subject and the policy. Queue figures and times are shown, not bound. */
function questionOf(tool: Tool, facts: Facts, decision: Decision): Question {
  const { summary, subject, changes, iteration, site, jobs } = facts;
  return {
    tool: tool.name,
    decision,
    summary,
    subject,
    ...(changes ? { changes } : {}),
    ...(iteration === undefined ? {} : { iteration }),
    ...(site ? { site } : {}),
    ...(jobs ? { jobs } : {}),
  };
}
