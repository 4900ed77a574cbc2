import * as z from 'zod';
import { digest } from '../base/digest.ts';
import { Failure } from '../base/errors.ts';
import { isKnown } from '../base/fact.ts';
import { instant, WORD } from '../base/ids.ts';
import { nearest } from '../base/text.ts';
import type { Reads } from '../context.ts';
import { askedBy } from '../policies/approval-record.ts';
import type { Envelope } from '../policies/envelope.ts';
import { costOf, usedWords } from '../policies/envelope.ts';
import type { Decision, Facts } from '../policies/types.ts';
import { parseDuration, showDuration } from '../policies/units.ts';
import { who } from './audit-lines.ts';
import { dryRun, iterationField } from './fields.ts';
import { mustBeConfirmed } from './sealing.ts';
import { isSigned } from './signing.ts';
import { defineTool } from './tool.ts';

/** A week: who grants for longer has forgotten it before it ends. */
const LONGEST = 7 * 24 * 3600;
const COMMAND = ['envelope'] as const;

const hours = (what: string) => z.number().min(0).describe(`${what} that all of them may cost together, at worst`);
const input = z.strictObject({
  submissions: z.number().int().min(1).max(1000).describe('How many calls of submit; a group of replicates is one'),
  cpu_hours: hours('CPU-hours'),
  gpu_hours: hours('GPU-hours').default(0),
  iteration: iterationField,
  site: z.string().regex(WORD, 'expected the name of a site').optional().describe('Site. Default: where the iteration runs'),
  for: z.string().max(20).default('12h').describe('How long it is good: 90m, 12h, 3d; a week at most'),
  also: z
    .array(z.string().max(100))
    .default([])
    .describe('A rule besides acts.submit that it answers too: limits.per_job.walltime, rules.long_gpu'),
  dry_run: dryRun,
});
const output = z.object({
  id: z.string().nullable(),
  state: z.enum(['granted', 'pending', 'dry_run']),
  summary: z.string(),
  now: z.array(z.string()).describe('What would be asked of the plan as it is now, and whether this answers it'),
  to_confirm: z.string().nullable(),
  next: z.string(),
});
type Input = z.output<typeof input>;
type Terms = Omit<Envelope, 'until'> & { seconds: number };
type Looked = Facts & { terms: Terms; plan: { facts: Facts; decision: Decision } };

export default defineTool({
  name: 'grant_envelope',
  command: COMMAND,
  title: 'Approve several submissions of one iteration beforehand, within a price',
  description:
    'Grants once what would be asked each time: so many submissions of an iteration to a site, within CPU- and GPU-hours together, until a time, under the policy as it is. Code and scripts may change in between. What denies still denies, and a rule that is not named still asks.',
  audience: 'person',
  effect: 'write',
  confirms: 'shown',
  input,
  output,
  facts: async (args, reads): Promise<Looked> => {
    const { terms, plan } = await look(args, reads);
    return { acts: ['write'], subject: subjectOf(reads, terms), summary: `approve beforehand: ${wordsOf(terms)}`, terms, plan };
  },
  preview: async ({ dry_run }, reads, facts) =>
    dry_run
      ? {
          id: null,
          state: 'dry_run' as const,
          summary: wordsOf(facts.terms),
          now: judged(facts),
          to_confirm: isSigned(reads) ? null : boundOf(reads, facts.terms),
          next: 'the same without dry_run',
        }
      : undefined,
  reserve: async (_args, _acts, _permit, facts) => facts,
  handle: async (_args, acts, permit, facts) => {
    const { terms } = facts;
    permit.check(boundOf(acts, terms));
    const signed = isSigned(acts);
    if (!signed) mustBeConfirmed({ command: COMMAND }, acts, boundOf(acts, terms));
    const { seconds, ...rest } = terms;
    const now = new Date();
    const envelope: Envelope = { ...rest, until: instant(new Date(now.getTime() + seconds * 1000)) };
    const summary = `envelope: ${wordsOf(terms)}, until ${envelope.until}`;
    const policy = acts.policy().version;
    const made = await acts.approvalStore.preapprove(envelope, policy, summary, signed ? 'pending' : 'granted', now);
    const next = signed
      ? `\`autolab-mcp approve ${made.id}\` says how it is signed`
      : `what fits into it is not asked; \`autolab-mcp approve ${made.id} --refuse\` takes it back`;
    if (!signed)
      await acts.auditLog.append({
        kind: 'approval',
        tool: 'grant_envelope',
        caller: who(acts.caller),
        approval: made.id,
        digest: made.digest,
        detail: `granted via terminal: ${summary}`,
      });
    return {
      id: made.id,
      state: signed ? ('pending' as const) : ('granted' as const),
      summary,
      now: judged(facts),
      to_confirm: null,
      next,
    };
  },
  text: (out) =>
    [
      out.id === null ? `To be granted: ${out.summary}` : `${out.id} is ${out.state}: ${out.summary}`,
      ...out.now,
      out.id === null ? '' : `Next: ${out.next}.`,
    ]
      .filter(Boolean)
      .join('\n'),
});

const subjectOf = (reads: Reads, terms: Terms) => ({ envelope: terms, policy: reads.policy().version });
const boundOf = (reads: Reads, terms: Terms) => digest(subjectOf(reads, terms));

/** The terms, whole; the plan as it is now says which rules there are and where it would run. */
async function look(args: Input, reads: Reads): Promise<Pick<Looked, 'terms' | 'plan'>> {
  const seconds = parseDuration(args.for);
  if (seconds === undefined || seconds <= 0 || seconds > LONGEST)
    throw new Failure('usage', {
      what: `--for ${JSON.stringify(args.for)} is no time from a second to a week`,
      next: 'write 90m, 12h or 3d',
    });
  const { iteration, site } = args;
  const plan = await reads.look('submit_run', { ...(iteration ? { iteration } : {}), ...(site ? { site } : {}) });
  const { facts, decision } = plan;
  if (facts.iteration === undefined || !isKnown(facts.site))
    throw new Failure('usage', { what: 'it is not known where the iteration would run', next: 'name it with --site' });
  const rules = decision.reasons.map(({ rule }) => rule);
  const strange = args.also.find((rule) => !rules.includes(rule));
  if (strange !== undefined) {
    const near = nearest(strange, rules);
    throw new Failure('usage', {
      what: `--also ${JSON.stringify(strange)} is no rule that a submission here is judged by`,
      ...(near ? { why: `did you mean ${near}?` } : {}),
      next: '`autolab-mcp policy explain` lists the rules',
    });
  }
  const { submissions, cpu_hours, gpu_hours } = args;
  const answered = [...new Set(['acts.submit', ...args.also])];
  const where = { iteration: facts.iteration, site: facts.site.value };
  return { terms: { ...where, submissions, cpu_hours, gpu_hours, rules: answered, seconds }, plan };
}

function wordsOf({ submissions, iteration, site, cpu_hours, gpu_hours, rules, seconds }: Terms): string {
  const others = rules.filter((rule) => rule !== 'acts.submit');
  const also = others.length === 0 ? '' : `, also where ${others.join(', ')} asks`;
  return `${submissions} submission(s) of ${iteration} to ${site}, at most ${cpu_hours} cpu-hours and ${gpu_hours} gpu-hours together${also}, for ${showDuration(seconds)}`;
}

/** What stands between the plan of now and its submission, and whether this is the answer to it. */
function judged({ terms, plan }: Looked): string[] {
  const cost = costOf(plan.facts);
  const first = cost
    ? `The plan as it is now would take: ${usedWords({ ...terms, until: '' }, [cost])}.`
    : 'What the plan as it is now may cost is not known, so that it fits no envelope.';
  const denies = plan.decision.reasons.filter(({ verdict }) => verdict === 'deny').map(({ rule }) => rule);
  const asks = askedBy(plan.decision).map(
    (rule) => `${rule} asks: ${terms.rules.includes(rule) ? 'answered by this' : `NOT answered by this (--also ${rule})`}`,
  );
  return [
    first,
    ...asks,
    ...(denies.length > 0 ? [`It is denied as it is, whatever is granted: ${[...new Set(denies)].join(', ')}.`] : []),
  ];
}
