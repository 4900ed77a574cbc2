import { join } from 'node:path';
import * as z from 'zod';
import { Failure } from '../base/errors.ts';
import { readText } from '../base/files.ts';
import type { Reads } from '../context.ts';
import { effectiveValues } from '../policies/effective.ts';
import { place, problemLine } from '../policies/explain.ts';
import { POLICY_FILE } from '../policies/load.ts';
import { readPreset } from '../policies/presets.ts';
import { defineTool } from './tool.ts';

const input = z.strictObject({
  preset: z.string().min(1).max(60).optional().describe('A packaged policy. Default: this repository’s own file'),
  effective: z.boolean().default(false).describe('Every value in force, with the file and line that says it'),
});
const output = z.object({
  what: z.string(),
  text: z.string(),
  values: z.array(z.object({ path: z.string(), value: z.unknown(), at: z.string() })),
  problems: z.array(z.string()),
});

export default defineTool({
  name: 'show_policy',
  command: ['policy', 'show'],
  positional: ['preset'],
  title: 'Show a policy',
  description: 'This repository’s policy file, a packaged policy, or with --effective every value in force and who says it.',
  audience: 'person',
  effect: 'read',
  anywhere: true,
  input,
  output,
  facts: async () => ({ acts: ['read'], subject: { show: 'policy' }, summary: 'show a policy' }),
  handle: async ({ preset, effective }, acts) => {
    if (preset !== undefined) return shown(`preset ${preset}`, readPreset(acts.presets, preset).text);
    if (effective) return effectivePolicy(acts);
    const text = readText(join(acts.repo, POLICY_FILE));
    if (text === undefined)
      throw new Failure('file_missing', {
        what: `there is no ${POLICY_FILE}`,
        why: 'the program’s defaults are in force',
        next: 'autolab-mcp policy apply preset local_dev',
      });
    return shown(POLICY_FILE, text);
  },
  exit: (out) => (out.problems.length > 0 ? 1 : 0),
  text: (out) =>
    [
      ...out.problems.map((one) => `PROBLEM ${one}`),
      out.text || out.values.map((one) => `${one.path}: ${JSON.stringify(one.value)}  [${one.at}]`).join('\n'),
    ].join('\n'),
});

function shown(what: string, text: string): z.output<typeof output> {
  return { what, text, values: [], problems: [] };
}

function effectivePolicy(reads: Reads): z.output<typeof output> {
  const policy = reads.policy();
  return {
    what: `effective policy ${policy.version.slice(0, 12)}${policy.preset ? ` on preset ${policy.preset}` : ''}`,
    text: '',
    values: effectiveValues(policy).map(({ path, value, origin }) => ({ path, value, at: place(origin) })),
    problems: policy.problems.map(problemLine),
  };
}
