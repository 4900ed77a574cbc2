import * as z from 'zod';
import { decide } from './decide.ts';
import { factsOf, requestSchema } from './example-request.ts';
import type { Policy } from './load.ts';
import type { Decision } from './types.ts';
import { VERDICTS } from './types.ts';

export const exampleSchema = z.strictObject({
  request: requestSchema,
  expect: z.enum(VERDICTS),
  /** The rules that give this verdict, all of them. */
  rules: z.array(z.string()).optional(),
});
export type Example = z.output<typeof exampleSchema>;

export type ExampleResult = { example: Example; decision: Decision; ok: boolean };

/** What a policy decides on its examples, after all probes; `ok` where the verdict, and the rules if they are named, are as expected. */
export function tryExamples(policy: Policy, examples: readonly Example[]): ExampleResult[] {
  return examples.map((example) => {
    const decision = decide(policy, factsOf(example.request), 'act');
    const rules = decision.reasons.filter((reason) => reason.verdict === decision.verdict).map((reason) => reason.rule);
    const isNamed =
      example.rules === undefined || JSON.stringify([...example.rules].sort()) === JSON.stringify([...rules].sort());
    return { example, decision, ok: decision.verdict === example.expect && isNamed };
  });
}
