/** Every waiting time of a run's life, in seconds, with its source. One row a scheduler. */
export type Timings = {
  /** After this long a job that was accepted is seen by name. */
  visibility: number;
  /** For this long after a submission "not found" proves that nothing was accepted; null: records are never dropped. */
  memory: number | null;
  /** How long a success may wait for the marker to become visible (filesystem delay). */
  grace: number;
  /** A task found nowhere is lost after this many healthy looks and this much time since the first of them. */
  lostLooks: number;
  lostAfter: number;
  /** For this long the scheduler's own word on an end is waited for where there is a marker already; absent: it is there before the marker is. */
  recordLag?: number;
  /** The same of one whose cancellation was asked for before it had begun; absent: as any other. */
  cancelledAfter?: number;
};

export const TIMINGS: Readonly<Record<string, Timings>> = {
  // The runner's records are files that nobody deletes; a submission is one rename.
  local: { visibility: 2, memory: null, grace: 5, lostLooks: 3, lostAfter: 10 },
  // visibility: squeue shows a held job at once, slurmctld under load answers within 10 s (MessageTimeout, slurm.conf(5)).
  // memory: MinJobAge is 300 s by default (slurm.conf(5)); a margin is kept. grace: attribute caching of NFS, up to 60 s (nfs(5), acregmax).
  slurm: { visibility: 12, memory: 240, grace: 90, lostLooks: 3, lostAfter: 600 },
  // visibility: qstat shows a held job at once; clients give up on the qmaster after 60 s, and ask for longer than that nowhere (sge_conf(5), gdi_timeout).
  // memory: one that is deleted while it is held stays only in the list of the last ones that ended, 100 of all users (sge_conf(5), finished_jobs).
  // recordLag: what leaves the queue is in accounting after the flush below, three times over.
  // cancelledAfter: of a job that is deleted before it begins there is no record at all; of others it is there after the flush below.
  // lostAfter: accounting is written every 15 s by default (reporting_params, flush_time), and read through NFS (acregmax, as grace).
  gridengine: { visibility: 12, memory: 60, grace: 90, lostLooks: 3, lostAfter: 600, cancelledAfter: 60, recordLag: 45 },
};

/** A look that finds nothing waits for this many seconds for a submission that has outlived its caller; longer ones are left to the next call. */
export const SENDER_PATIENCE = 10;

/** For this many seconds after its intent looks at the queue look for jobs of an attempt that was given up: no submission is known to be on its way for longer. */
export const LATE_LIMIT = 3600;

/** A run whose submission is being finished by another process is left alone for this long. */
export const SUBMIT_LIMIT_MS = 60_000;
/** How long one command to a scheduler may take. `slurm.conf` MessageTimeout is 10 s; sbatch retries within it. */
export const COMMAND_LIMIT_MS = 30_000;

/**
 * By how many seconds the clock of a file's writer may be behind ours, by scheduler. Times of ours are cut to whole seconds besides. local:
 * one machine. The others: nodes and file servers set by NTP; munged(8) itself only refuses what is five minutes off.
 */
export const CLOCK_SKEW: Readonly<Record<string, number>> = { gridengine: 5, local: 1, slurm: 5 };
