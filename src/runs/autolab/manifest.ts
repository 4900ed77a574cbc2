import { z } from 'zod';
import { Failure } from '../../base/errors.ts';
import { readText } from '../../base/files.ts';
import { formatIndices } from '../../base/indices.ts';
import type { Requested } from '../../sites/schedulers/scheduler.ts';
import type { TaskCounts } from '../evidence/lifecycle.ts';
import { walltimeText } from '../launch/units.ts';
import type { FailureClass, RunState } from '../types.ts';
import { readJsonText } from './json.ts';
import { validate } from './validate.ts';

/** A manifest of ours or of the reference: an open object, of which only what names the run is asked for. */
export const manifestSchema = z.looseObject({
  run_id: z.string().trim().min(1),
  iteration_id: z.string().trim().min(1),
  status: z.string().optional(),
});
export type Manifest = z.output<typeof manifestSchema>;

/** What a manifest is projected from. */
export type ManifestFacts = {
  runId: string;
  iterationId: string;
  /** `slurm` is the reference's word for any asynchronous scheduler; `scheduler` names the real one. */
  hostMode: 'local' | 'slurm';
  scheduler: string;
  site: string;
  /** What is run, as text. */
  command: string;
  requested: Requested;
  state: RunState;
  jobId: string | null;
  /** The name under which the job was or will be submitted. */
  jobName: string;
  sync: { status: SyncStatus; detail: string | null };
  /** When the launch began. It never changes: the ledger's date is made from it. ISO, UTC. */
  startedAt: string;
  completedAt: string | null;
  tasks: TaskCounts;
  /** The runs of a group, of its base id; the job is then that of the first one that has one. */
  group?: readonly { run_id: string; status: RunState }[];
  /** The jobs of a run of several steps. */
  steps?: readonly { step: string; job_id: string | null; tasks: object }[];
  failure: { class: FailureClass; detail: string; remedy: string } | null;
  planDigest: string;
  price: Readonly<Record<string, unknown>> | null;
};

/** The manifest at `path`, or undefined where there is none. A torn or foreign file is a failure: it never reads as "no manifest". */
export function readManifest(path: string): Manifest | undefined {
  const text = readText(path);
  return text === undefined ? undefined : parseManifest(text, path);
}

/** The same from text; `file` is only named in messages. */
export function parseManifest(text: string, file: string): Manifest {
  return validate(manifestSchema, readJsonText(text, file), 'a run manifest names its run and its iteration');
}

/**
 * The manifest that the facts make of `previous`: valid for the reference's schema at any moment, with every field kept that is not ours.
 * Before there is a job id, an asynchronous run carries a stand-in (`pending-<job name>`): the schema wants an id, and the reference
 * takes a manifest with an id for a run already submitted, so it does not submit a second job while ours is on its way.
 */
export function projectManifest(previous: unknown, facts: ManifestFacts): Manifest {
  const old = objectOf(previous);
  refuseForeign(old, facts);
  const ended = endOf(facts);
  const job = facts.hostMode === 'slurm' ? { job_id: facts.jobId ?? standIn(facts) } : {};
  const slurm = facts.hostMode === 'slurm' ? { slurm: { ...job, ...without(old.slurm, ['job_id']) } } : {};
  return {
    schema_version: '1.0',
    run_id: facts.runId,
    iteration_id: facts.iterationId,
    host_mode: facts.hostMode,
    launch_mode: facts.hostMode,
    scheduler: facts.scheduler,
    site: facts.site,
    command: facts.command,
    resource_request: { ...resources(facts.requested), ...job, ...slurmOf(job), ...without(old.resource_request, RESOURCE_KEYS) },
    ...job,
    ...slurm,
    status: facts.state,
    artifact_sync_to_local: {
      status: facts.sync.status,
      ...(facts.sync.detail === null ? {} : { detail: facts.sync.detail }),
      ...without(old.artifact_sync_to_local, ['status', 'detail']),
    },
    timestamps: { started_at: facts.startedAt, ...ended, ...without(old.timestamps, ['started_at', 'completed_at']) },
    started_at: facts.startedAt,
    ...ended,
    tasks: facts.tasks,
    ...(facts.steps === undefined ? {} : { steps: facts.steps }),
    ...(facts.group === undefined ? {} : { run_group: facts.group.map((one) => one.run_id), replicates: facts.group }),
    ...(facts.failure === null ? {} : { failure: facts.failure }),
    autolab_mcp: { schema_version: '1', job_name: facts.jobName, plan_digest: facts.planDigest, price: facts.price },
    ...without(old, OWNED),
  };
}

/** Whether a job id is only the stand-in of `projectManifest`: nothing to poll, cancel or list. */
export function isStandIn(jobId: string): boolean {
  return /^(?:pending|none)-/.test(jobId);
}

export type SyncStatus = 'pending' | 'syncing' | 'ok' | 'failed';

const SYNC_WORDS: Readonly<Record<SyncStatus, readonly string[]>> = {
  pending: ['pending', 'queued', 'submitted', 'not_started', 'na'],
  syncing: ['syncing', 'running', 'in_progress'],
  ok: ['ok', 'completed', 'success', 'passed'],
  failed: ['failed', 'error', 'fail'],
};

/** The one word for a sync status among the reference's many; undefined for a word it does not have. */
export function canonicalSync(text: string): SyncStatus | undefined {
  const word = text.trim().toLowerCase();
  return (Object.keys(SYNC_WORDS) as SyncStatus[]).find((status) => SYNC_WORDS[status].includes(word));
}

const OWNED = [
  ...[
    'schema_version',
    'run_id',
    'iteration_id',
    'host_mode',
    'launch_mode',
    'scheduler',
    'site',
    'command',
    'resource_request',
    'job_id',
  ],
  ...['slurm', 'status', 'artifact_sync_to_local', 'timestamps', 'started_at', 'completed_at', 'tasks', 'failure', 'autolab_mcp'],
  ...['run_group', 'replicates', 'steps'],
];
const RESOURCE_KEYS = [
  'cpus',
  'gpu_count',
  'gpu_type',
  'memory',
  'nodes',
  'walltime',
  'partition',
  'account',
  'qos',
  'array',
  'job_id',
  'slurm',
];

function resources(requested: Requested): Record<string, unknown> {
  const { memoryMb, walltimeSeconds, indices, parallel } = requested;
  const known = {
    cpus: requested.cpus,
    gpu_count: requested.gpus,
    gpu_type: requested.gpuType,
    nodes: requested.nodes,
    memory: memoryMb === null ? null : `${memoryMb}MB`,
    walltime: walltimeSeconds === null ? null : walltimeText(walltimeSeconds),
    partition: requested.partition,
    account: requested.account,
    qos: requested.qos,
    array: indices === null ? null : { indices: formatIndices(indices), tasks: indices.length, parallel },
  };
  return Object.fromEntries(Object.entries(known).filter(([, value]) => value !== null));
}

function slurmOf(job: { job_id?: string }): { slurm?: { job_id: string } } {
  return job.job_id === undefined ? {} : { slurm: { job_id: job.job_id } };
}

function standIn(facts: ManifestFacts): string {
  return `${facts.state === 'failed' ? 'none' : 'pending'}-${facts.jobName}`;
}

function endOf(facts: ManifestFacts): { completed_at?: string } {
  if (facts.completedAt !== null) return { completed_at: facts.completedAt };
  if (facts.state !== 'completed' && facts.state !== 'failed') return {};
  throw new Failure('internal', {
    what: `run ${facts.runId} is ${facts.state} without an end`,
    next: 'report this as a defect; the manifest was not changed',
  });
}

function refuseForeign(old: Record<string, unknown>, facts: ManifestFacts): void {
  if (old.run_id === undefined || old.run_id === facts.runId) return;
  throw new Failure('file_invalid', {
    what: `the manifest of run ${facts.runId} says it is run ${JSON.stringify(old.run_id)}`,
    why: 'it was copied or moved, and overwriting it would lose the other run',
    next: `put the manifest of ${facts.runId} back, or move the other one away`,
  });
}

function without(value: unknown, keys: readonly string[]): Record<string, unknown> {
  return Object.fromEntries(Object.entries(objectOf(value)).filter(([key]) => !keys.includes(key)));
}

function objectOf(value: unknown): Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? { ...value } : {};
}
