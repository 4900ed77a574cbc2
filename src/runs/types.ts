import type { Used } from '../sites/schedulers/scheduler.ts';

/** The states of Autolab's run manifest. */
export const RUN_STATES = ['pending', 'submitted', 'running', 'synced', 'completed', 'failed', 'partial'] as const;
export type RunState = (typeof RUN_STATES)[number];

/**
 * Where one task stands. `unknown` is a state of our knowledge: the last proven state is kept beside it. `continued` follows from two tasks:
 * it was interrupted, and the next leg has gone on with it.
 */
export const TASK_STATES = [
  'pending',
  'held',
  'suspended',
  'running',
  'succeeded',
  'continued',
  'failed',
  'interrupted',
  'unknown',
] as const;
export type TaskState = (typeof TASK_STATES)[number];

export const FAILURE_CLASSES = [
  'interrupted',
  'drift',
  'duplicate',
  'out_of_memory',
  'time_limit',
  'node_failure',
  'preempted',
  'cancelled',
  'dependency',
  'launch',
  'exit_code',
  'lost',
  'artifacts',
] as const;
export type FailureClass = (typeof FAILURE_CLASSES)[number];

/** Evidence a verdict on a task rests on. */
export type Evidence = 'scheduler' | 'marker' | 'scheduler+marker' | 'none';

export type TaskRecord = {
  /** In a run of several steps, which one it is of. */
  step?: string;
  /** Of a job that a script of the run submitted by itself: that job and its name. */
  child?: string;
  index: number;
  state: TaskState;
  /** Present when failed or interrupted. */
  failure: FailureClass | null;
  /** In plain words: why it waits, how it failed. */
  detail: string | null;
  blocked: boolean;
  exit: number | null;
  node: string | null;
  started: number | null;
  ended: number | null;
  estimatedStart: number | null;
  used: Used | null;
  evidence: Evidence;
  /**
   * Healthy looks in a row that did not find the task anywhere, and when the first of them was (epoch seconds). With `missed` 0: when
   * the scheduler first called it done while its marker was not there.
   */
  missed: number;
  missingSince: number | null;
  /** The files that really hold its output, as the job itself found them. */
  stdout: string | null;
  stderr: string | null;
  /** It had nothing to do: the leg before it had ended well. */
  unneeded?: true | undefined;
};

/** One submission of one step: the unit of "exactly once". */
export type Attempt = {
  step: string;
  attempt: number;
  name: string;
  /** How far the submission is. `refused`, `none` and `over` are ends; `unknown` needs a person. */
  phase: 'intent' | 'ambiguous' | 'submitted' | 'releasing' | 'released' | 'refused' | 'none' | 'unknown' | 'withdrawn';
  /** It was withdrawn when it had begun already. */
  begun?: true;
  jobId: string | null;
  /** It was found by its name, after an answer that was lost. */
  adopted?: true;
  intentAt: string;
  submittedAt: string | null;
  planDigest: string;
  policyVersion: string;
  /** Of a retry: the tasks that are run again, and where its plan is. */
  indices?: readonly number[];
  planFile?: string;
  /** The snapshot it executes from. */
  code?: { id: string; digest: string };
};
