import * as z from 'zod';
import type { Fact } from '../base/fact.ts';
import { known, unknown } from '../base/fact.ts';
import { decide } from './decide.ts';
import type { Policy } from './load.ts';
import type { Decision, Facts } from './types.ts';
import { ACTS, VERDICTS } from './types.ts';
import { parseDuration, parseMemory } from './units.ts';

const number = z.int().min(0);
const converted = (read: (text: string) => number | undefined, what: string) =>
  z.string().transform((text, context) => {
    const value = read(text);
    if (value === undefined) context.addIssue({ code: 'custom', message: `expected ${what}` });
    return value ?? 0;
  });

/** A request in a policy's own words. What it does not say is modest and in order: one CPU for ten minutes, an empty queue, a pass. */
const requestSchema = z.strictObject({
  acts: z.array(z.enum(ACTS)).min(1).default(['submit']),
  site: z.string().default('cluster'),
  cpus: number.default(1),
  gpus: number.default(0),
  nodes: number.default(1),
  memory: converted(parseMemory, 'memory such as 8GB').prefault('1GB'),
  walltime: converted(parseDuration, 'a time such as "0:30:00"').prefault('10m'),
  array_tasks: number.default(1),
  requeues: number.default(0),
  partition: z.string().nullable().default(null),
  account: z.string().nullable().default(null),
  qos: z.string().nullable().default(null),
  jobs_active: number.default(0),
  jobs_pending: number.default(0),
  submits_last_hour: number.default(0),
  /** Reserved or spent before, of the day and of the iteration alike. */
  gpu_hours_spent: z.number().min(0).default(0),
  cpu_hours_spent: z.number().min(0).default(0),
  commands: z.array(z.array(z.string())).default([]),
  review: z.string().default('pass'),
  failed_checks: z.array(z.string()).default([]),
  changed_files: z.array(z.string()).default([]),
  failed_probes: z.array(z.string()).default([]),
  /** Facts that nobody could look up. */
  unknown: z
    .array(z.enum(['cpus', 'gpus', 'memory', 'walltime', 'queue', 'spent', 'review', 'checks', 'git', 'probes', 'site']))
    .default([]),
});

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

const AT = '2000-01-01T00:00:00Z';
const spentOf = (request: z.output<typeof requestSchema>) => ({
  cpuHours: request.cpu_hours_spent,
  gpuHours: request.gpu_hours_spent,
});

function factsOf(request: z.output<typeof requestSchema>): Facts {
  const fact = <T>(name: Example['request']['unknown'][number], value: T): Fact<T> =>
    request.unknown.includes(name) ? unknown('the example says so') : known(value, AT);
  return {
    acts: request.acts,
    subject: request,
    summary: 'an example',
    site: fact('site', request.site),
    jobs: [
      {
        step: 'main',
        cpus: fact('cpus', request.cpus),
        gpus: fact('gpus', request.gpus),
        nodes: known(request.nodes, AT),
        memoryMb: fact('memory', request.memory),
        walltimeSeconds: fact('walltime', request.walltime),
        arrayTasks: known(request.array_tasks, AT),
        requeues: known(request.requeues, AT),
        partition: known(request.partition, AT),
        account: known(request.account, AT),
        qos: known(request.qos, AT),
      },
    ],
    queue: fact('queue', { active: request.jobs_active, pending: request.jobs_pending }),
    submitsLastHour: known(request.submits_last_hour, AT),
    spent: fact('spent', { day: spentOf(request), iteration: spentOf(request) }),
    commands: request.commands,
    review: fact('review', { status: request.review, findings: [] }),
    checks: fact('checks', { stage: 'launch', failed: request.failed_checks }),
    git: fact('git', { clean: request.changed_files.length === 0, changed: request.changed_files }),
    probes: fact(
      'probes',
      request.failed_probes.map((name) => ({ name, argv: [], ok: false, detail: 'failed' })),
    ),
  };
}
