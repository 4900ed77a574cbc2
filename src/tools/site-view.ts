import * as z from 'zod';
import { count } from '../base/text.ts';
import type { PartitionView, SiteDescription } from '../sites/schedulers/description.ts';

const limits = z.array(z.string()).describe('Only those that are set, as the scheduler calls them');
const number = z.number().nullable();

/** What a site says of itself. Null is "not known", and `unread` says why. */
export const descriptionOut = z.strictObject({
  controller: z.string(),
  cluster: z.string().nullable(),
  accounting: z.enum(['answers', 'disabled', 'down']).nullable(),
  comments_kept: z.boolean().nullable(),
  min_job_age: number.describe('Seconds for which a finished job is remembered; 0 for ever'),
  max_array_index: number,
  enforce_part_limits: z.string().nullable().describe('NO: a job over a limit of its partition is taken and waits for ever'),
  requeues: z.boolean().nullable(),
  rate_limits: limits,
  enforced: z.array(z.string()).describe('What must be right about a job’s account'),
  hidden: z.array(z.string()).describe('What of others is not shown'),
  partitions: z
    .array(
      z.strictObject({
        name: z.string(),
        default: z.boolean(),
        state: z.string(),
        max_walltime: z.string().nullable(),
        default_walltime: z.string().nullable(),
        nodes: z.strictObject({ total: number, usable: number }),
        cpus: z.strictObject({ total: number, free: number }),
        node_memory_mb: z.strictObject({ least: z.number(), most: z.number() }).nullable(),
        gpus: z.array(z.strictObject({ type: z.string().nullable(), total: z.number(), free: number })).nullable(),
        qos: z.string().nullable(),
        rules: z.array(z.string()).describe('Who alone may use it; empty: everybody'),
        parallel_environments: z.array(z.string()).optional(),
      }),
    )
    .nullable(),
  accounts: z
    .array(
      z.strictObject({
        name: z.string(),
        default: z.boolean(),
        partition: z.string().nullable(),
        qos: z.array(z.string()),
        default_qos: z.string().nullable(),
        limits,
      }),
    )
    .nullable(),
  qos: z.array(z.strictObject({ name: z.string(), limits })).nullable(),
  fairshare: z
    .array(
      z.strictObject({
        account: z.string(),
        shares: z.string(),
        usage: z.number().nullable(),
        factor: z.number().nullable().describe('From 0, used up, to 1'),
      }),
    )
    .nullable(),
  unread: z.array(z.strictObject({ part: z.string(), why: z.string() })),
});
type Out = z.output<typeof descriptionOut>;

export function descriptionView(site: SiteDescription): Out {
  const { settings, accounting } = site;
  return {
    controller: site.controller,
    cluster: settings?.cluster ?? null,
    accounting: accounting?.state ?? null,
    comments_kept: accounting?.keepsComments ?? null,
    min_job_age: settings?.minJobAge ?? null,
    max_array_index: settings?.maxArrayIndex ?? null,
    enforce_part_limits: settings?.enforcePartLimits ?? null,
    requeues: settings?.requeues ?? null,
    rate_limits: [...(settings?.rateLimits ?? [])],
    enforced: [...(settings?.enforced ?? [])],
    hidden: [...(settings?.hidden ?? [])],
    partitions: site.partitions?.map(partitionView) ?? null,
    accounts:
      site.accounts?.map(({ isDefault, defaultQos, qos, limits, ...rest }) => ({
        ...rest,
        default: isDefault,
        qos: [...qos],
        default_qos: defaultQos,
        limits: [...limits],
      })) ?? null,
    qos: site.qos?.map(({ name, limits }) => ({ name, limits: [...limits] })) ?? null,
    fairshare: site.fairshare?.map(({ fairshare, ...rest }) => ({ ...rest, factor: fairshare })) ?? null,
    unread: [...site.unread],
  };
}

function partitionView({ isDefault, maxWalltime, defaultWalltime, memoryMb, gpus, rules, environments, ...rest }: PartitionView) {
  return {
    ...rest,
    default: isDefault,
    max_walltime: maxWalltime,
    default_walltime: defaultWalltime,
    node_memory_mb: memoryMb,
    gpus: gpus?.map((gpu) => ({ ...gpu })) ?? null,
    rules: [...rules],
    ...(environments ? { parallel_environments: [...environments] } : {}),
  };
}

/** The same in a few lines; `?` is "not known". */
export function descriptionText(name: string, version: string | null, site: Out): string[] {
  return [
    `site ${name}: ${version ?? '?'}, cluster ${site.cluster ?? '?'}; ${site.controller}`,
    `  accounting ${site.accounting ?? '?'}; comments ${said(site.comments_kept, 'kept', 'not kept')}; finished jobs remembered ${age(site.min_job_age)}; array index up to ${site.max_array_index ?? '?'}; requeue ${said(site.requeues, 'unless the job says no', 'never by itself')}${site.enforce_part_limits === null ? '' : `; EnforcePartLimits=${site.enforce_part_limits}`}`,
    ...listed('  accounting enforces', site.enforced),
    ...listed('  hidden from users', site.hidden),
    ...listed('  limits', site.rate_limits),
    ...(site.partitions ?? []).map(partitionLine),
    ...(site.accounts?.length === 0 ? ['  account: none'] : []),
    ...(site.accounts ?? []).map(
      (one) =>
        `  account ${one.name}${one.default ? '*' : ''}${one.partition === null ? '' : ` on ${one.partition}`}: QOS ${one.qos.join(', ') || 'none'}${one.default_qos === null ? '' : ` (default ${one.default_qos})`}; ${limited(one.limits)}`,
    ),
    ...(site.qos ?? []).map((one) => `  QOS ${one.name}: ${limited(one.limits)}`),
    ...(site.fairshare ?? []).map(
      (one) =>
        `  fairshare of ${one.account}: ${one.factor ?? '?'} (0 used up, 1 unused); shares ${one.shares}, usage ${one.usage ?? '?'}`,
    ),
    ...site.unread.map(({ part, why }) => `  ${part} not known: ${why}`),
  ];
}

function partitionLine(one: NonNullable<Out['partitions']>[number]): string {
  const { nodes, cpus, node_memory_mb: memory } = one;
  const gpus = one.gpus?.map(({ type, total, free }) => `${type ?? 'GPU'} ${free ?? '?'}/${total}`).join(', ');
  return [
    `  partition ${one.name}${one.default ? '*' : ''} ${one.state}`,
    `walltime up to ${one.max_walltime ?? '?'}${one.default_walltime === one.max_walltime ? '' : ` (default ${one.default_walltime ?? '?'})`}`,
    `usable nodes ${nodes.usable ?? '?'}/${nodes.total ?? '?'}`,
    `free cpus ${cpus.free ?? '?'}/${cpus.total ?? '?'}`,
    gpus === undefined ? 'GPUs ?' : gpus === '' ? 'no GPUs' : `free GPUs ${gpus}`,
    memory === null
      ? 'memory ?'
      : `${memory.least === memory.most ? memory.most : `${memory.least} to ${memory.most}`} MB a node`,
    ...(one.qos === null ? [] : [`QOS ${one.qos} limits it`]),
    ...one.rules,
    ...(one.parallel_environments?.length ? [`parallel environments ${one.parallel_environments.join(', ')}`] : []),
  ].join('; ');
}

function listed(what: string, items: readonly string[]): string[] {
  return items.length === 0 ? [] : [`${what}: ${items.join(', ')}`];
}

function limited(items: readonly string[]): string {
  return items.join(', ') || 'no limits';
}

function said(value: boolean | null, yes: string, no: string): string {
  return value === null ? '?' : value ? yes : no;
}

function age(seconds: number | null): string {
  if (seconds === null) return '?';
  return seconds === 0 ? 'for ever' : `for ${count(seconds, 'second')}`;
}
