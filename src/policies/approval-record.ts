import * as z from 'zod';
import { digest } from '../base/digest.ts';
import { Failure } from '../base/errors.ts';
import { APPROVAL_ID, instant } from '../base/ids.ts';
import type { Reason } from './types.ts';
import { LAYERS, VERDICTS } from './types.ts';

export const SCHEMA_VERSION = '1';

/** How long a question waits for its answer: a night and a working day, so that what is asked in the evening can be answered next day. */
const PENDING_HOURS = 24;
/** How long a grant waits to be used: the agent may be slow, but nobody remembers next day what they said yes to. */
const GRANTED_HOURS = 12;

const time = z.string().regex(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/);
const reasonSchema = z.strictObject({
  rule: z.string(),
  verdict: z.enum(VERDICTS),
  because: z.string(),
  quoted: z.string().exactOptional(),
  limit: z.string().exactOptional(),
  actual: z.string().exactOptional(),
  remedy: z.string(),
  policy_change: z.string().exactOptional(),
  origin: z.strictObject({ layer: z.enum(LAYERS), file: z.string(), line: z.number() }),
});

const approvalSchema = z.strictObject({
  schema_version: z.literal(SCHEMA_VERSION),
  id: z.string().regex(APPROVAL_ID),
  /** The operation that asked, and the version of the policy that did. */
  tool: z.string(),
  policy: z.string(),
  /** Of all that the approval is good for: tool, policy and subject. */
  digest: z.string().regex(/^[0-9a-f]{64}$/),
  summary: z.string(),
  /** What would be done, as it was shown. */
  subject: z.unknown(),
  /** What was new since the last time, as it was shown. */
  changes: z.array(z.string()).exactOptional(),
  reasons: z.array(reasonSchema),
  state: z.enum(['pending', 'granted', 'refused', 'consumed', 'expired']),
  via: z.enum(['terminal', 'page', 'elicitation', 'signed']).nullable(),
  /** Of the statement below, and by whom; it is verified again when the approval is used. */
  signature: z.string().max(10_000).exactOptional(),
  signer: z.string().exactOptional(),
  /** Of an envelope: what each call took of it, at worst. */
  uses: z.array(z.strictObject({ at: time, digest: z.string(), cpu_hours: z.number(), gpu_hours: z.number() })).exactOptional(),
  created: time,
  expires: time,
  decided: time.nullable(),
  note: z.string().nullable(),
  /** Of what never changes in a record, so that a changed line is noticed. Against accidents: who may write the file may write this too. */
  seal: z.string(),
});

export type Approval = z.output<typeof approvalSchema>;

/** What an approval is good for: this operation on this subject under this policy. Queue figures and times are shown, not bound. */
export function boundTo({ tool, subject, policy }: Pick<Approval, 'tool' | 'subject' | 'policy'>): string {
  return digest({ tool, subject, policy });
}

/** The rules that asked, all of them. */
export function askedBy({ reasons }: { reasons: readonly Pick<Reason, 'rule' | 'verdict'>[] }): string[] {
  return [...new Set(reasons.filter(({ verdict }) => verdict === 'ask').map(({ rule }) => rule))];
}

/** Digest of the part of a record that stays as it was made. */
export function sealOf({ id, digest: bound, summary, subject, changes, reasons, created }: Omit<Approval, 'seal'>): string {
  return digest({ id, digest: bound, summary, subject, ...(changes ? { changes } : {}), reasons, created });
}

/** What is signed to grant an approval: it and nothing else, in this repository, and what it is good for. One line. */
export function statementOf(
  { id, digest: bound, created }: Pick<Approval, 'id' | 'digest' | 'created'>,
  repository: string,
): string {
  return `autolab-mcp approval ${id} of ${bound} in ${repository} asked ${created}`;
}

/** Whether an approval that was asked for then can still be good, whatever its file says: it waits and is granted for so long at most. */
export function isStale({ created }: Pick<Approval, 'created'>, now: Date): boolean {
  const age = now.getTime() - Date.parse(created);
  return !(age < (PENDING_HOURS + GRANTED_HOURS) * 3_600_000);
}

/** When an approval that enters a state now stops being good. */
export function expiry(state: 'pending' | 'granted', now: Date): string {
  return instant(new Date(now.getTime() + (state === 'pending' ? PENDING_HOURS : GRANTED_HOURS) * 3_600_000));
}

/** The content of an approval's file, refused unless it is whole, of a version we know, and shows what it was made for. */
export function checked(id: string, value: unknown): Approval {
  const version = typeof value === 'object' && value !== null && 'schema_version' in value ? value.schema_version : undefined;
  if (typeof version === 'string' && version !== SCHEMA_VERSION) {
    throw new Failure('file_newer', {
      what: `approval ${id} has schema version ${version}`,
      next: 'use the version of autolab-mcp that wrote it',
    });
  }
  const parsed = approvalSchema.safeParse(value);
  if (!parsed.success) throw unusable(id, 'its file is not the file of an approval');
  const approval = parsed.data;
  if (approval.id !== id) throw unusable(id, `its file holds approval ${approval.id}`);
  // Whoever can write the file can write the seal anew; what is shown is what is bound all the same.
  if (sealOf(approval) !== approval.seal || boundTo(approval) !== approval.digest)
    throw unusable(id, 'what it shows is not what it was made for');
  return approval;
}

/** An approval as it stands at a time: what waited or was granted too long ago has expired. */
export function asOf(approval: Approval, now: Date): Approval {
  const isOpen = approval.state === 'pending' || approval.state === 'granted';
  return isOpen && approval.expires <= instant(now) ? { ...approval, state: 'expired' } : approval;
}

function unusable(id: string, why: string): Failure {
  return new Failure('approval_unusable', {
    what: `approval ${id} was altered`,
    why,
    next: 'make the call again that needs it; a new approval is asked for',
  });
}
