import * as z from 'zod';
import { WORD } from '../base/ids.ts';
import { count, duration, memory } from './amounts-schema.ts';
import { rulesSchema } from './gate-rules-schema.ts';
import { VERDICTS } from './types.ts';

/** Where asking and denying begin; null where they do not. In normal units: seconds, MiB, numbers. */
export type Bound = { ask: number | null; deny: number | null };

/** A plain amount N is denied above N; `{ ask: A, deny: D }` asks above A and denies above D. */
function bound<T extends z.ZodType<number>>(amount: T, what: string) {
  const both = z
    .strictObject({ ask: amount.optional(), deny: amount.optional() })
    .refine((given) => given.ask !== undefined || given.deny !== undefined, { error: 'names neither ask nor deny' });
  return z
    .union([amount, both])
    .transform(
      (given): Bound =>
        typeof given === 'number' ? { ask: null, deny: given } : { ask: given.ask ?? null, deny: given.deny ?? null },
    )
    .describe(
      `${what}. A plain value denies above it; { ask: A, deny: D } asks a person above A and denies above D. With a limit, an unknown amount is denied.`,
    )
    .optional();
}

const hours = z.number({ error: 'expected a number of hours' }).min(0, 'expected 0 or more');
const spend = (what: string) =>
  z
    .strictObject({
      run: bound(hours, `${what} that one run may cost`),
      day: bound(hours, `${what} that all runs of a site and account may cost in 24 hours`),
      iteration: bound(hours, `${what} that all runs of an iteration may cost`),
    })
    .optional();

const verdict = z.enum(VERDICTS, { error: 'expected allow, ask or deny' });
const words = (what: string) =>
  z
    .array(z.string().regex(WORD, { error: 'not a name a scheduler could have' }))
    .describe(
      `${what} that may be used. Absent: any. An empty list: none. With a list, a job that names none is denied, since the site's default is not known.`,
    )
    .optional();
const needed = (what: string) => z.boolean({ error: 'expected true or false' }).describe(what);

/** From what proves least of a person to what proves most. */
export const APPROVE = ['elicitation', 'page', 'terminal', 'signed'] as const;
export type Approve = (typeof APPROVE)[number];

export const gateSchema = z
  .strictObject({
    acts: z
      .strictObject({
        submit: verdict.describe('Giving jobs to a scheduler.'),
        cancel: verdict.describe('Ending jobs of our own runs.'),
        push: verdict.describe('Copying code and inputs to a site.'),
        pull: verdict.describe('Copying results from a site.'),
        run_command: verdict.describe('Running a command that files of the repository name; allow.commands says which.'),
        write: verdict.describe("Changing Autolab's own files: manifests, metrics, ledger, verification results."),
      })
      .describe('The verdict on each act: allow, ask (a person approves it) or deny. Reading is always allowed.'),
    limits: z
      .strictObject({
        jobs: z
          .strictObject({
            active: bound(
              count,
              "The user's running jobs at the site with those of the call that may start at once; an array is one of the call's jobs",
            ),
            pending: bound(count, "The user's waiting jobs at the site with all jobs of the call"),
            submits_per_hour: bound(count, 'Submissions of the last 60 minutes with those of the call'),
          })
          .describe('How many jobs. Jobs that the user submitted by other means count too.'),
        per_job: z
          .strictObject({
            cpus: bound(count, 'CPUs of one task'),
            gpus: bound(count, 'GPUs of one task'),
            nodes: bound(count, 'Nodes of one task'),
            memory: bound(memory, 'Memory of one task, such as 256GB; a whole node (0) is an unknown amount'),
            walltime: bound(duration, 'Longest run time of one task, such as "8:00:00" or 8h'),
            array_tasks: bound(count, 'Tasks of one array'),
            requeues: bound(count, 'How often the scheduler may start the job again by itself'),
          })
          .describe('How large one job may be.'),
        spend: z
          .strictObject({
            gpu_hours: spend('Hours of one GPU'),
            cpu_hours: spend('Hours of one CPU'),
          })
          .describe(
            'What submissions may cost at worst: resources × tasks × walltime × (requeues + 1), reserved when submitted and settled when over. Of this user, over all clones.',
          )
          .optional(),
        children: z
          .strictObject({
            per_run: bound(count, 'Jobs that scripts of one run may submit by themselves, as launch.yaml declares them'),
          })
          .describe('Scripts that submit jobs of their own. Absent: none may.')
          .optional(),
        retries: z
          .strictObject({
            per_run: bound(count, 'Runs of an iteration that failed one after the other, before this submission'),
          })
          .describe('How often what fails may be tried again.')
          .optional(),
        scheduler: z
          .strictObject({
            calls_per_hour: z.int().min(1).describe('Most calls of the scheduler in 60 minutes, all runs of a site together.'),
            poll_seconds: z.int().min(1).describe('Shortest time between two looks at a site.'),
          })
          .describe('How often the scheduler may be asked.'),
      })
      .describe('Limits on facts. What a limit needs and nobody knows is denied.'),
    allow: z
      .strictObject({
        partitions: words('Partitions (on Grid Engine: queues)'),
        accounts: words('Accounts (on Grid Engine: projects)'),
        qos: words('Qualities of service'),
        sites: words('Sites of .autolab/sites.yaml that jobs and files may go to and come from'),
        commands: z
          .array(
            z
              .array(z.string().min(1), { error: 'expected the words of a command as a list: [uv, run, dense]' })
              .min(1, { error: 'a command has at least one word' }),
          )
          .describe(
            'Commands that repository files may have run, each as the words it begins with, compared word by word. An empty list: none.',
          ),
      })
      .describe('Lists of names. An absent list does not restrict; an empty list allows none.'),
    require: z
      .strictObject({
        review_pass: needed('Submit only what review_result.json says pass of.'),
        stage_checks: needed('Submit only when the checks of the launch stage pass.'),
        preflight: needed('Submit only when the preflight commands and the scheduler’s own test pass.'),
        clean_git: needed('Submit only what is committed.'),
        seal: needed('Submit only where a person has sealed the policy.'),
      })
      .describe('What must hold before a submission.'),
    rules: rulesSchema.optional(),
    approve: z
      .enum(APPROVE, { error: 'expected elicitation, page, terminal or signed' })
      .describe(
        'How a person answers an ask: in a question that the client puts to its user, on the page of the dashboard, in a terminal, or by a signature of somebody whom a ceiling names. Each takes what stands behind it too.',
      ),
  })
  .describe('The gate of autolab-mcp; Autolab itself does not read it.');

/** The gate's effective values, in normal units: MiB, seconds, numbers. */
export type GatePolicy = z.output<typeof gateSchema>;

/** A ceiling’s gate: it alone may name who signs. */
export const ceilingGateSchema = gateSchema.extend({
  signers: z
    .array(z.string().regex(/^[^\n\r\0]+$/, 'expected a line of an allowed-signers file'), {
      error: 'expected a list of lines as in an allowed-signers file (ssh-keygen(1))',
    })
    .optional(),
});

/** Keys of later versions, refused by name so that nobody believes them to be in force. By their place. */
export const NOT_YET: ReadonlySet<string> = new Set(['gate.ceilings']);
