import * as z from 'zod';
import { digest } from '../base/digest.ts';
import { Failure } from '../base/errors.ts';
import { readText } from '../base/files.ts';
import { APPROVAL_ID } from '../base/ids.ts';
import type { Acts } from '../context.ts';
import type { Approval } from '../policies/approvals.ts';
import { place } from '../policies/explain.ts';
import { who } from './audit-lines.ts';
import { isSigned, requireSigner } from './signing.ts';
import { defineTool } from './tool.ts';

const input = z.strictObject({
  id: z.string().regex(APPROVAL_ID, 'expected an approval id such as ap_1a2b3c4d5e6f').describe('Approval id'),
  refuse: z.boolean().default(false).describe('Refuse it instead'),
  note: z.string().min(1).max(500).optional().describe('With refuse: why, for whoever asked'),
  signature: z.string().min(1).optional().describe('File with a signature of it, where approvals are signed'),
});
const output = z.object({ id: z.string(), state: z.string(), summary: z.string(), next: z.string() });

export default defineTool({
  name: 'approve',
  command: ['approve'],
  positional: ['id'],
  title: 'Grant or refuse what waits for you',
  description: 'Shows what waits, asks on this terminal, and records the answer. Granted once, for exactly the plan shown.',
  audience: 'person',
  effect: 'write',
  page: true,
  input,
  output,
  facts: async (args, reads) => {
    const approval = reads.approvals.get(args.id, new Date());
    return {
      acts: ['write'],
      subject: { approve: args },
      ...(args.refuse ? { despiteSeal: true as const } : {}),
      summary: `${args.refuse ? 'refuse' : 'grant'} ${args.id}: ${approval.summary}`,
    };
  },
  handle: async (args, acts, permit) => {
    permit.check(digest({ approve: args }));
    const now = new Date();
    const { answer } = acts.caller;
    if (args.refuse) {
      const refused = await acts.approvalStore.refuse(args.id, now, args.note);
      return {
        id: refused.id,
        state: refused.state,
        summary: refused.summary,
        next: `what was asked for is not done; asking again makes a new question${args.note === undefined ? '' : ', and is told your note'}`,
      };
    }
    if (isSigned(acts)) return signed(acts, args.id, args.signature, now);
    if (answer?.approval !== args.id || !answer.granted) {
      throw new Failure('approval_unusable', {
        what: `${args.id} was not granted`,
        why: 'nobody answered on a terminal',
        next: `run \`autolab-mcp approve ${args.id}\` in a terminal`,
      });
    }
    const via = viaOf(acts, args.id);
    const granted = await acts.approvalStore.grant(args.id, via, now);
    return isTold(acts, granted) ? answerOf(granted) : told(acts, granted, granted.via ?? via);
  },
  text: (out) => `${out.id} is ${out.state}: ${out.summary}\nNext: ${out.next}.`,
});

/** What the answer proves: that somebody sits at a terminal, or at the page that was opened from one, where the policy takes that. */
function viaOf(acts: Acts, id: string): 'terminal' | 'page' {
  if (acts.caller.surface !== 'page') return 'terminal';
  const policy = acts.policy();
  if (policy.gate.approve !== 'terminal') return 'page';
  throw new Failure('approval_unusable', {
    what: `${id} was not granted`,
    why: `the policy takes a grant at a terminal only (gate.approve, ${place(policy.origin('gate.approve'))})`,
    next: `run \`autolab-mcp approve ${id}\` in a terminal`,
  });
}

/** Granted by a signature alone: who holds the key need not sit at this terminal. */
async function signed(acts: Acts, id: string, file: string | undefined, now: Date): Promise<z.output<typeof output>> {
  const approval = acts.approvals.get(id, now);
  const signature = file === undefined ? null : (readText(file, 10_000) ?? null);
  if (file !== undefined && signature === null)
    throw new Failure('file_missing', { what: `there is no ${file}`, next: 'name the file that ssh-keygen -Y sign wrote' });
  const signer = await requireSigner(acts, approval, signature);
  const granted = await acts.approvalStore.grantSigned(id, { signature: signature ?? '', signer }, now);
  return told(acts, granted, `signature of ${signer}`);
}

/** Whether the log has its line: who granted it may have been killed in between. */
function isTold({ auditLog }: Acts, { id }: Approval): boolean {
  return auditLog.lines().some((line) => line.kind === 'approval' && line.approval === id);
}

async function told(acts: Acts, granted: Approval, via: string): Promise<z.output<typeof output>> {
  await acts.auditLog.append({
    kind: 'approval',
    tool: 'approve',
    caller: who(acts.caller),
    approval: granted.id,
    digest: granted.digest,
    detail: `granted via ${via}: ${granted.summary}`,
  });
  return answerOf(granted);
}

function answerOf(granted: Approval): z.output<typeof output> {
  return {
    id: granted.id,
    state: granted.state,
    summary: granted.summary,
    next: 'the agent makes the same call again; that uses the approval up',
  };
}
