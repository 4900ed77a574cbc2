import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { asFailure, Failure, systemCode } from '../base/errors.ts';
import { jsonText, readJson, writeAtomic } from '../base/files.ts';
import { APPROVAL_ID, instant, mintApprovalId } from '../base/ids.ts';
import { withLock } from '../base/lock.ts';
import type { Approval } from './approval-record.ts';
import { askedBy, asOf, boundTo, checked, expiry, SCHEMA_VERSION, sealOf } from './approval-record.ts';
import type { Decision, Facts } from './types.ts';

export type { Approval } from './approval-record.ts';

/** What is asked: an operation that a policy does not let pass without a person, and what that person sees. */
export type Question = { tool: string; decision: Decision } & Pick<Facts, 'summary' | 'subject' | 'changes'>;

export type ApprovalStore = {
  /** The approval that waits or is granted for this question, or a new one that waits. */
  request(question: Question, now: Date): Promise<Approval>;
  /**
   * The approval that waits or is granted: of the same operation, subject and policy, and by all the rules that ask now. One that more
   * rules had asked for will do: a verdict that has become milder takes nothing back.
   */
  find(question: Question, now: Date): Approval | undefined;
  /** Fails with `approval_unknown` or, for a file that is torn or altered, `approval_unusable`. */
  get(id: string, now: Date): Approval;
  /** All of them, the oldest first, and the files that are not what they should be. */
  list(now: Date): { approvals: Approval[]; unreadable: { id: string; why: string }[] };
  /** Only what waits can be granted; granting twice is one grant. */
  grant(id: string, via: 'terminal' | 'elicitation', now: Date): Promise<Approval>;
  /** The same by a signature that has been verified; a grant without one is replaced. */
  grantSigned(id: string, signed: { signature: string; signer: string }, now: Date): Promise<Approval>;
  refuse(id: string, now: Date, note?: string): Promise<Approval>;
  /** Uses up the granted approval of this question, exactly once whoever else tries. Undefined if there is none. */
  consume(question: Question, now: Date): Promise<Approval | undefined>;
};

/** Approvals as one JSON file each in a folder. Every change is atomic and made under the folder's lock. */
export function approvalStore(folder: string): ApprovalStore {
  const locked = <T>(purpose: string, work: () => T): Promise<T> => withLock(join(folder, 'lock'), purpose, work);
  return {
    request: (question, now) =>
      locked('requesting an approval', () => live(folder, question, now) ?? write(folder, newApproval(question, now))),
    find: (question, now) => live(folder, question, now),
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
          expires: expiry('granted', now),
        });
      }),
    grantSigned: (id, signed, now) =>
      locked('granting an approval', () => {
        const approval = read(folder, id, now);
        const open = approval.state === 'granted' ? approval : waiting(approval);
        const granted = { state: 'granted', via: 'signed', decided: instant(now), expires: expiry('granted', now) } as const;
        return write(folder, { ...open, ...granted, ...signed });
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
        return granted && write(folder, { ...granted, state: 'consumed' });
      }),
  };
}

function newApproval({ tool, summary, subject, changes, decision }: Question, now: Date): Approval {
  const shown = asRead(subject);
  const policy = decision.policy_version;
  const record = {
    schema_version: SCHEMA_VERSION,
    id: mintApprovalId(),
    tool,
    policy,
    digest: boundTo({ tool, subject: shown, policy }),
    summary,
    subject: shown,
    ...(changes ? { changes: [...changes] } : {}),
    reasons: decision.reasons.filter((reason) => reason.verdict !== 'allow'),
    state: 'pending',
    via: null,
    created: instant(now),
    expires: expiry('pending', now),
    decided: null,
    note: null,
  } as const;
  return { ...record, seal: sealOf(record) };
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
  return open.find(({ state }) => state === 'granted') ?? open[0];
}

function matching(folder: string, { tool, subject, decision }: Question, now: Date): Approval[] {
  const wanted = boundTo({ tool, subject: asRead(subject), policy: decision.policy_version });
  const asking = askedBy(decision);
  return readAll(folder, now).approvals.filter((approval) => {
    const asked = askedBy(approval);
    return approval.digest === wanted && asking.every((rule) => asked.includes(rule));
  });
}

function readAll(folder: string, now: Date): { approvals: Approval[]; unreadable: { id: string; why: string }[] } {
  const approvals: Approval[] = [];
  const unreadable: { id: string; why: string }[] = [];
  for (const id of ids(folder)) {
    try {
      approvals.push(read(folder, id, now));
    } catch (error) {
      const failure = asFailure(error);
      if (failure.code === 'internal') throw error;
      unreadable.push({ id, why: failure.message });
    }
  }
  approvals.sort((a, b) => (a.created === b.created ? (a.id < b.id ? -1 : 1) : a.created < b.created ? -1 : 1));
  return { approvals, unreadable };
}

function ids(folder: string): string[] {
  try {
    return readdirSync(folder)
      .map((name) => name.replace(/\.json$/, ''))
      .filter((name) => APPROVAL_ID.test(name))
      .sort();
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return [];
    throw error;
  }
}

function read(folder: string, id: string, now: Date): Approval {
  const value = APPROVAL_ID.test(id) ? contentOf(folder, id) : undefined;
  if (value !== undefined) return asOf(checked(id, value), now);
  throw new Failure('approval_unknown', {
    what: `there is no approval ${JSON.stringify(id.slice(0, 40))}`,
    next: '`autolab-mcp approvals` lists those there are',
  });
}

function contentOf(folder: string, id: string): unknown {
  try {
    return readJson(join(folder, `${id}.json`));
  } catch (error) {
    const failure = asFailure(error);
    if (failure.code !== 'file_invalid') throw error;
    throw new Failure('approval_unusable', {
      what: `the file of approval ${id} is torn`,
      why: failure.why ?? failure.what,
      next: 'make the call again that needs it; a new approval is asked for',
    });
  }
}

function write(folder: string, approval: Approval): Approval {
  // Only this user may read what is approved and why.
  writeAtomic(join(folder, `${approval.id}.json`), jsonText(approval), 0o600);
  return approval;
}
