import type { JobState } from './scheduler.ts';

/** Base states and the flags that squeue and sacct show in their place (slurm.h, squeue(1) and sacct(1), 20.11 to 25.x). */
const STATES: Readonly<Record<string, JobState>> = {
  PENDING: 'pending',
  RUNNING: 'running',
  SUSPENDED: 'suspended',
  COMPLETED: 'completed',
  CANCELLED: 'cancelled',
  FAILED: 'failed',
  TIMEOUT: 'timeout',
  NODE_FAIL: 'node_failure',
  PREEMPTED: 'preempted',
  BOOT_FAIL: 'node_failure',
  DEADLINE: 'timeout',
  OUT_OF_MEMORY: 'out_of_memory',
  LAUNCH_FAILED: 'node_failure',
  RECONFIG_FAIL: 'node_failure',
  // Removed from the federation: another cluster may run it.
  REVOKED: 'unknown',
  CONFIGURING: 'running',
  COMPLETING: 'completing',
  STAGE_OUT: 'completing',
  SIGNALING: 'running',
  RESIZING: 'running',
  STOPPED: 'suspended',
  REQUEUED: 'requeued',
  REQUEUE_FED: 'requeued',
  REQUEUE_HOLD: 'held',
  SPECIAL_EXIT: 'held',
  RESV_DEL_HOLD: 'held',
  POWER_UP_NODE: 'running',
  UPDATE_DB: 'completing',
  EXPEDITING: 'pending',
};

/** squeue’s short codes, which some sites’ wrappers print. */
const SHORT: Readonly<Record<string, string>> = {
  PD: 'PENDING',
  R: 'RUNNING',
  S: 'SUSPENDED',
  CD: 'COMPLETED',
  CA: 'CANCELLED',
  F: 'FAILED',
  TO: 'TIMEOUT',
  NF: 'NODE_FAIL',
  PR: 'PREEMPTED',
  BF: 'BOOT_FAIL',
  DL: 'DEADLINE',
  OOM: 'OUT_OF_MEMORY',
  LF: 'LAUNCH_FAILED',
  RF: 'RECONFIG_FAIL',
  RV: 'REVOKED',
  CF: 'CONFIGURING',
  CG: 'COMPLETING',
  SO: 'STAGE_OUT',
  SI: 'SIGNALING',
  RS: 'RESIZING',
  ST: 'STOPPED',
  RQ: 'REQUEUED',
  RH: 'REQUEUE_HOLD',
  SE: 'SPECIAL_EXIT',
  RD: 'RESV_DEL_HOLD',
};

/** States in which a job has ended for good. A word that is in no table has not ended. */
const OVER: ReadonlySet<JobState> = new Set([
  'completed',
  'failed',
  'timeout',
  'cancelled',
  'out_of_memory',
  'node_failure',
  'preempted',
  'dependency',
]);

/** `CANCELLED by 1001` and `CANCELLED+` mean CANCELLED; anything that is in no table is unknown. */
export function stateOf(words: string): JobState {
  const word = /^([A-Z_]+)\+?(?: by \d+)?$/.exec(words)?.[1] ?? '';
  const long = Object.hasOwn(SHORT, word) ? (SHORT[word] ?? '') : word;
  return Object.hasOwn(STATES, long) ? (STATES[long] ?? 'unknown') : 'unknown';
}

export function isOver(state: JobState): boolean {
  return OVER.has(state);
}

/** Reasons of a hold. The administrator's is not the owner's to lift (scontrol(1)). */
const HELD =
  /^(?:JobHeldUser|JobHeldAdmin|job_requeued_in_held_state|launch_failed_requeued_held|JobHoldMaxRequeue|ReqNodeNotAvail_Held)$/;
/**
 * Waiting that ends by nobody's doing but a person's (squeue(1), "JOB REASON CODES"; job_state_reason.c). Limits on a group's or a user's
 * jobs are not among them: those end when other jobs do. Letters' case differs between versions.
 */
const BLOCKED =
  /^(?:JobHeldAdmin|JobHoldMaxRequeue|launch_failed_requeued_held|job_requeued_in_held_state|BadConstraints|DependencyNeverSatisfied|Partition(?:NodeLimit|TimeLimit|Config)|AccountNotAllowed|QOSNotAllowed|InvalidAccount|InvalidQOS|AccountingPolicy|Reservation(?:Deleted|Invalid)|MaxMemPerLimit|DeadLine|(?:Assoc|QOS)Max\w*(?:PerJob|PerNode)(?:Limit)?|(?:Assoc|QOS)Max\w*MinutesPerJob\w*|QOSMin\w+)$/i;

/** Slurm's own sentences in the place of a reason (job_scheduler.c); scontrol writes them with underscores. */
const NOT_PERMITTED = /^(?:Job|User)'s[ _]\w+[ _]not[ _]permitted[ _]to[ _]use[ _]this[ _]partition/;

export type Waiting = { held: boolean; blocked: boolean };

/** What a pending job's reason means. */
export function waitingFor(reason: string): Waiting {
  return { held: HELD.test(reason), blocked: BLOCKED.test(reason) || NOT_PERMITTED.test(reason) };
}

/** Reasons in plain words; others are shown as they are. */
const WORDS: Readonly<Record<string, string>> = {
  JobHeldUser: 'held by its owner',
  JobHeldAdmin: 'held by an administrator: only they can release it',
  Priority: 'waits behind jobs of higher priority',
  Resources: 'waits for resources to become free',
  Dependency: 'waits for the job it depends on',
  DependencyNeverSatisfied: 'the job it depends on failed: this one never starts',
  JobArrayTaskLimit: 'waits for other tasks of its array, as many run at once as may',
  BadConstraints: 'no node has what it asks for: it never starts',
  PartitionTimeLimit: 'its walltime is over the partition’s limit: it never starts',
  PartitionNodeLimit: 'its nodes are outside the partition’s limits: it never starts',
  PartitionConfig: 'the partition’s configuration does not let it start',
  PartitionDown: 'the partition is down',
  PartitionInactive: 'the partition is inactive',
  AccountNotAllowed: 'the partition does not take this account',
  QOSNotAllowed: 'the partition does not take this QOS',
  BeginTime: 'waits for its begin time (after a requeue, a minute or two)',
  ReqNodeNotAvail: 'nodes it needs are down, reserved or in maintenance',
  None: 'waits for the scheduler’s next pass',
};

/** A reason for the reader: plain words where there are some, and the scheduler's own. */
export function reasonWords(reason: string): string | null {
  const plain = reason.replace(/[()]/g, '').split(',')[0]?.trim() ?? '';
  if (plain === '' || plain === 'N/A' || plain === 'None') return plain === 'None' ? (WORDS.None ?? null) : null;
  return Object.hasOwn(WORDS, plain) ? `${WORDS[plain]} (${plain})` : reason;
}
