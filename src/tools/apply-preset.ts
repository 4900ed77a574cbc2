import * as z from 'zod';
import { digest } from '../base/digest.ts';
import { applyPreset, keptLine } from '../policies/presets.ts';
import { dryRun } from './fields.ts';
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
});

export default defineTool({
  name: 'apply_preset',
  command: ['policy', 'apply', 'preset'],
  positional: ['name'],
  title: 'Put a packaged policy under this repository’s own',
  description:
    'Makes a preset the layer beneath .autolab/verifier_policy.yaml. Shows the diff. Keeps every comment and every value of `gate` you have set yourself; Autolab’s own keys take the preset’s values, as in Autolab.',
  audience: 'person',
  effect: 'write',
  input,
  output,
  facts: async ({ name }) => ({ acts: ['write'], subject: { preset: name }, summary: `apply preset ${name}` }),
  preview: async ({ name, dry_run }, reads) =>
    dry_run
      ? { ...view(name, applyPreset(reads.repo, reads.presets, name, { write: false })), status: 'dry_run' as const }
      : undefined,
  handle: async ({ name }, acts, permit) => {
    permit.check(digest({ preset: name }));
    return view(name, applyPreset(acts.repo, acts.presets, name, { write: true }));
  },
  text: (out) =>
    [
      out.diff.trimEnd(),
      ...out.kept.map((one) => `kept: ${one}`),
      `preset: ${out.preset}`,
      `policy_file: ${out.policy_file}`,
      `status: ${out.status}`,
    ]
      .filter(Boolean)
      .join('\n'),
});

function view(name: string, applied: ReturnType<typeof applyPreset>): z.output<typeof output> {
  return {
    preset: name,
    policy_file: applied.file,
    status: applied.diff === '' ? 'unchanged' : 'applied',
    diff: applied.diff,
    kept: applied.kept.map(keptLine),
  };
}
