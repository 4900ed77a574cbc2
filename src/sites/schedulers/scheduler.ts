import type { Failure } from '../../base/errors.ts';
import type { Ask, Output } from '../transports/transport.ts';
import type { SiteDescription } from './description.ts';

/** Opaque text: `12`, `12.host`. Never parsed, never calculated with. */
export type JobId = string;

/** What one job asks of the scheduler, in normal units. Null means "the site's default", which the gate treats as unknown where it matters. */
export type Requested = {
  /** Per task of the array. */
  cpus: number;
  gpus: number;
  gpuType: string | null;
  nodes: number;
  /** Processes that the job may start side by side (ranks of MPI), over which its cpus are divided. Absent: one on each node. */
  tasks?: number;
  /** MiB per task; 0 is the whole node; null the site's default. */
  memoryMb: number | null;
  walltimeSeconds: number | null;
  /** Array indices in ascending order; null for a job that is no array. */
  indices: readonly number[] | null;
  /** At most this many array tasks at once; null for no limit. */
  parallel: number | null;
  /** Several with commas between them: the scheduler chooses one. */
  partition: string | null;
  account: string | null;
  qos: string | null;
  /** How often the scheduler may start the job again by itself. */
  requeues: number;
  /** Nobody else's jobs run on its nodes: it gets all their cpus and gpus, whatever the figures above say. */
  wholeNodes?: true;
  /** Nodes it does not run on, by name. Only a retry asks for that, after a node has failed. */
  exclude?: readonly string[];
  /** What the site calls things that its scheduler has no word of its own for. */
  names?: { pe?: string; memory?: string; gpus?: string };
  /** What else it would get that nobody asked for, in words: only of a job that was read back. */
  extras?: readonly string[];
};

/** A job, or those tasks of it; `indices` null: whatever of it waits. */
export type Tasks = { id: JobId; indices: readonly number[] | null };

/** How much it may be at most, or why that is not known. */
export type Amount = number | { why: string };

/** What a request comes to where the site gives more than was asked: totals of one task over its nodes, at worst. */
export type Worst = {
  cpus: Amount;
  gpus: Amount;
  memoryMb: Amount;
  /** As asked for; where nothing was, what is then asked for outright. */
  walltimeSeconds: Amount;
  /** It may get whole nodes, asked for or not. */
  wholeNodes: boolean;
};

/** A job ready to be submitted. Every path is absolute, at the site. `{task}` in stdout and stderr stands for the array index (0 without an array). */
export type Job = {
  /** `al_<run>.<step>.<attempt>.<nonce>`: one name, one submission. */
  name: string;
  /** Our job script. */
  script: string;
  cwd: string;
  stdout: string;
  stderr: string;
  requested: Requested;
  /** All that the job gets from us; nothing of the caller's environment goes along. */
  environment: Readonly<Record<string, string>>;
  /** What it waits for at the scheduler. A job that waits is not held besides: a held child of a failed parent cannot be released by its owner. */
  after: readonly { id: JobId; on: 'success' | 'any' }[];
  /** It is held although it waits: for jobs of another run, which may be over when it is looked at next. */
  held?: true;
  /** Product, version, run and the plan's digest: how staff can find us. */
  comment: string;
};

/** The scheduler's word for a job, translated. What is not in the scheduler's table is `unknown`: never an error, never success. */
export type JobState =
  | 'pending'
  | 'held'
  | 'suspended'
  | 'requeued'
  | 'running'
  | 'completing'
  | 'completed'
  | 'failed'
  | 'timeout'
  | 'cancelled'
  | 'out_of_memory'
  | 'node_failure'
  | 'preempted'
  | 'dependency'
  | 'unknown';

/** What accounting says of a task that is over. */
export type Used = {
  elapsedSeconds: number | null;
  cpuSeconds: number | null;
  maxRssMb: number | null;
  /** What it held, busy or not, in seconds of one cpu and of one gpu, over all of its starts. */
  held?: { cpuSeconds: number; gpuSeconds: number } | undefined;
};

/** One task as the scheduler tells it. Times are epoch seconds at the site. */
export type JobView = {
  id: JobId;
  /** The array index; null for a job that is no array. A pending array is expanded to its tasks. */
  index: number | null;
  name: string;
  user: string;
  state: JobState;
  /** The scheduler's own word, for the reader. */
  word: string;
  reason: string | null;
  /** Will never start without somebody's help. */
  blocked: boolean;
  exit: number | null;
  signal: number | null;
  node: string | null;
  submitted: number | null;
  started: number | null;
  ended: number | null;
  estimatedStart: number | null;
  /** What the task really used, where it is recorded. */
  used: Used | null;
  /** What it may use now, while it waits or runs; absent where the scheduler does not say. `walltimeSeconds` null: no limit. */
  may?: { cpus: number; nodes: number; walltimeSeconds: number | null; memoryMb?: number; gpus?: number };
};

/** `missing`: why a name without a row proves nothing; absent where it does. */
export type Found = { rows: JobView[]; missing?: Failure };

export type PollQuery = {
  /** `open`: how many of its tasks are not known to be over, 1 where it is not said. Those that left the queue are asked of accounting. */
  jobs: readonly { id: JobId; name: string; open?: number }[];
  user: string;
  /** Epoch seconds before the earliest submission asked about. */
  since: number;
  /** Names under which nothing may be there any more: a job of one of them that is not over is told. */
  late?: readonly string[];
};

/** One look for all runs of a site. `healthy` false: an empty or missing row proves nothing; `trouble` is then the scheduler's own words, if any. */
export type Look = { at: number; healthy: boolean; trouble?: string; jobs: JobView[]; late?: { id: JobId; name: string }[] };

/** What of the user's is in the queue, ours and others'. */
export type Queue = { active: number; pending: number };

/** Whether a job is there, has ended for good, or cannot be told of. */
export type Standing = 'there' | 'gone' | 'unknown';

/** One job as the scheduler remembers it, an array as one. `comment` null: none, or the site keeps none. `submitted`: epoch seconds at the site. */
export type JobTrace = {
  id: JobId;
  name: string;
  user: string;
  submitted: number | null;
  comment: string | null;
  /** The folder it was submitted to start in; absent where the scheduler does not say. */
  folder?: string;
};

/** `reaches`: since when accounting is whole, so that a job it does not know was never there; null where none is kept. Epoch seconds. */
export type History = { at: number; jobs: JobTrace[]; reaches: number | null };

/** A scheduler's own word about a job it would not, or never, run. */
export type Finding = { severity: 'error' | 'warning'; what: string; quoted?: string };

export type ScriptOptions = {
  /** What the script's own `#SBATCH` or `#$` lines ask for, in normal units; only what was said. */
  requested: Partial<Requested>;
  /** The job name the user's script gives itself. */
  name: string | null;
};

/** What one step's script may submit by itself, for the program that records it. Paths are absolute, at the site. */
export type RecorderSpec = {
  /** Where it leaves its notes. */
  notes: string;
  jobs: number;
  tasks: number;
  each: Requested;
  /** The beginning of a name for a job that the script gives none, and of every job's comment. */
  name: string;
  comment: string;
};

/** A program that stands in the way of the scheduler's own one in a job, counts and notes its calls, and passes them on. */
export type Recorder = {
  program: string;
  text(spec: RecorderSpec): string;
  /** What the real program's answer says. Throws `scheduler_refused` only for a definite refusal. */
  read(output: Output): JobId;
};

/** A batch system: commands and readers, no state and no processes, so that any scheduler works over any transport and none needs a mock. */
export type Scheduler = {
  readonly name: string;
  /** Whether it can keep a job off nodes by their names. */
  readonly excludes?: true;
  /** Whether what waits for a job's success begins after its failure as well, so that the job script has to look. */
  readonly failsForward?: true;
  /** Reads the option lines of the user's script by a closed list. Throws `script_directive` naming line and option for anything else. */
  options(script: string): ScriptOptions;
  /** A request as this scheduler counts it: rounded up to its own units, so that a price made from it is never too low. */
  counted(requested: Requested): Requested;
  /** What the site may give a request at worst. Absent where it never gives more than was asked. */
  worst?(requested: Requested): Ask<Worst>;
  /** Submits held, or waiting for its parents: nothing starts before `release`, or theirs. The reader throws `scheduler_refused` only for a definite refusal. */
  submitHeld(job: Job): Ask<JobId>;
  /** The word by which the command of `submitHeld` is told among processes while it runs. Absent where it cannot outlive its caller. */
  sender?(name: string): string;
  /** What the scheduler itself says the job will get; null where the scheduler has no job of this id, or one of another name. */
  readBack(id: JobId, name?: string): Ask<Requested | null>;
  /** The exit code lies on some schedulers; look at the queue afterwards. */
  release(id: JobId): Ask<void>;
  /** Keeps what waits from beginning, as its owner may, or lets it go again. Gives what the scheduler said; what came of it is the queue's to say. */
  hold(tasks: readonly Tasks[]): Ask<string>;
  unhold(tasks: readonly Tasks[]): Ask<string>;
  /** Whether a hold that came too late sticks to what runs, so that it would come back held, should it be started again. */
  readonly holdsRunning?: true;
  /** Which waiting tasks of these arrays are held, each as `ID_INDEX`. Absent where a poll tells that of every task. */
  heldTasks?(ids: readonly JobId[]): Ask<ReadonlySet<string>>;
  /** Every job of this user with exactly one of these names submitted after `since` (epoch seconds), in all states that can be seen. */
  find(names: readonly string[], user: string, since: number): Ask<Found>;
  poll(query: PollQuery): Ask<Look>;
  queue(user: string): Ask<Queue>;
  /** Every job of this user, ours and others', from `since` on, and those of `ids` whenever they were. Throws rather than give an unproven answer. */
  history(user: string, since: number, ids: readonly JobId[]): Ask<History>;
  /** Ends jobs matched on id *and* name. Jobs that are already over are no error. */
  cancel(jobs: readonly { id: JobId; name: string }[], user: string): Ask<void>;
  /** Absent where scripts have nothing to submit with. */
  readonly recorder?: Recorder;
  /** Lets a job go on that the scheduler has put in an error state. Absent where there is no such state. */
  clear?(id: JobId): Ask<void>;
  /** The scheduler's own test of a job, without submitting it. */
  test(job: Job): Ask<Finding[]>;
  /** Whether it answers at all, and which version it is. */
  version(): Ask<string>;
  /** What the site is and allows, and what is free for this user. Absent where there is nothing to tell. */
  describe?(user: string): Ask<SiteDescription>;
  /** Where a job of anybody's stands, by its id alone. Absent where ids say nothing by themselves. */
  standing?(id: JobId): Ask<Standing>;
  /** For how many seconds after its submission a job of any fate can be found by name; null for ever. Absent: the table of timings says it. */
  memory?(): Ask<number | null>;
};
