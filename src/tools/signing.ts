import { Failure } from '../base/errors.ts';
import { instant } from '../base/ids.ts';
import type { Reads } from '../context.ts';
import type { Approval } from '../policies/approval-record.ts';
import { isStale, statementOf } from '../policies/approval-record.ts';
import type { Question } from '../policies/approvals.ts';
import { envelopeOf, fits, usedWords } from '../policies/envelope.ts';
import { repositoryId } from '../runs/home.ts';
import { howToSign, signerOf } from '../sites/signatures.ts';

const NAMESPACE = 'autolab-mcp-approval';

/** Whether approvals count here only with a signature of somebody whom a ceiling names. */
export function isSigned(reads: Reads): boolean {
  return reads.policy().gate.approve === 'signed';
}

/** Who signed this approval. Fails where nobody did whose signature counts, with the commands that make one. */
export async function requireSigner(reads: Reads, approval: Approval, signature: string | null): Promise<string> {
  const { signers } = reads.policy();
  const envelope = envelopeOf(approval);
  if (envelope ? envelope.until <= instant() : isStale(approval, new Date()))
    throw unsigned(reads, approval, 'it was asked for too long ago');
  if (!envelope && wasUsed(reads, approval.id)) throw unsigned(reads, approval, 'the audit log says that it has been used');
  if (signers.length === 0) {
    throw new Failure('approval_unusable', {
      what: `nobody can grant ${approval.id}`,
      why: 'approvals are signed here, and no ceiling names a signer',
      next: 'the administrator writes gate.signers into /etc/autolab/policy.yaml, or the user into ~/.config/autolab/policy.yaml',
    });
  }
  if (signature === null) throw unsigned(reads, approval, 'approvals are signed here, and this one is not');
  const found = await signerOf(statementOf(approval, placeOf(reads)), signature, signers, NAMESPACE);
  if ('signer' in found) return found.signer;
  throw unsigned(reads, approval, found.why);
}

/** The repository that a signature is good in. */
export function placeOf({ repo }: Pick<Reads, 'repo'>): string {
  return repositoryId(repo) ?? repo;
}

/** Refuses a call that an envelope has no room for by the audit log, whatever the envelope's own file says of its uses. */
export function requireRoom(reads: Reads, approval: Approval, question: Question): void {
  const envelope = envelopeOf(approval);
  if (!envelope) return;
  const uses = reads.audit.lines().flatMap((line) => (line.approval === approval.id && line.cost ? [line.cost] : []));
  if (fits(envelope, uses, question, new Date())) return;
  throw unsigned(reads, approval, `the audit log says that ${usedWords(envelope, uses)}`);
}

/** A second decision that names an approval is its use: the first one is the question. */
function wasUsed(reads: Reads, id: string): boolean {
  return reads.audit.lines().filter((line) => line.kind === 'decision' && line.approval === id).length > 1;
}

function unsigned(reads: Reads, approval: Approval, why: string): Failure {
  const { id } = approval;
  return new Failure('approval_unusable', {
    what: `${id} is not granted by a signature`,
    why,
    next: `look at it with \`autolab-mcp approvals ${id}\`, then: ${howToSign(statementOf(approval, placeOf(reads)), NAMESPACE, `${id}.sig`, `autolab-mcp approve ${id} --signature ${id}.sig`)}`,
  });
}
