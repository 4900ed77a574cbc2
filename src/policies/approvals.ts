import { join } from 'node:path';
import { Failure } from '../base/errors.ts';
import { instant, mintApprovalId } from '../base/ids.ts';
import { withLock } from '../base/lock.ts';
import { read, readAll, write } from './approval-files.ts';
import type { Approval } from './approval-record.ts';
import { askedBy, boundTo, expiry, SCHEMA_VERSION, sealOf } from './approval-record.ts';
import type { Envelope } from './envelope.ts';
import { costOf, envelopeOf, fits } from './envelope.ts';
import type { Decision, Facts } from './types.ts';

export type { Approval } from './approval-record.ts';

/** What is asked: an operation that a policy does not let pass without a person, and what that person sees. */
export type Question = { tool: string; decision: Decision } & Pick<
  Facts,
  'summary' | 'subject' | 'changes' | 'iteration' | 'site' | 'jobs'
>;

export type ApprovalStore = {
  /** The approval that waits or is granted for this question, or a new one that waits. */
  request(question: Question, now: Date): Promise<Approval>;
  /**
   * The approval that waits or is granted: of the same operation, subject and policy, and by all the rules that ask now. One that more
   * rules had asked for will do: a verdict that has become milder takes nothing back. Where none is granted, a granted envelope of the
   * same policy that the call fits into.
   */
  find(question: Question, now: Date): Approval | undefined;
  /** How this very operation, on this subject under this policy, was refused last; undefined where it never was. */
  refusedBefore(question: Question, now: Date): Approval | undefined;
  /** Fails with `approval_unknown` or, for a file that is torn or altered, `approval_unusable`. */
  get(id: string, now: Date): Approval;
  /** All of them, the oldest first, and the files that are not what they should be. */
  list(now: Date): { approvals: Approval[]; unreadable: { id: string; why: string }[] };
  /** A new envelope: granted by who makes it at a terminal, or waiting for a signature. */
  preapprove(envelope: Envelope, policy: string, summary: string, state: 'granted' | 'pending', now: Date): Promise<Approval>;
  /** Only what waits can be granted; granting twice is one grant. */
  grant(id: string, via: 'terminal' | 'page' | 'elicitation', now: Date): Promise<Approval>;
  /** The same by a signature that has been verified; a grant without one is replaced. */
  grantSigned(id: string, signed: { signature: string; signer: string }, now: Date): Promise<Approval>;
  refuse(id: string, now: Date, note?: string): Promise<Approval>;
  /**
   * Uses up the granted approval of this question, exactly once whoever else tries, or takes the call out of an envelope: the last of its
   * `uses` is this one. Undefined if there is none.
   */
  consume(question: Question, now: Date): Promise<Approval | undefined>;
};

/** Approvals as one JSON file each in a folder. Every change is atomic and made under the folder's lock. */
export function approvalStore(folder: string): ApprovalStore {
  const locked = <T>(purpose: string, work: () => T): Promise<T> => withLock(join(folder, 'lock'), purpose, work);
  return {
    request: (question, now) =>
      locked('requesting an approval', () => live(folder, question, now) ?? write(folder, newApproval(question, now))),
    find: (question, now) => live(folder, question, now),
    refusedBefore: (question, now) => {
      const wanted = boundTo(ofQuestion(question));
      const refused = readAll(folder, now).approvals.filter(({ digest, state }) => digest === wanted && state === 'refused');
      return refused.sort((a, b) => ((a.decided ?? '') < (b.decided ?? '') ? -1 : 1)).at(-1);
    },
    preapprove: (envelope, policy, summary, state, now) =>
      locked('granting an envelope', () => {
        const record = recordOf({ tool: 'submit_run', policy, summary, subject: { envelope }, reasons: [] }, now);
        if (state === 'pending') return write(folder, record);
        const decided = { via: 'terminal', decided: instant(now), expires: envelope.until } as const;
        return write(folder, { ...record, state, ...decided });
      }),
    get: (id, now) => read(folder, id, now),
    list: (now) => readAll(folder, now),
    grant: (id, via, now) =>
      locked('granting an approval', () => {
        const approval = read(folder, id, now);
        if (approval.state === 'granted') return approval;
        return write(folder, {
          ...waiting(approval),
          state: 'granted',
          via,
          decided: instant(now),
          expires: grantedUntil(approval, now),
        });
      }),
    grantSigned: (id, signed, now) =>
      locked('granting an approval', () => {
        const approval = read(folder, id, now);
        const open = approval.state === 'granted' ? approval : waiting(approval);
        const granted = { state: 'granted', via: 'signed', decided: instant(now) } as const;
        return write(folder, { ...open, ...granted, ...signed, expires: grantedUntil(approval, now) });
      }),
    refuse: (id, now, note) =>
      locked('refusing an approval', () => {
        const approval = read(folder, id, now);
        const open = approval.state === 'granted' ? approval : waiting(approval);
        return write(folder, { ...open, state: 'refused', decided: instant(now), note: note ?? null });
      }),
    consume: (question, now) =>
      locked('using an approval', () => {
        const granted = matching(folder, question, now).find((approval) => approval.state === 'granted');
        return granted ? write(folder, { ...granted, state: 'consumed' }) : takeOut(folder, question, now);
      }),
  };
}

function newApproval({ tool, summary, subject, changes, decision }: Question, now: Date): Approval {
  const reasons = decision.reasons.filter((reason) => reason.verdict !== 'allow');
  return recordOf(
    { tool, policy: decision.policy_version, summary, subject, reasons, ...(changes ? { changes: [...changes] } : {}) },
    now,
  );
}

function recordOf(
  asked: Pick<Approval, 'tool' | 'policy' | 'summary' | 'subject' | 'reasons'> & { changes?: string[] },
  now: Date,
): Approval {
  const shown = { ...asked, subject: asRead(asked.subject) };
  const record = {
    schema_version: SCHEMA_VERSION,
    id: mintApprovalId(),
    ...shown,
    digest: boundTo(shown),
    state: 'pending',
    via: null,
    created: instant(now),
    expires: expiry('pending', now),
    decided: null,
    note: null,
  } as const;
  return { ...record, seal: sealOf(record) };
}

/** An envelope says itself until when it is good. */
function grantedUntil(approval: Approval, now: Date): string {
  return envelopeOf(approval)?.until ?? expiry('granted', now);
}

/** Takes a call out of the first envelope it fits into. */
function takeOut(folder: string, question: Question, now: Date): Approval | undefined {
  const found = fitting(folder, question, now);
  const cost = costOf(question);
  if (!found || !cost) return undefined;
  const use = { at: instant(now), digest: boundTo(ofQuestion(question)), ...cost };
  const uses = [...(found.uses ?? []), use];
  const isEmpty = uses.length >= (envelopeOf(found)?.submissions ?? 0);
  return write(folder, { ...found, uses, ...(isEmpty ? { state: 'consumed' as const } : {}) });
}

function fitting(folder: string, question: Question, now: Date): Approval | undefined {
  if (question.tool !== 'submit_run') return undefined;
  return readAll(folder, now).approvals.find((one) => {
    const envelope = one.state === 'granted' && one.policy === question.decision.policy_version ? envelopeOf(one) : undefined;
    return envelope !== undefined && fits(envelope, one.uses ?? [], question, now);
  });
}

/** As a reader will find it: what JSON cannot hold is not part of what is approved. */
function asRead(subject: unknown): unknown {
  return JSON.parse(JSON.stringify(subject ?? null)) as unknown;
}

/** Refused unless it waits: each other state says what became of it. */
function waiting(approval: Approval): Approval {
  if (approval.state === 'pending') return approval;
  const became = {
    granted: 'is granted already',
    refused: 'was refused',
    consumed: 'has been used, and is good for one call only',
    expired: 'has expired',
  };
  throw new Failure('approval_unusable', {
    what: `approval ${approval.id} ${became[approval.state]}`,
    next: 'make the call again that needs it; a new approval is asked for if the policy still asks',
  });
}

function live(folder: string, question: Question, now: Date): Approval | undefined {
  const open = matching(folder, question, now).filter(({ state }) => state === 'pending' || state === 'granted');
  return open.find(({ state }) => state === 'granted') ?? fitting(folder, question, now) ?? open[0];
}

function ofQuestion({ tool, subject, decision }: Question): Pick<Approval, 'tool' | 'subject' | 'policy'> {
  return { tool, subject: asRead(subject), policy: decision.policy_version };
}

function matching(folder: string, question: Question, now: Date): Approval[] {
  const wanted = boundTo(ofQuestion(question));
  const asking = askedBy(question.decision);
  return readAll(folder, now).approvals.filter((approval) => {
    const asked = askedBy(approval);
    return approval.digest === wanted && asking.every((rule) => asked.includes(rule));
  });
}
