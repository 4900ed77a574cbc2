import { z } from 'zod';
import { RUN_ID, WORD, WORDS } from '../../base/ids.ts';
import { isSecretName, isSecretValue } from '../../base/secrets.ts';
import { redact } from '../../base/text.ts';
import { expectationSchema, relative } from '../artifacts/schema.ts';
import { NOT_IN_PARTS, submitsFaults } from '../children/submits-faults.ts';
import { submitsSchema } from '../children/submits-schema.ts';
import { eventsPath, strayEvents } from '../events/path.ts';
import { resumeSchema } from '../resume/schema.ts';
import { taskIndices } from './array-indices.ts';
import { legFaults, MAX_LEGS } from './launch-legs.ts';
import { MEMORY, WALLTIME } from './units.ts';

const word = z.string().regex(WORD, 'expected a name of letters, digits, dot, dash, plus and underscore');
const words = z.string().regex(WORDS, 'expected a name, or several with commas between them');
const line = z.string().regex(/^[^\n\r\0]+$/, 'expected one line of text');

/** A scheduler may look at these in the job, or a shell or interpreter runs what they name, or they are ours. */
const RULED =
  /^(?:SBATCH|SLURM|SALLOC|SGE|AUTOLAB|LD|DYLD|BASH_FUNC)_|^(?:RUN_ID|BASH_ENV|ENV|PATH|HOME|IFS|CDPATH|PS4|SHELLOPTS|BASHOPTS|PROMPT_COMMAND|JOB_ID|JOB_NAME|NSLOTS)$/;
const STARTS_CODE =
  /^(?:PYTHON(?:STARTUP|HOME|BREAKPOINT)|PERL5(?:OPT|DB)|RUBYOPT|NODE_OPTIONS|_?JAVA(?:_TOOL)?_OPTIONS|JDK_JAVA_OPTIONS|GIT_SSH(?:_COMMAND)?)$/;
/** Passing these on by name is the point of `pass`. */
const PASSABLE = /^(?:PATH|HOME|LD_LIBRARY_PATH)$/;
const SECRET =
  /(?:^|_)(?:TOKENS?|SECRETS?|PASSWORD|PASSWD|PASSPHRASE|CREDENTIALS?|API_?KEYS?|KEYS?)(?:_|$)|(?:TOKEN|SECRET|PASSWORD|APIKEY)$/i;

const name = z.string().regex(/^[A-Za-z_][A-Za-z0-9_]*$/, 'expected a variable name');
const setName = name.refine((key) => !RULED.test(key) && !STARTS_CODE.test(key), {
  error:
    'this variable decides what runs or how the job is scheduled, so it cannot be set here; a command of the script can set what it needs itself',
});
const passName = name
  .refine((key) => PASSABLE.test(key) || (!RULED.test(key) && !STARTS_CODE.test(key)), {
    error: 'this variable decides what runs or how the job is scheduled, so it is not passed on',
  })
  .refine((key) => !SECRET.test(key), {
    error: 'this looks like a credential; let the script read it from a file that only you can read (chmod 600)',
  });
const setValue = line.refine((value) => redact(value) === value, {
  error: 'this looks like a credential; let the script read it from a file that only you can read (chmod 600)',
});

/** A value is a secret by its name, too, whatever it looks like: it would stand in the plan, in the job script and in git. */
function refuseSecrets(set: Readonly<Record<string, string>>, context: z.RefinementCtx): void {
  for (const [key, value] of Object.entries(set))
    if (redact(value) === value && isSecretName(key) && isSecretValue(value))
      context.addIssue({
        code: 'custom',
        path: [key],
        message: 'by its name this is a credential; let the script read it from a file that only you can read (chmod 600)',
      });
}

/** Variables that are given to jobs, with their values. */
export const environmentSet = z.record(setName, setValue).superRefine(refuseSecrets);

const resources = z.strictObject({
  cpus: z.int().min(1).optional(),
  tasks: z.int().min(1).optional(),
  nodes: z.int().min(1).optional(),
  gpus: z.int().min(0).optional(),
  gpu_type: word.optional(),
  memory: z.string().regex(MEMORY, 'expected an amount with its unit, such as "16GB"').optional(),
  // To Slurm a limit of zero is no limit at all.
  walltime: z
    .string()
    .regex(WALLTIME, 'expected [days-]hours:minutes:seconds, such as "12:00:00"')
    .refine((text) => /[1-9]/.test(text), { error: 'a limit of zero is no limit to the scheduler; say how long it may take' })
    .optional(),
  account: word.optional(),
  partition: words.optional(),
  qos: word.optional(),
  exclusive: z.boolean().optional(),
  requeues: z.int().min(0).max(100).optional(),
  names: z.strictObject({ pe: word.optional(), memory: word.optional(), gpus: word.optional() }).optional(),
});

const array = z.strictObject({
  indices: z.string().superRefine((text, context) => {
    const read = taskIndices(text);
    if ('wrong' in read) context.addIssue({ code: 'custom', message: read.wrong });
  }),
  parallel: z.int().min(1).optional(),
});

const otherRun = z.strictObject({
  run: z.string().regex(RUN_ID, 'expected a run id such as 20260218T160045Z_1a2b3c'),
  on: z.enum(['success', 'any', 'interrupted']).optional(),
});

const stepName = z
  .string()
  .regex(/^[A-Za-z0-9][A-Za-z0-9_-]{0,31}$/, 'expected a short name of letters, digits, dash and underscore');
const parent = z.union([stepName, z.strictObject({ step: stepName, on: z.enum(['success', 'any', 'interrupted']).optional() })], {
  error: 'expected the name of a step, or { step: NAME, on: success } (or any, or interrupted)',
});
const legs = z.int().min(2).max(MAX_LEGS);
const step = z.strictObject({
  name: stepName,
  script: relative,
  args: z.array(z.string().regex(/^[^\0]*$/, 'expected text')).optional(),
  resources: resources.optional(),
  array: array.optional(),
  submits: submitsSchema.optional(),
  legs: legs.optional(),
  canary: z.boolean().optional(),
  after: z.array(parent).min(1).optional(),
});

/** A step waits only for steps above it, so that a chain has an order and no circle. */
const steps = z
  .array(step)
  .min(1)
  .superRefine((all, context) => {
    const before = new Set<string>();
    for (const [at, { name, after = [] }] of all.entries()) {
      for (const [which, one] of after.entries()) {
        const wanted = typeof one === 'string' ? one : one.step;
        if (!before.has(wanted))
          context.addIssue({
            code: 'custom',
            path: [at, 'after', which],
            message: `there is no step ${wanted} above step ${name}`,
          });
      }
      if (before.has(name))
        context.addIssue({ code: 'custom', path: [at, 'name'], message: `there is a step ${name} above already` });
      before.add(name);
    }
    for (const fault of canaryFaults(all)) context.addIssue({ code: 'custom', ...fault });
    for (const fault of [...legFaults(all), ...submitsFaults(all)]) context.addIssue({ code: 'custom', ...fault });
  });

/** What is wrong with the steps whose first task is to run alone. */
function canaryFaults(all: readonly z.output<typeof step>[]): { path: (string | number)[]; message: string }[] {
  const names = new Set(all.map(({ name }) => name));
  return all.flatMap((one, at) => {
    if (!one.canary) return [];
    const message = !one.array
      ? 'only an array has a first task that can run alone'
      : one.legs ||
          isLeg(one) ||
          all.some(({ after = [] }) =>
            after.some((to) => typeof to !== 'string' && to.step === one.name && to.on === 'interrupted'),
          )
        ? 'a canary and legs do not go together'
        : names.has(`${one.name}-canary`)
          ? `its first task would be called ${one.name}-canary, as another step is`
          : undefined;
    return message === undefined ? [] : [{ path: [at, 'canary'], message }];
  });
}

type Whole = {
  steps?: z.output<typeof steps> | undefined;
  artifacts?: { expect?: z.output<typeof expectationSchema>[] | undefined } | undefined;
};

/** Which expectations are of no step, or of one that is not clear. */
function strayExpectations({ steps: all = [], artifacts }: Whole): [at: number, message: string][] {
  const arrays = all.filter((one) => one.array && !isLeg(one));
  return (artifacts?.expect ?? []).flatMap((item, at): [number, string][] => {
    const [own, until] = [item.step, item.until].map((wanted) => all.findIndex(({ name }) => name === wanted));
    if (item.until !== undefined && (own === undefined || until === undefined || own < 0 || until <= own))
      return [[at, `until goes with step, and names one below it; there is no step ${item.until} below ${item.step ?? 'none'}`]];
    if (item.step !== undefined) return all.some(({ name }) => name === item.step) ? [] : [[at, `there is no step ${item.step}`]];
    const isOfTasks = Object.values(item).some((value) => typeof value === 'string' && value.includes('{index}'));
    return isOfTasks && arrays.length > 1
      ? [[at, `{index} is of several arrays; say which step: ${arrays.map(({ name }) => name).join(', ')}`]]
      : [];
  });
}

function isLeg({ after = [] }: z.output<typeof step>): boolean {
  return after.some((one) => typeof one !== 'string' && one.on === 'interrupted');
}

/** launch/launch.yaml, version 1, as far as this version carries it out; see `unsupported` in launch-file.ts for the rest. */
export const launchSchema = z
  .strictObject({
    schema_version: z.literal('1'),
    site: word.optional(),
    resources: resources.optional(),
    array: array.optional(),
    submits: submitsSchema.optional(),
    legs: legs.optional(),
    canary: z.boolean().optional(),
    after: z.array(otherRun).min(1).optional(),
    steps: steps.optional(),
    preflight: z.array(z.array(z.string().regex(/^[^\0]*$/, 'expected text')).min(1)).optional(),
    environment: z
      .strictObject({
        modules: z
          .array(z.string().regex(/^[A-Za-z0-9_][A-Za-z0-9_.+:/-]*$/, 'expected a module name such as python/3.12'))
          .optional(),
        setup: z.array(line).optional(),
        pass: z.array(passName).optional(),
        set: environmentSet.optional(),
      })
      .optional(),
    code: z.enum(['snapshot', 'live']).optional(),
    inputs: z.array(relative).min(1).optional(),
    logs: z.array(relative).optional(),
    events: eventsPath.optional(),
    resume: resumeSchema.optional(),
    artifacts: z.strictObject({ pull: z.array(relative).optional(), expect: z.array(expectationSchema).optional() }).optional(),
  })
  .refine((file) => file.steps === undefined || file.array === undefined, {
    path: ['array'],
    error: 'with steps each step says its own array',
  })
  .refine((file) => file.steps === undefined || file.submits === undefined, {
    path: ['submits'],
    error: 'with steps each step says what it submits',
  })
  .refine((file) => !file.submits || (!file.canary && file.legs === undefined), {
    path: ['submits'],
    error: NOT_IN_PARTS,
  })
  .refine((file) => file.steps === undefined || file.legs === undefined, {
    path: ['legs'],
    error: 'with steps each step says its own legs',
  })
  .refine((file) => !file.canary || (file.steps === undefined && file.legs === undefined), {
    path: ['canary'],
    error: 'with steps each step says its own canary, and a canary and legs do not go together',
  })
  .superRefine((file, context) => {
    for (const [at, message] of strayExpectations(file))
      context.addIssue({ code: 'custom', path: ['artifacts', 'expect', at], message });
    const stray = strayEvents(file.events, file.resume?.workspace);
    if (stray !== undefined) context.addIssue({ code: 'custom', path: ['events'], message: stray });
  });
