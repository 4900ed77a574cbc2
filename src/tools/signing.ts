import { Failure } from '../base/errors.ts';
import type { Reads } from '../context.ts';
import type { Approval } from '../policies/approval-record.ts';
import { statementOf } from '../policies/approval-record.ts';
import { NAMESPACE, signerOf } from '../sites/signatures.ts';

/** Whether approvals count here only with a signature of somebody whom a ceiling names. */
export function isSigned(reads: Reads): boolean {
  return reads.policy().gate.approve === 'signed';
}

/** Who signed this approval. Fails where nobody did whose signature counts, with the commands that make one. */
export async function requireSigner(reads: Reads, approval: Approval, signature: string | null): Promise<string> {
  const { signers } = reads.policy();
  if (signers.length === 0) {
    throw new Failure('approval_unusable', {
      what: `nobody can grant ${approval.id}`,
      why: 'approvals are signed here, and no ceiling names a signer',
      next: 'the administrator writes gate.signers into /etc/autolab/policy.yaml, or the user into ~/.config/autolab/policy.yaml',
    });
  }
  if (signature === null) throw unsigned(approval, 'approvals are signed here, and this one is not');
  const found = await signerOf(statementOf(approval), signature, signers);
  if ('signer' in found) return found.signer;
  throw unsigned(approval, found.why);
}

function unsigned(approval: Approval, why: string): Failure {
  const { id } = approval;
  return new Failure('approval_unusable', {
    what: `${id} is not granted by a signature`,
    why,
    next: `look at it with \`autolab-mcp approvals ${id}\`, then: printf %s '${statementOf(approval)}' | ssh-keygen -Y sign -n ${NAMESPACE} -f KEY >${id}.sig && autolab-mcp approve ${id} --signature ${id}.sig`,
  });
}
