import { asFailure, Failure } from '../base/errors.ts';
import type { ActingPermit, Permit } from '../base/permit.ts';
import { quote } from '../base/text.ts';
import type { EventsAsked, EventsSeen } from './events-look.ts';
import { eventsLook } from './events-look.ts';
import type { Far } from './far.ts';
import { farOf } from './far.ts';
import type { Ground } from './far-files.ts';
import { groundThere } from './far-files.ts';
import type { MarkerLook } from './job-script.ts';
import { markersCommand } from './job-script.ts';
import type { LockLook } from './lock-look.ts';
import { lockLook } from './lock-look.ts';
import type { Place } from './place.ts';
import { jobThere, placeOf } from './place.ts';
import type { ProcessLook } from './process-look.ts';
import { processLook } from './process-look.ts';
import type { SiteDescription } from './schedulers/description.ts';
import type {
  Finding,
  Found,
  History,
  Job,
  JobId,
  JobView,
  Look,
  PollQuery,
  Queue,
  Requested,
  Scheduler,
  Standing,
  Tasks,
  Worst,
} from './schedulers/scheduler.ts';
import { senderLook } from './sender-look.ts';
import type { Stage } from './stage-schema.ts';
import type { Ask, Output, Transport } from './transports/transport.ts';

/** How long one command at a site may take, in milliseconds. Slurm's own programs give up on a dead controller after about nine seconds. */
const LIMIT_MS = 30_000;
/** The same for years of accounting. */
const HISTORY_LIMIT_MS = 180_000;

/** What came of a submission. Anything but a definite refusal or an id is ambiguous: the scheduler may have the job. */
export type Submission = { accepted: JobId } | { refused: string } | { ambiguous: string };

/** A scheduler over a transport. What looks takes no permit; what acts takes one. */
export type Site = {
  readonly name: string;
  readonly kind: string;
  readonly scheduler: Scheduler;
  /** The account that owns our jobs there; asked once. */
  user(): Promise<string>;
  /** Commands run on another machine than this one. */
  readonly isElsewhere: boolean;
  /** Where it has what the repository has here. */
  readonly place: Place;
  /** Its files, where they are not those of this machine. */
  readonly far?: Far;
  /** Whether nothing may be let go here at this moment. Absent: it may. */
  readonly paused?: () => boolean;
  /** How many bytes may be fetched from it for one run. Absent: as many as is usual. */
  readonly pullLimit?: number;
  /** What is brought to it ahead of runs. */
  readonly stage?: Stage;
  queue(): Promise<Queue>;
  /** What a request may come to there; undefined where it is what was asked. */
  worst(requested: Requested): Promise<Worst | undefined>;
  /** Looks for jobs submitted after `since`, epoch seconds. */
  find(name: string, since: number): Promise<JobView[]>;
  /** The same of many names with one question. */
  findAll(names: readonly string[], since: number): Promise<Found>;
  /** Those of which a submission is still on its way in a process there, though its caller may be gone. */
  sending(names: readonly string[]): Promise<string[]>;
  readBack(id: JobId, name: string): Promise<Requested | null>;
  /** Every job of the account, ours and others', since then (epoch seconds), and those of the ids. */
  history(since: number, ids: readonly JobId[]): Promise<History>;
  poll(query: Omit<PollQuery, 'user'>): Promise<Look>;
  markers(gates: readonly string[]): Promise<MarkerLook[]>;
  /** What is new of event logs that runs there write. */
  events(asked: readonly EventsAsked[]): Promise<EventsSeen[]>;
  test(job: Job): Promise<Finding[]>;
  version(): Promise<string>;
  /** What it has where the repository is, or would be; `nonce`: the name of a file in the repository's gate that is looked for there. */
  ground(nonce?: string): Promise<Ground>;
  /** What the site is and allows; undefined where its scheduler has nothing to tell. */
  describe(): Promise<SiteDescription | undefined>;
  /** Where a job of anybody's stands; unknown where its scheduler cannot say. */
  standing(id: JobId): Promise<Standing>;
  /** Looks at a lock file that jobs there take. It is neither made nor deleted, nor opened for writing. */
  lock(path: string): Promise<LockLook>;
  /** Looks at a process of the machine that jobs are submitted from. */
  process(pid: number): Promise<ProcessLook>;
  /** For how many seconds after a submission "not found" proves that nothing was accepted; null for ever; undefined where the site does not say. */
  memory(): Promise<number | null | undefined>;
  /** Checks that the permit was given for this plan. Never rejects: what is not known is `ambiguous`. */
  submitHeld(permit: Permit<'spend'>, planDigest: string, job: Job): Promise<Submission>;
  /** For jobs whose release an earlier decision allowed; the caller holds the journalled decision. */
  release(permit: ActingPermit, id: JobId): Promise<void>;
  /** Keeps what waits from beginning, and says what the scheduler said; what came of it is the next poll's to say. */
  hold(permit: ActingPermit, tasks: readonly Tasks[]): Promise<string>;
  /** Lets go what was so held. */
  unhold(permit: ActingPermit, tasks: readonly Tasks[]): Promise<string>;
  /** Which waiting tasks of these arrays are held, each as `ID_INDEX`; undefined where a poll tells that. */
  heldTasks(ids: readonly JobId[]): Promise<ReadonlySet<string> | undefined>;
  /** Lets a job go on that is in an error state; undefined where the scheduler knows none. */
  readonly clear?: (permit: ActingPermit, id: JobId) => Promise<void>;
  cancel(permit: ActingPermit, jobs: readonly { id: JobId; name: string }[]): Promise<void>;
};

/**
 * Opens a site whose files are this machine's own, or those under the root of `place`. Paths of jobs and gates are this machine's. `here` is
 * who we are on this machine, and there too unless the transport knows better.
 */
export function openSite(
  name: string,
  scheduler: Scheduler,
  transport: Transport,
  here: string,
  place: Place = placeOf('/'),
  more: Pick<Site, 'pullLimit' | 'stage'> = {},
): Site {
  const user = async () => (await transport.account?.()) ?? here;
  const run = (ask: Ask<unknown>, timeoutMs = LIMIT_MS): Promise<Output> => transport.run(ask.command, { timeoutMs });
  const ask = async <T>(question: Ask<T>, limit = LIMIT_MS): Promise<T> =>
    answer(name, question, await run(question, limit), limit);
  const far = farOf(place, transport, ask);
  const { clear } = scheduler;
  return {
    name,
    kind: scheduler.name,
    scheduler,
    user,
    isElsewhere: transport.name !== 'local',
    place,
    ...more,
    ...(far ? { far } : {}),
    queue: async () => ask(scheduler.queue(await user())),
    worst: async (requested) => (scheduler.worst ? ask(scheduler.worst(requested)) : undefined),
    find: async (job, since) => {
      const { rows, missing } = await ask(scheduler.find([job], await user(), since));
      if (rows.length === 0 && missing) throw missing;
      return rows;
    },
    findAll: async (names, since) => ask(scheduler.find(names, await user(), since)),
    sending: async (names) => {
      const { sender } = scheduler;
      if (!sender) return [];
      const seen = await ask(senderLook(names.map((one) => sender(one))));
      return names.filter((one) => seen.has(sender(one)));
    },
    readBack: (id, job) => ask(scheduler.readBack(id, job)),
    history: async (since, ids) => {
      const seen = await ask(scheduler.history(await user(), since, ids), HISTORY_LIMIT_MS);
      return {
        ...seen,
        jobs: seen.jobs.map((job) => (job.folder === undefined ? job : { ...job, folder: place.here(job.folder) })),
      };
    },
    poll: async (query) => ask(scheduler.poll({ ...query, user: await user() })),
    markers: (gates) =>
      gates.length === 0
        ? Promise.resolve([])
        : ask(markersCommand(gates.map(place.there))).then((looks) => looks.map((look) => markersHere(place, look))),
    events: (asked) => ask(eventsLook(asked.map((one) => eventsThere(place, one)))),
    test: (job) => ask(scheduler.test(far ? unborn(job) : job)),
    version: () => ask(scheduler.version()),
    ground: (nonce) => ask(groundThere(place.root, nonce)),
    describe: async () => (scheduler.describe ? ask(scheduler.describe(await user())) : undefined),
    standing: async (id) => (scheduler.standing ? ask(scheduler.standing(id)) : 'unknown'),
    lock: (path) => ask(lockLook(place.there(path))),
    process: (pid) => ask(processLook(pid)),
    memory: async () => (scheduler.memory ? ask(scheduler.memory()) : undefined),
    submitHeld: async (permit, planDigest, job) => {
      permit.check(planDigest);
      const question = scheduler.submitHeld(jobThere(place, job));
      return classify(question, await run(question));
    },
    release: (_permit, id) => ask(scheduler.release(id)),
    hold: (_permit, tasks) => (tasks.length > 0 ? ask(scheduler.hold(tasks)) : Promise.resolve('')),
    unhold: (_permit, tasks) => (tasks.length > 0 ? ask(scheduler.unhold(tasks)) : Promise.resolve('')),
    heldTasks: async (ids) => (scheduler.heldTasks && ids.length > 0 ? ask(scheduler.heldTasks(ids)) : undefined),
    ...(clear ? { clear: (_permit: ActingPermit, id: JobId) => ask(clear(id)) } : {}),
    cancel: async (_permit, jobs) => {
      if (jobs.length > 0) await ask(scheduler.cancel(jobs, await user()));
    },
  };
}

/** A job as it can be tested at a site before anything of it is there: whether its files get there shows when they are brought. */
function unborn(job: Job): Job {
  return { ...job, script: '/bin/sh', cwd: '/', stdout: '/tmp/{task}.out', stderr: '/tmp/{task}.err' };
}

function eventsThere({ there }: Place, asked: EventsAsked): EventsAsked {
  const pair = ([one, two]: readonly [string, string?]) =>
    two === undefined ? ([there(one)] as const) : ([there(one), there(two)] as const);
  return { ...asked, within: pair(asked.within), paths: pair(asked.paths) };
}

/** What jobs have left, with paths as they are here. */
function markersHere({ here }: Place, look: MarkerLook): MarkerLook {
  const file = (path: string | null) => (path === null ? null : here(path));
  const markers = look.markers.map((one) => ({ ...one, stdout: file(one.stdout), stderr: file(one.stderr) }));
  return { ...look, gate: here(look.gate), markers };
}

function answer<T>(site: string, question: Ask<T>, output: Output, limit: number): T {
  const program = question.command.argv[0];
  if (output.fault) throw output.fault;
  if (output.notStarted) {
    throw new Failure('site_unavailable', {
      what: `${program} cannot be started on site ${site}`,
      why: quote(output.stderr, 300) || 'it is not installed or not executable',
      next: 'run `autolab-mcp doctor`',
    });
  }
  if (output.timedOut) {
    throw new Failure('scheduler_unreachable', {
      what: `${program} on site ${site} did not answer within ${limit / 1000} s`,
      next: 'call again in a minute; nothing that is running is touched',
    });
  }
  return question.read(output);
}

/** An id in the output counts even if the exit code or stderr complains. */
function classify(question: Ask<JobId>, output: Output): Submission {
  // The scheduler has refused nothing: what is certain then is found out by the look-up, once the site can be reached.
  if (output.fault) return { ambiguous: output.fault.message };
  if (output.notStarted) return { refused: quote(output.stderr, 500) || `${question.command.argv[0]} cannot be started` };
  try {
    return { accepted: question.read(output) };
  } catch (error) {
    const failure = asFailure(error);
    const words = [failure.message, failure.quoted].filter(Boolean).join(': ');
    return failure.code === 'scheduler_refused' && !output.timedOut
      ? { refused: words }
      : { ambiguous: output.timedOut ? 'no answer in time' : words };
  }
}
