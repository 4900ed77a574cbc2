import * as z from 'zod';
import { count } from '../base/text.ts';
import { flow } from '../policies/edit.ts';
import { place, problemLine } from '../policies/explain.ts';
import type { TestedExample } from '../policies/policy-tests.ts';
import { testPolicy } from '../policies/policy-tests.ts';
import { VERDICTS } from '../policies/types.ts';
import { defineTool } from './tool.ts';

const verdict = z.enum(VERDICTS);
const output = z.object({
  ok: z.boolean(),
  preset: z.string().nullable(),
  examples: z.array(
    z.object({
      of: z.string().describe('`preset NAME`, or the rule'),
      at: z.string().describe('file:line of the example'),
      request: z.unknown(),
      expect: verdict,
      got: verdict,
      ok: z.boolean(),
      why: z.string(),
      replaced_by: z.string().nullable().describe('file:line of the list of rules that is in force instead of this one'),
    }),
  ),
  problems: z.array(z.string()),
});
type Answer = z.output<typeof output>;

export default defineTool({
  name: 'test_policy',
  command: ['policy', 'test'],
  title: 'Run the examples of the policy',
  description:
    'Runs the examples of the preset in use, as it is shipped, and of the rules of every layer, each rule by itself, and says of each whether it holds. Nothing else is run.',
  audience: 'person',
  effect: 'read',
  anywhere: true,
  input: z.strictObject({}),
  output,
  facts: async () => ({ acts: ['read'], subject: { test: 'policy' }, summary: 'test the policy' }),
  handle: async (_input, acts) => {
    const policy = acts.policy();
    const examples = testPolicy(policy, acts.presets);
    const problems = policy.problems.map(problemLine);
    const ok = problems.length === 0 && examples.every((one) => one.ok);
    return { ok, preset: policy.preset, examples: examples.map(view), problems };
  },
  text: (out) => [...out.problems.map((one) => `PROBLEM ${one}`), ...out.examples.map(line), sum(out)].join('\n'),
  exit: (out) => (out.ok ? 0 : 1),
});

function view({ origin, replacedBy, ...rest }: TestedExample): Answer['examples'][number] {
  return { ...rest, at: place(origin), replaced_by: replacedBy ? place(replacedBy) : null };
}

function line(one: Answer['examples'][number]): string {
  const said = one.got === one.expect ? one.got : `${one.got}, not ${one.expect}`;
  const why = one.ok ? '' : ` (${one.why})`;
  const force = one.replaced_by === null ? '' : `; not in force: ${one.replaced_by} lists other rules`;
  return `${one.ok ? 'ok ' : 'not'}  ${one.of} [${one.at}] ${flow(one.request ?? {})}: ${said}${why}${force}`;
}

function sum({ examples, problems }: Answer): string {
  const failed = examples.filter((one) => !one.ok).length;
  const broken = problems.length > 0 ? '; the policy cannot be used, and everything but reading is denied' : '';
  if (examples.length === 0) return `There are no examples: no preset is in use, and no layer has rules${broken}.`;
  return `${count(examples.length, 'example')}: ${failed === 0 ? 'all hold' : `${count(failed, 'example')} ${failed === 1 ? 'does' : 'do'} not hold`}${broken}.`;
}
