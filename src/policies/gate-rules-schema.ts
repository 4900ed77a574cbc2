import * as z from 'zod';
import { WORD } from '../base/ids.ts';
import { clean } from '../base/text.ts';
import { count, duration, memory } from './amounts-schema.ts';
import { requestSchema } from './example-request.ts';
import { problemsOfExamples } from './rule-examples.ts';
import { ACTS, VERDICTS } from './types.ts';

/** A rule is called by its name or, without one, by its number from 1; so no name is a number, and dots are for paths. */
const NAME = /^[A-Za-z_][A-Za-z0-9_-]{0,63}$/;

/** One name or several, of which any counts; always a list in the end. */
function anyOf<T extends z.ZodType<string>>(one: T, what: string) {
  return z
    .union([one, z.array(one).min(1, 'names nothing')])
    .transform((given): string[] => (typeof given === 'string' ? [given] : given))
    .describe(`${what}; of a list, any of them`)
    .optional();
}

/** A plain amount is exactly that; `{ over, under, at_least, at_most }` are comparisons that must all hold. */
function compared<T extends z.ZodType<number>>(amount: T, what: string) {
  const comparisons = z
    .strictObject({
      over: amount.optional(),
      under: amount.optional(),
      at_least: amount.optional(),
      at_most: amount.optional(),
    })
    .refine((given) => Object.keys(given).length > 0, { error: 'names none of over, under, at_least, at_most' });
  return z
    .union([amount, comparisons])
    .transform((given): Comparisons => (typeof given === 'number' ? { exactly: given } : given))
    .describe(`${what}: exactly so much, or any of { over, under, at_least, at_most }`)
    .optional();
}

/** In normal units: seconds, MiB, numbers. */
export type Comparisons = {
  exactly?: number | undefined;
  over?: number | undefined;
  under?: number | undefined;
  at_least?: number | undefined;
  at_most?: number | undefined;
};

const word = z
  .string({ error: 'expected a name, or a list of names' })
  .regex(WORD, { error: 'not a name a scheduler could have' });
const act = z.enum(
  ACTS.filter((one) => one !== 'read'),
  { error: `expected ${ACTS.filter((one) => one !== 'read').join(', ')}, or a list of them` },
);

const when = z
  .strictObject({
    act: anyOf(act, 'What the call does'),
    site: anyOf(word, 'Site that jobs or files go to or come from'),
    partition: anyOf(word, 'Partition (on Grid Engine: queue) of a job; a job that names none is denied'),
    account: anyOf(word, 'Account (on Grid Engine: project) of a job; a job that names none is denied'),
    qos: anyOf(word, 'Quality of service of a job; a job that names none is denied'),
    cpus: compared(count, 'CPUs of one task'),
    gpus: compared(count, 'GPUs of one task'),
    nodes: compared(count, 'Nodes of one task'),
    memory: compared(memory, 'Memory of one task, such as 256GB'),
    walltime: compared(duration, 'Longest run time of one task, such as "8:00:00" or 8h'),
    array_tasks: compared(count, 'Tasks of one array'),
    requeues: compared(count, 'How often the scheduler may start the job again by itself'),
    jobs_active: compared(count, "The user's jobs in the site's queue, without those of the call"),
    jobs_pending: compared(count, "The user's waiting jobs at the site, without those of the call"),
    submits_last_hour: compared(count, 'Submissions of the last 60 minutes, without those of the call'),
  })
  .refine((given) => Object.keys(given).length > 0, { error: 'names no condition' })
  .describe('Conditions on the facts; all must hold. A fact that decides and that nobody knows denies.');
export type When = z.output<typeof when>;

const because = z
  .string({ error: 'expected the reason, in words' })
  .max(500, 'longer than 500 characters')
  .refine((text) => clean(text).trim() !== '', { error: 'a rule without a reason' })
  .describe('Why the rule is there. Everybody it stops reads this: name what to do instead.');

const ruleExample = z.strictObject({
  request: requestSchema.describe('A request; what it does not say is modest and in order.'),
  expect: z
    .enum(VERDICTS, { error: 'expected allow, ask or deny' })
    .describe("The rule's verdict, or allow, of this rule alone."),
});

/** A rule as it is written, its examples with it. */
export const ruleSchema = z.strictObject({
  name: z.string().regex(NAME, { error: 'expected a word: letters, digits, _ and -, the first a letter' }).optional(),
  when,
  verdict: z.enum(['ask', 'deny'], { error: 'expected ask or deny: a rule never loosens' }),
  because,
  examples: z
    .array(ruleExample, { error: 'expected a list of examples: one that the rule matches, one that it lets pass' })
    .describe('Requests and what this rule by itself says to them; one at least that it matches, and one that it does not.'),
});
export type WrittenRule = z.output<typeof ruleSchema>;

/** A rule that is in force. Its examples have done their work when the policy loads. */
export type Rule = Omit<WrittenRule, 'examples'>;

/** Rules whose examples hold and whose names are their own. */
export const rulesSchema = z
  .array(
    ruleSchema.transform((rule, context): Rule => {
      for (const { path, message } of problemsOfExamples(rule)) context.addIssue({ code: 'custom', path, message });
      const { examples: _examples, ...inForce } = rule;
      return { ...inForce, because: clean(rule.because).replace(/\s+/g, ' ').trim() };
    }),
    { error: 'expected a list of rules' },
  )
  .transform((rules, context) => {
    for (const [at, { name }] of rules.entries())
      if (name !== undefined && rules.findIndex((one) => one.name === name) < at)
        context.addIssue({ code: 'custom', path: [at, 'name'], message: `a second rule with the name ${name}` });
    return rules;
  })
  .describe(
    'What limits cannot say. The strictest verdict of all rules and limits wins; a list replaces the list of the layers below.',
  );
