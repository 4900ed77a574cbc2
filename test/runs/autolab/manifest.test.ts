import fc from 'fast-check';
import { expect, test } from 'vitest';
import { jsonText } from '../../../src/base/files.ts';
import {
  canonicalSync,
  isStandIn,
  type ManifestFacts,
  parseManifest,
  projectManifest,
  readManifest,
} from '../../../src/runs/autolab/manifest.ts';
import { RUN_STATES } from '../../../src/runs/types.ts';
import { referenceFindings } from '../../reference-schemas/reference.ts';
import { failureOf } from '../failing.ts';

const FACTS: ManifestFacts = {
  runId: '20260201T101112Z_abc123',
  iterationId: 'penguins-1',
  hostMode: 'slurm',
  scheduler: 'gridengine',
  site: 'cluster',
  command: 'launch/run_slurm.sbatch',
  requested: {
    cpus: 4,
    gpus: 1,
    gpuType: 'a100',
    nodes: 1,
    memoryMb: 16384,
    walltimeSeconds: 129_600,
    indices: [0, 1, 2, 5],
    parallel: 2,
    partition: 'gpu',
    account: null,
    qos: null,
    requeues: 0,
  },
  state: 'submitted',
  jobId: '4711',
  jobName: 'al_20260201t101112z_abc123.main.1.0123456789ab',
  sync: { status: 'pending', detail: null },
  startedAt: '2026-02-01T10:11:12Z',
  completedAt: null,
  tasks: { total: 4, waiting: 4, running: 0, succeeded: 0, failed: 0, interrupted: 0, unknown: 0 },
  failure: null,
  planDigest: 'd'.repeat(64),
  price: { cpu_hours: 576 },
};

const SUBMITTED = {
  schema_version: '1.0',
  run_id: '20260201T101112Z_abc123',
  iteration_id: 'penguins-1',
  host_mode: 'slurm',
  launch_mode: 'slurm',
  scheduler: 'gridengine',
  site: 'cluster',
  command: 'launch/run_slurm.sbatch',
  resource_request: {
    cpus: 4,
    gpu_count: 1,
    gpu_type: 'a100',
    nodes: 1,
    memory: '16384MB',
    walltime: '36:00:00',
    partition: 'gpu',
    array: { indices: '0-2,5', tasks: 4, parallel: 2 },
    job_id: '4711',
    slurm: { job_id: '4711' },
  },
  job_id: '4711',
  slurm: { job_id: '4711' },
  status: 'submitted',
  artifact_sync_to_local: { status: 'pending' },
  timestamps: { started_at: '2026-02-01T10:11:12Z' },
  started_at: '2026-02-01T10:11:12Z',
  tasks: { total: 4, waiting: 4, running: 0, succeeded: 0, failed: 0, interrupted: 0, unknown: 0 },
  autolab_mcp: {
    schema_version: '1',
    job_name: 'al_20260201t101112z_abc123.main.1.0123456789ab',
    plan_digest: 'd'.repeat(64),
    price: { cpu_hours: 576 },
  },
};

test('a submitted run', () => {
  expect(projectManifest(undefined, FACTS)).toEqual(SUBMITTED);
});

test('before there is a job id a stand-in keeps the reference from submitting the run itself', () => {
  const manifest = projectManifest(undefined, { ...FACTS, state: 'pending', jobId: null });
  const id = `pending-${FACTS.jobName}`;
  expect(manifest).toEqual({
    ...SUBMITTED,
    status: 'pending',
    job_id: id,
    slurm: { job_id: id },
    resource_request: { ...SUBMITTED.resource_request, job_id: id, slurm: { job_id: id } },
  });
  expect([isStandIn(id), isStandIn('4711'), isStandIn('none-x')]).toEqual([true, false, true]);
});

test('a failed local run, without what only an asynchronous one has', () => {
  const failure = { class: 'exit_code', detail: 'exit code 3', remedy: 'read the log' } as const;
  const requested = { ...FACTS.requested, gpuType: null, memoryMb: null, walltimeSeconds: null, indices: null, partition: null };
  const facts: ManifestFacts = {
    ...FACTS,
    hostMode: 'local',
    requested,
    state: 'failed',
    completedAt: '2026-02-01T11:00:00Z',
    failure,
  };
  const { job_id, slurm, ...rest } = SUBMITTED;
  expect(projectManifest(undefined, { ...facts, sync: { status: 'failed', detail: 'nothing to collect' } })).toEqual({
    ...rest,
    host_mode: 'local',
    launch_mode: 'local',
    resource_request: { cpus: 4, gpu_count: 1, nodes: 1 },
    status: 'failed',
    artifact_sync_to_local: { status: 'failed', detail: 'nothing to collect' },
    timestamps: { started_at: '2026-02-01T10:11:12Z', completed_at: '2026-02-01T11:00:00Z' },
    completed_at: '2026-02-01T11:00:00Z',
    failure,
  });
});

test('what others wrote stays, at every depth; what was ours and is over goes', () => {
  const previous = {
    ...SUBMITTED,
    workspace_revision: { label: 'v1' },
    failure: { class: 'lost' },
    completed_at: '2026-01-01T00:00:00Z',
    slurm: { job_id: '1', nodelist: 'n1' },
    resource_request: { cpus: 99, licenses: 2, job_id: '1' },
    artifact_sync_to_local: { status: 'failed', detail: 'old', pulled_paths: ['a'] },
    timestamps: { started_at: 'x', completed_at: 'y', queued_at: 'z' },
  };
  expect(projectManifest(previous, FACTS)).toEqual({
    ...SUBMITTED,
    workspace_revision: { label: 'v1' },
    slurm: { job_id: '4711', nodelist: 'n1' },
    resource_request: { ...SUBMITTED.resource_request, licenses: 2 },
    artifact_sync_to_local: { status: 'pending', pulled_paths: ['a'] },
    timestamps: { started_at: '2026-02-01T10:11:12Z', queued_at: 'z' },
  });
});

const json = fc.jsonValue({ maxDepth: 3 });
const previous = fc.oneof(
  json,
  fc.dictionary(
    fc.constantFrom('slurm', 'job_id', 'timestamps', 'resource_request', 'artifact_sync_to_local', 'status', 'note', 'x'),
    json,
  ),
);
const facts = fc.record({
  state: fc.constantFrom(...RUN_STATES),
  hostMode: fc.constantFrom('local' as const, 'slurm' as const),
  jobId: fc.constantFrom('12', '12.host', null),
});

test('every manifest satisfies the reference, keeps what is not ours, and is a projection', () => {
  fc.assert(
    fc.property(previous, facts, (before, some) => {
      const all = { ...FACTS, ...some, completedAt: some.state === 'pending' ? null : '2026-02-01T11:00:00Z' };
      const manifest = projectManifest(before, all);
      expect(referenceFindings('run_manifest', manifest)).toEqual([]);
      expect(projectManifest(manifest, all)).toEqual(manifest);
      if (typeof before === 'object' && before !== null && !Array.isArray(before) && 'note' in before)
        expect(manifest.note).toEqual(before.note);
    }),
  );
});

test('a run that is over has an end, and a manifest is never written over that of another run', () => {
  expect(failureOf(() => projectManifest(undefined, { ...FACTS, state: 'failed' })).code).toBe('internal');
  expect(failureOf(() => projectManifest({ run_id: 'other' }, FACTS))).toEqual({
    code: 'file_invalid',
    what: 'the manifest of run 20260201T101112Z_abc123 says it is run "other"',
    why: 'it was copied or moved, and overwriting it would lose the other run',
    next: 'put the manifest of 20260201T101112Z_abc123 back, or move the other one away',
    retry: false,
  });
});

test('a manifest is read leniently, and a torn one never as none', () => {
  expect(readManifest('/nowhere/run_manifest.json')).toBeUndefined();
  expect(parseManifest(jsonText({ run_id: ' r1 ', iteration_id: 'i', anything: [1] }), 'm.json')).toEqual({
    run_id: 'r1',
    iteration_id: 'i',
    anything: [1],
  });
  expect(failureOf(() => parseManifest('', 'm.json')).what).toBe('m.json is not JSON');
  expect(failureOf(() => parseManifest('{"run_id": "r', 'm.json')).code).toBe('file_invalid');
  expect(failureOf(() => parseManifest('{"run_id": "r1"}', 'm.json'))).toEqual({
    code: 'file_invalid',
    what: 'm.json:1:1: iteration_id is missing; expected text',
    why: 'a run manifest names its run and its iteration',
    next: 'add iteration_id to m.json',
    retry: false,
  });
});

test('sync statuses have one word each', () => {
  const words = [
    'pending',
    'queued',
    'submitted',
    'not_started',
    'na',
    'syncing',
    'running',
    'in_progress',
    'ok',
    ' Completed ',
    'success',
    'passed',
    'failed',
    'error',
    'fail',
    'fine',
    '',
  ];
  expect(words.map(canonicalSync)).toEqual([
    ...[
      'pending',
      'pending',
      'pending',
      'pending',
      'pending',
      'syncing',
      'syncing',
      'syncing',
      'ok',
      'ok',
      'ok',
      'ok',
      'failed',
      'failed',
      'failed',
    ],
    ...[undefined, undefined],
  ]);
});
