import * as z from 'zod';
import type { Reads } from '../context.ts';
import { presetPolicy } from '../policies/effective.ts';
import { place } from '../policies/explain.ts';
import { diffPolicies } from '../policies/presets.ts';
import { defineTool } from './tool.ts';

const name = z.string().min(1).max(60);
const input = z.strictObject({
  a: name.describe('Name of a preset, or `current` for this repository’s policy'),
  b: name.default('current').describe('The other one'),
});
const side = z.object({ value: z.unknown(), at: z.string() });
const output = z.object({ a: z.string(), b: z.string(), differences: z.array(z.object({ path: z.string(), a: side, b: side })) });

export default defineTool({
  name: 'diff_policies',
  command: ['policy', 'diff'],
  positional: ['a', 'b'],
  title: 'Compare two policies',
  description: 'The values in force that differ between two policies, with the file and line that says each.',
  audience: 'person',
  effect: 'read',
  anywhere: true,
  input,
  output,
  facts: async () => ({ acts: ['read'], subject: { diff: 'policies' }, summary: 'compare policies' }),
  handle: async ({ a, b }, acts) => ({
    a,
    b,
    differences: diffPolicies(policyNamed(acts, a), policyNamed(acts, b)).map((one) => ({
      path: one.path,
      a: { value: one.before ?? null, at: place(one.before_origin) },
      b: { value: one.after ?? null, at: place(one.after_origin) },
    })),
  }),
  text: (out) =>
    out.differences.length === 0
      ? `${out.a} and ${out.b} are the same in force.`
      : out.differences
          .map(
            (one) =>
              `${one.path}\n  ${out.a}: ${JSON.stringify(one.a.value)} [${one.a.at}]\n  ${out.b}: ${JSON.stringify(one.b.value)} [${one.b.at}]`,
          )
          .join('\n'),
});

function policyNamed(reads: Reads, named: string): Parameters<typeof diffPolicies>[0] {
  return named === 'current' ? reads.policy() : presetPolicy(reads.presets, named);
}
