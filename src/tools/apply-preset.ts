import * as z from 'zod';
import { digest } from '../base/digest.ts';
import type { Reads } from '../context.ts';
import type { Applied } from '../policies/presets.ts';
import { applyPreset, keptLine } from '../policies/presets.ts';
import { dryRun } from './fields.ts';
import { mustBeConfirmed, renewSeal } from './sealing.ts';
import { isSigned } from './signing.ts';
import { defineTool } from './tool.ts';

const input = z.strictObject({
  name: z.string().min(1).max(60).describe('Name of the preset; policy list shows them'),
  dry_run: dryRun,
});
const output = z.object({
  preset: z.string(),
  policy_file: z.string(),
  status: z.enum(['applied', 'unchanged', 'dry_run']),
  diff: z.string(),
  kept: z.array(z.string()),
  to_confirm: z.string().nullable().describe('What a person confirms where the repository is sealed; null where it is not'),
  seal: z
    .enum(['none', 'renewed', 'broken'])
    .describe('What becomes of the seal: where approvals are signed it cannot be renewed here'),
});

const COMMAND = ['policy', 'apply', 'preset'] as const;

export default defineTool({
  name: 'apply_preset',
  command: COMMAND,
  positional: ['name'],
  title: 'Put a packaged policy under this repository’s own',
  description:
    'Makes a preset the layer beneath .autolab/verifier_policy.yaml. Shows the diff. Keeps every comment and every value of `gate` you have set yourself; Autolab’s own keys take the preset’s values, as in Autolab. Renews the seal where there is one, which a person confirms.',
  audience: 'person',
  effect: 'write',
  confirms: 'shown',
  input,
  output,
  facts: async ({ name }) => ({ acts: ['write'], subject: { preset: name }, summary: `apply preset ${name}` }),
  preview: async ({ name, dry_run }, reads) =>
    dry_run
      ? {
          ...view(name, applyPreset(reads.repo, reads.presets, name, { write: false }), reads),
          status: 'dry_run' as const,
        }
      : undefined,
  handle: async ({ name }, acts, permit) => {
    permit.check(digest({ preset: name }));
    const apply = (write: boolean) => applyPreset(acts.repo, acts.presets, name, { write });
    const sealed = isSealed(acts);
    if (sealed) mustBeConfirmed({ command: COMMAND }, acts, boundOf(name, apply(false)));
    const applied = apply(true);
    if (sealed && !isSigned(acts)) renewSeal(acts);
    return view(name, applied, acts);
  },
  text: (out) =>
    [
      out.diff.trimEnd(),
      ...out.kept.map((one) => `kept: ${one}`),
      `preset: ${out.preset}`,
      `policy_file: ${out.policy_file}`,
      `status: ${out.status}`,
      out.status === 'dry_run'
        ? ''
        : {
            renewed: 'seal: renewed',
            broken: 'seal: broken now, until it is made again with `autolab-mcp policy seal` and signed',
            none: '',
          }[out.seal],
    ]
      .filter(Boolean)
      .join('\n'),
});

function isSealed(reads: Reads): boolean {
  return reads.policy().seal.sealed !== null;
}

function boundOf(name: string, { text }: Applied): string {
  return digest({ preset: name, text });
}

function view(name: string, applied: Applied, reads: Reads): z.output<typeof output> {
  const sealed = isSealed(reads);
  return {
    seal: !sealed ? 'none' : isSigned(reads) && applied.diff !== '' ? 'broken' : 'renewed',
    preset: name,
    policy_file: applied.file,
    status: applied.diff === '' ? 'unchanged' : 'applied',
    diff: applied.diff,
    kept: applied.kept.map(keptLine),
    to_confirm: sealed ? boundOf(name, applied) : null,
  };
}
