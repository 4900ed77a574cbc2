import * as z from 'zod';
import { digest } from '../base/digest.ts';
import { count } from '../base/text.ts';
import type { Reads } from '../context.ts';
import type { Seal } from '../policies/seal.ts';
import { removeSeal, sealDigest, writeSeal } from '../policies/seal.ts';
import { dryRun } from './fields.ts';
import { mustBeConfirmed, sealOf } from './sealing.ts';
import { defineTool } from './tool.ts';

const input = z.strictObject({
  remove: z.boolean().default(false).describe('Take the seal away instead'),
  dry_run: dryRun,
});
const output = z.object({
  status: z.enum(['sealed', 'removed', 'unsealed', 'dry_run']),
  seal: z.string().describe('Where the seal is kept, outside the repository'),
  files: z.array(z.object({ name: z.string(), there: z.boolean() })),
  changes: z.array(z.string()).describe('What is no longer as it was sealed before'),
  to_confirm: z.string().nullable(),
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
  facts: async (args, reads) => ({
    acts: ['write'],
    subject: subjectOf(args, boundOf(args, reads)),
    summary: args.remove ? 'take the seal away' : 'seal what guards this repository',
    despiteSeal: true,
  }),
  preview: async (args, reads) =>
    args.dry_run ? view(args, reads, args.remove ? { files: {} } : sealOf(reads), 'dry_run') : undefined,
  handle: async (args, acts, permit) => {
    const seal = args.remove ? undefined : sealOf(acts);
    const bound = seal ? sealDigest(seal.files) : REMOVAL;
    mustBeConfirmed({ command: COMMAND }, acts, bound);
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
      { sealed: 'Sealed', removed: 'No longer sealed', unsealed: 'There was no seal', dry_run: 'To be sealed' }[out.status] +
        (out.files.length > 0 ? `: ${count(out.files.length, 'file')}, in ${out.seal}` : `: ${out.seal}`),
    ].join('\n'),
});

const REMOVAL = 'remove the seal';

function boundOf({ remove }: Input, reads: Reads): string {
  return remove ? REMOVAL : sealDigest(sealOf(reads).files);
}

function view(
  { remove }: Input,
  reads: Reads,
  { files }: Pick<Seal, 'files'>,
  status: 'sealed' | 'dry_run',
): z.output<typeof output> {
  return {
    status,
    seal: reads.sealFile,
    files: Object.entries(files).map(([name, { sha256 }]) => ({ name, there: sha256 !== null })),
    changes: reads.policy().seal.breaches.map(({ name, what, diff }) => `${name} ${what}${diff === '' ? '' : `:\n${diff}`}`),
    to_confirm: remove ? REMOVAL : sealDigest(files),
  };
}
