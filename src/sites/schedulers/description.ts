/** A limit is told in the scheduler's own words (`MaxWall=1-00:00:00`), and only where it is set. Texts are the scheduler's: data. */
export type Limits = readonly string[];

/** Cards of one type; null where the site names no type, or where what is free cannot be counted. */
export type GpuView = { type: string | null; total: number; free: number | null };

/** One partition as its users see it. Null is "not known", never "none"; walltimes read as `launch.yaml` takes them, or `unlimited`. */
export type PartitionView = {
  name: string;
  isDefault: boolean;
  state: string;
  maxWalltime: string | null;
  defaultWalltime: string | null;
  /** `usable`: can take jobs now. */
  nodes: { total: number | null; usable: number | null };
  cpus: { total: number | null; free: number | null };
  /** MiB of its smallest and its largest node. */
  memoryMb: { least: number; most: number } | null;
  gpus: readonly GpuView[] | null;
  /** The QOS whose limits hold for all of its jobs. */
  qos: string | null;
  /** Who and what alone is taken, in words; empty: everybody may use it. */
  rules: readonly string[];
  /** By which of its names several slots can be asked for, where they have names. */
  environments?: readonly string[];
};

export type AccountView = {
  name: string;
  isDefault: boolean;
  /** Null: every partition. */
  partition: string | null;
  qos: readonly string[];
  defaultQos: string | null;
  limits: Limits;
};

export type SiteSettings = {
  cluster: string | null;
  /** For how many seconds a job that is over is remembered; 0 for ever. */
  minJobAge: number | null;
  /** How many are remembered, where it is their number that decides; of all users. */
  finishedJobs?: number | null;
  maxArrayIndex: number | null;
  /** Whether limits of the partition refuse a job at submission: NO lets it wait for ever. */
  enforcePartLimits: string | null;
  /** Whether jobs start again by themselves unless they say no. */
  requeues: boolean | null;
  /** How often a user may ask and how many jobs there may be, where the site limits it, and how soon it tells what. */
  rateLimits: Limits;
  /** What must be right about a job's account before it is taken. */
  enforced: readonly string[];
  /** What of others is hidden. */
  hidden: readonly string[];
};

export type Accounting = { state: 'answers' | 'disabled' | 'down'; keepsComments: boolean | null };

/** What a site is and allows. A part that could not be read is null, and `unread` says why. */
export type SiteDescription = {
  version: string;
  controller: string;
  settings: SiteSettings | null;
  accounting: Accounting | null;
  partitions: readonly PartitionView[] | null;
  /** The user's own. Empty: none. */
  accounts: readonly AccountView[] | null;
  /** Those that the user's accounts or a partition name. */
  qos: readonly { name: string; limits: Limits }[] | null;
  fairshare: readonly { account: string; shares: string; usage: number | null; fairshare: number | null }[] | null;
  unread: readonly { part: string; why: string }[];
};
