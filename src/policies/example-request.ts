import * as z from 'zod';
import type { Fact } from '../base/fact.ts';
import { known, unknown } from '../base/fact.ts';
import { count, duration, memory } from './amounts-schema.ts';
import type { Facts } from './types.ts';
import { ACTS } from './types.ts';

const FACTS = [
  ...(['cpus', 'gpus', 'nodes', 'memory', 'walltime', 'array_tasks', 'requeues', 'partition', 'account', 'qos'] as const),
  ...(['site', 'queue', 'submits_last_hour', 'failed_before', 'spent', 'review', 'checks', 'git', 'probes'] as const),
];

/** A request in a policy's own words. What it does not say is modest and in order: one CPU for ten minutes, an empty queue, a pass. */
export const requestSchema = z.strictObject({
  acts: z.array(z.enum(ACTS)).min(1).default(['submit']),
  site: z.string().default('cluster'),
  cpus: count.default(1),
  gpus: count.default(0),
  nodes: count.default(1),
  memory: memory.prefault('1GB'),
  walltime: duration.prefault('10m'),
  array_tasks: count.default(1),
  requeues: count.default(0),
  partition: z.string().nullable().default(null),
  account: z.string().nullable().default(null),
  qos: z.string().nullable().default(null),
  jobs_active: count.default(0),
  jobs_pending: count.default(0),
  submits_last_hour: count.default(0),
  failed_before: count.default(0),
  /** Reserved or spent before, of the day and of the iteration alike. */
  gpu_hours_spent: z.number().min(0).default(0),
  cpu_hours_spent: z.number().min(0).default(0),
  commands: z.array(z.array(z.string())).default([]),
  review: z.string().default('pass'),
  failed_checks: z.array(z.string()).default([]),
  changed_files: z.array(z.string()).default([]),
  failed_probes: z.array(z.string()).default([]),
  /** Facts that nobody could look up. */
  unknown: z.array(z.enum(FACTS)).default([]),
});
export type ExampleRequest = z.output<typeof requestSchema>;

const AT = '2000-01-01T00:00:00Z';
const spentOf = (request: ExampleRequest) => ({ cpuHours: request.cpu_hours_spent, gpuHours: request.gpu_hours_spent });

/** The facts of a call that asks for this. */
export function factsOf(request: ExampleRequest): Facts {
  const fact = <T>(name: ExampleRequest['unknown'][number], value: T): Fact<T> =>
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
        nodes: fact('nodes', request.nodes),
        memoryMb: fact('memory', request.memory),
        walltimeSeconds: fact('walltime', request.walltime),
        arrayTasks: fact('array_tasks', request.array_tasks),
        requeues: fact('requeues', request.requeues),
        partition: fact('partition', request.partition),
        account: fact('account', request.account),
        qos: fact('qos', request.qos),
      },
    ],
    queue: fact('queue', { active: request.jobs_active, pending: request.jobs_pending }),
    submitsLastHour: fact('submits_last_hour', request.submits_last_hour),
    failedInRow: fact('failed_before', request.failed_before),
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
