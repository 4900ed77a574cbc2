import { mkdirSync, mkdtempSync, realpathSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { sha256 } from '../../src/base/digest.ts';
import { unseen } from '../../src/runs/evidence/evidence.ts';
import type { JournalEvent, JournalLine } from '../../src/runs/journal.ts';
import type { Plan } from '../../src/runs/launch/plan.ts';
import type { Run } from '../../src/runs/run.ts';
import { record } from '../../src/runs/run.ts';
import type { TaskRecord } from '../../src/runs/types.ts';
import type { Marker } from '../../src/sites/job-script.ts';
import type { JobView, Requested } from '../../src/sites/schedulers/scheduler.ts';
import { removeFolder } from '../support/folders.ts';

export const RUN_ID = '20260101T000000Z_abcdef';
export const AT = '2026-01-01T00:00:00Z';
export const SCRIPT = '#!/bin/sh\necho "$AUTOLAB_RUN_ID $AUTOLAB_ATTEMPT $AUTOLAB_TASK_INDEX" >> executions.log\n';

export function scratch(name: string): { path: string; remove(): void } {
  const path = realpathSync(mkdtempSync(join(tmpdir(), `${name}-`)));
  return { path, remove: () => removeFolder(path) };
}

export function requested(change: Partial<Requested> = {}): Requested {
  return {
    cpus: 1,
    gpus: 0,
    gpuType: null,
    nodes: 1,
    memoryMb: null,
    walltimeSeconds: 60,
    indices: null,
    parallel: null,
    partition: null,
    account: null,
    qos: null,
    requeues: 0,
    ...change,
  };
}

export function plan(change: Partial<Requested> = {}, script = SCRIPT): Plan {
  return {
    schema_version: '1',
    iteration: { id: 'it1', type: 'plan', folder: 'experiments/plan/it1', experiment: null },
    site: 'local',
    scheduler: 'local',
    host_mode: 'slurm',
    steps: [
      {
        name: 'main',
        script: { path: 'launch/run_local.sh', sha256: sha256(script), generated: false },
        args: [],
        jobName: 'run_local.sh',
        requested: requested(change),
      },
    ],
    environment: { modules: [], setup: [], pass: [], set: {} },
    seeds: null,
    preflight: [],
    logs: [],
    artifacts: { pull: [], expect: [] },
    inputs: {},
    capsule: { commit: null, clean: false, changed: [], digest: null, why: 'no repository' },
    price: { cpu_hours: 1, gpu_hours: 0, memory_gb_hours: null, node_hours: 1 },
  };
}

export function view(change: Partial<JobView> = {}): JobView {
  return {
    id: '7',
    index: null,
    name: 'al_r.main.1.00',
    user: 'me',
    state: 'running',
    word: 'RUNNING',
    reason: null,
    blocked: false,
    exit: null,
    signal: null,
    node: null,
    submitted: null,
    started: null,
    ended: null,
    estimatedStart: null,
    used: null,
    ...change,
  };
}

export function marker(change: Partial<Marker> = {}): Marker {
  return {
    schema_version: '1',
    step: 'main',
    task: 0,
    attempt: 1,
    restart: 0,
    job_id: '7',
    node: 'n1',
    exit: 0,
    signals: [],
    started: 100,
    ended: 110,
    stdout: '/w/out',
    stderr: '/w/err',
    ...change,
  };
}

export function task(change: Partial<TaskRecord> = {}): TaskRecord {
  return { ...unseen(0), ...change };
}

const of = { step: 'main', attempt: 1 };

/** A submission as its journal tells it, up to and with the event that is named. */
export function told(upTo: 'intent' | 'submitted' | 'released' = 'released'): JournalEvent[] {
  const all: JournalEvent[] = [
    {
      event: 'intent',
      ...of,
      name: 'al_r.main.1.00',
      plan_digest: 'd',
      policy_version: 'p',
      approval: null,
      by: 'test',
    },
    { event: 'submitted', ...of, job_id: '7', adopted: false },
    { event: 'moved', from: 'pending', to: 'submitted', because: 'job 7 on local' },
    { event: 'read_back', ...of, differences: [] },
    { event: 'releasing', ...of },
    { event: 'released', ...of },
  ];
  return all.slice(0, { intent: 1, submitted: 3, released: 6 }[upTo]);
}

export function lines(events: readonly JournalEvent[]): JournalLine[] {
  return events.map((event, at) => ({ v: 1, n: at + 1, at: AT, ...event }));
}

/** A run on disk in the state that these events give it. */
export function runOnDisk(repo: string, events: readonly JournalEvent[], its: Plan = plan()): Run {
  const iterationFolder = join(repo, its.iteration.folder);
  const folder = join(iterationFolder, 'runs', RUN_ID);
  mkdirSync(join(folder, 'logs'), { recursive: true });
  const empty: Run = {
    id: RUN_ID,
    folder,
    iterationFolder,
    plan: its,
    record: {
      state: 'pending',
      because: null,
      attempts: [],
      tasks: [],
      sync: { status: 'pending', detail: '', missing: [] },
      extraction: null,
      cancelling: false,
      differences: [],
      refused: null,
      startedAt: null,
      overAt: null,
      lookedAt: null,
      retries: 0,
      opened: false,
      reopenedBy: null,
      last: 0,
      lastAt: null,
    },
  };
  return record(empty, ...events);
}

export function observed(tasks: TaskRecord[], looked = 1000): JournalEvent {
  return { event: 'observed', ...of, looked, tasks };
}

/** A design.yaml with this extract_parser, in YAML's flow form. */
export function designText(parser: string): string {
  return `schema_version: "1.0"
id: e1
iteration_id: it1
hypothesis_id: h1
entrypoint: { module: lab.main }
compute: { location: local }
metrics:
  primary: { name: accuracy, unit: fraction, mode: maximize }
  success_delta: "+0.01"
  aggregation: mean
  baseline_comparison: absolute
baselines: [{ name: current, description: what is there }]
implementation_requirements: [{ requirement_id: r1, description: it runs, scope_kind: experiment }]
extract_parser: ${parser}
`;
}
