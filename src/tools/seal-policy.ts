import * as z from 'zod';
import { digest } from '../base/digest.ts';
import { Failure } from '../base/errors.ts';
import { readText } from '../base/files.ts';
import { count } from '../base/text.ts';
import type { Acts, Reads } from '../context.ts';
import type { Seal } from '../policies/seal.ts';
import { readSeal, removeSeal, sealDigest, sealStatement, writeSeal } from '../policies/seal.ts';
import { readCapsule } from '../runs/launch/capsule.ts';
import { howToSign, signerOf } from '../sites/signatures.ts';
import { dryRun } from './fields.ts';
import { mustBeConfirmed, sealOf } from './sealing.ts';
import { isSigned, placeOf } from './signing.ts';
import { defineTool } from './tool.ts';

const input = z.strictObject({
  remove: z.boolean().default(false).describe('Take the seal away instead'),
  expect: z
    .string()
    .regex(/^[0-9a-f]{64}$/, 'expected the digest that policy seal has shown')
    .optional()
    .describe('Where nobody is at a terminal and nothing is sealed yet: seal if this is the digest of what is there'),
  signature: z.string().min(1).optional().describe('File with a signature of the seal that was made, where approvals are signed'),
  dry_run: dryRun,
});
const output = z.object({
  status: z.enum(['sealed', 'to_sign', 'removed', 'unsealed', 'dry_run']),
  digest: z.string().nullable().describe('Of the names and contents that are sealed, for --expect'),
  seal: z.string().describe('Where the seal is kept, outside the repository'),
  files: z.array(z.object({ name: z.string(), there: z.boolean() })),
  changes: z.array(z.string()).describe('What is no longer as it was sealed before'),
  to_confirm: z.string().nullable(),
  sign: z.string().nullable().describe('The commands that sign it and hand the signature in'),
});
type Input = z.output<typeof input>;

const COMMAND = ['policy', 'seal'] as const;
const subjectOf = ({ remove }: Input, bound: string) => ({ seal: remove ? 'remove' : 'policy', bound });

export default defineTool({
  name: 'seal_policy',
  command: COMMAND,
  title: 'Seal what guards this repository, as it is now',
  description:
    'Seals the policy, its preset, sites, workflow, how clients start this program, and the files that commands of the policy name. From then on a change of any of them denies everything but reading, with the diff, until it is put back or a person seals again. Kept outside the repository.',
  audience: 'person',
  effect: 'write',
  confirms: 'shown',
  input,
  output,
  // What was expected is sealed already: the same call again, after one of which nobody knows whether the disk kept it.
  settled: async (args, reads) => {
    if (args.expect === undefined || args.remove || args.dry_run || isSigned(reads)) return undefined;
    const made = readSeal(reads.sealFile);
    const isThere = made && sealDigest(made.files) === args.expect && reads.policy().seal.breaches.length === 0;
    return isThere ? view(args, reads, made, 'sealed') : undefined;
  },

  facts: async (args, reads) => ({
    acts: ['write'],
    subject: subjectOf(args, boundOf(args, reads)),
    summary: args.remove ? 'take the seal away' : 'seal what guards this repository',
    despiteSeal: true,
  }),
  preview: async (args, reads) =>
    args.dry_run ? view(args, reads, args.remove ? { files: {} } : sealOf(reads), 'dry_run') : undefined,
  handle: async (args, acts, permit) => {
    const seal = args.remove ? undefined : sealOf(acts, (await readCapsule(acts.repo)).capsule.commit);
    const bound = seal ? sealDigest(seal.files) : REMOVAL;
    if (seal && isSigned(acts)) {
      if (acts.caller.answer) mustBeConfirmed({ command: COMMAND }, acts, bound);
      permit.check(digest(subjectOf(args, bound)));
      return signedSeal(args, acts, seal);
    }
    if (args.expect === undefined) mustBeConfirmed({ command: COMMAND }, acts, bound);
    else mustBeExpected(args.expect, acts, bound);
    permit.check(digest(subjectOf(args, bound)));
    const shown = view(args, acts, seal ?? { files: {} }, 'sealed');
    if (seal) {
      writeSeal(acts.sealFile, seal);
      return shown;
    }
    return { ...shown, status: removeSeal(acts.sealFile) ? ('removed' as const) : ('unsealed' as const) };
  },
  text: (out) =>
    [
      ...(out.changes.length > 0 ? ['Since it was sealed:', ...out.changes, ''] : []),
      ...out.files.map(({ name, there }) => `${there ? 'file  ' : 'absent'} ${name}`),
      {
        sealed: 'Sealed',
        removed: 'No longer sealed',
        unsealed: 'There was no seal',
        dry_run: 'To be sealed',
        to_sign: 'Made, and not in force yet',
      }[out.status] + (out.files.length > 0 ? `: ${count(out.files.length, 'file')}, in ${out.seal}` : `: ${out.seal}`),
      ...(out.digest === null ? [] : [`Digest: ${out.digest}`]),
      ...(out.sign === null ? [] : [`It counts once it is signed, on any machine: ${out.sign}`]),
    ].join('\n'),
});

/** Where approvals are signed: the seal is made first, waits beside its place, and counts with a signature of exactly what was made. */
async function signedSeal(args: Input, acts: Acts, seal: Seal): Promise<z.output<typeof output>> {
  if (args.expect !== undefined)
    throw new Failure('approval_unusable', {
      what: '--expect makes no seal where approvals are signed',
      why: 'a digest proves nobody',
      next: 'run `autolab-mcp policy seal`, and sign what it tells',
    });
  const waiting = `${acts.sealFile}.waiting`;
  const made = args.signature === undefined ? undefined : readSeal(waiting);
  if (args.signature === undefined || !made) {
    writeSeal(waiting, seal);
    const then = 'autolab-mcp policy seal --signature autolab-seal.sig';
    const sign = howToSign(sealStatement(seal, placeOf(acts)), 'autolab-mcp-seal', 'autolab-seal.sig', then);
    if (args.signature === undefined) return { ...view(args, acts, seal, 'to_sign'), sign };
    throw new Failure('approval_unusable', { what: 'no seal waits for a signature', next: `one is made now; ${sign}` });
  }
  if (sealDigest(made.files) !== sealDigest(seal.files))
    throw new Failure('approval_unusable', {
      what: 'the seal that was signed is not of what is there now',
      why: 'files changed since it was made',
      next: 'run `autolab-mcp policy seal` again, look at what it shows, and sign that',
    });
  const signature = readText(args.signature, 10_000);
  if (signature === undefined)
    throw new Failure('file_missing', {
      what: `there is no ${args.signature}`,
      next: 'name the file that ssh-keygen -Y sign wrote',
    });
  const found = await signerOf(sealStatement(made, placeOf(acts)), signature, acts.policy().signers, 'autolab-mcp-seal');
  if ('why' in found)
    throw new Failure('approval_unusable', {
      what: 'the seal is not signed by anybody whom a ceiling names',
      why: found.why,
      next: 'run `autolab-mcp policy seal` again, and sign what it tells with a key of gate.signers',
    });
  writeSeal(acts.sealFile, { ...made, signature });
  removeSeal(waiting);
  return view(args, acts, made, 'sealed');
}

const REMOVAL = 'remove the seal';

/** What a person confirmed elsewhere, in a fresh checkout. It never takes the place of a seal or takes one away: that needs a terminal. */
function mustBeExpected(expected: string, reads: Reads, bound: string): void {
  if (reads.policy().seal.sealed !== null)
    throw new Failure('approval_unusable', {
      what: 'the repository is sealed already',
      why: '--expect makes the first seal and changes none',
      next: 'run `autolab-mcp policy seal` in a terminal',
    });
  if (bound === expected) return;
  throw new Failure('approval_unusable', {
    what: bound === REMOVAL ? '--expect does not take a seal away' : `the digest of what is there is ${bound}`,
    why: `expected was ${expected}`,
    next: 'a person compares the files with those that were sealed, and runs `autolab-mcp policy seal` in a terminal',
  });
}

function boundOf({ remove }: Input, reads: Reads): string {
  return remove ? REMOVAL : sealDigest(sealOf(reads).files);
}

function view(
  { remove, expect }: Input,
  reads: Reads,
  { files }: Pick<Seal, 'files'>,
  status: 'sealed' | 'to_sign' | 'dry_run',
): z.output<typeof output> {
  return {
    status,
    seal: reads.sealFile,
    files: Object.entries(files).map(([name, { sha256 }]) => ({ name, there: sha256 !== null })),
    changes: reads.policy().seal.breaches.map(({ name, what, diff }) => `${name} ${what}${diff === '' ? '' : `:\n${diff}`}`),
    digest: remove ? null : sealDigest(files),
    to_confirm: remove ? REMOVAL : expect !== undefined || isSigned(reads) ? null : sealDigest(files),
    sign: null,
  };
}
