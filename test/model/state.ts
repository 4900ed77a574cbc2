/** The submit protocol of design.md section 6 as a state machine: one run of one task, what is on disk, what the scheduler has, who is calling. */
export type Phase = 'intent' | 'ambiguous' | 'submitted' | 'releasing' | 'released' | 'refused' | 'none' | 'unknown';
export type RunState = 'pending' | 'submitted' | 'running' | 'succeeded' | 'failed';

/** One submission as the journal tells it, and what lies beside the journal. */
export type Attempt = {
  phase: Phase;
  job: number | null;
  /** How old the intent is: a job may not be seen yet; "not found" proves something; the scheduler forgets. */
  age: 0 | 1 | 2;
  /** Submissions that were sent and not answered: the scheduler may take them later. */
  onTheWay: number;
  givenUp: boolean;
  claim: number | null;
  executions: number;
};

export type Job = {
  attempt: number;
  state: 'held' | 'queued' | 'claimed' | 'running' | 'ended' | 'cancelled' | 'forgotten';
  /** Taken when it could have been given up already. */
  isLate: boolean;
  /** Whether a look-up by name shows it. */
  seen: boolean;
  /** Its script ended well; else nothing was run. */
  well: boolean;
  letGoBy: 'nobody' | 'us' | 'operator';
  /** What a person with the right to did: held it again once it was let go, or took it back while it was held. */
  person: '' | 'held' | 'took';
};

export type Operation = 'monitor' | 'submit' | 'cancel' | 'retry';
/** Where a caller stands: what it does next. */
export type At =
  | 'idle'
  | 'look'
  | 'looked'
  | 'wait'
  | 'surplus'
  | 'absent'
  | 'claimed'
  | 'recover more'
  | 'queue'
  | 'queued'
  | 'wait for it'
  | 'end it'
  | 'read back'
  | 'read'
  | 'let go'
  | 'after'
  | 'wait after'
  | 'gone'
  | 'act'
  | 'send'
  | 'sent'
  | 'polled'
  | 'cancel';
export type Row = { job: number; state: 'held' | 'waits' | 'begun' | 'done' | 'over' };
export type Caller = {
  operation: Operation;
  at: At;
  /** The attempt it submits or has looked at. */
  attempt: number;
  /** Its last look; null where that failed. */
  rows: readonly Row[] | null;
  /** Whether a job that was accepted may not have been seen yet in that look. */
  isEarly: boolean;
  /** Whether it is still finishing what was cut off, or is at its own work. */
  isRecovering: boolean;
  reply: '' | 'id' | 'refused' | 'lost';
};

export type State = {
  run: RunState;
  cancelling: boolean;
  retries: number;
  /** Healthy looks in a row that found nothing. */
  missed: number;
  attempts: readonly Attempt[];
  jobs: readonly Job[];
  callers: readonly Caller[];
  /** The caller that holds the run's lock. */
  lock: number | null;
  /** Whether the journalled decision stands under today's policy. */
  stands: boolean;
  /** How much more may go wrong. */
  faults: number;
  /** What must never be, as it happened. */
  broken: string;
};

/** What the product does otherwise in a mutant; all off is the protocol. */
export type Rules = {
  callers: number;
  faults: number;
  attempts: number;
  /** Whether the scheduler forgets what is over. */
  forgets: boolean;
  /** A caller may stand still between its intent and its submission for longer than a job takes to be seen. */
  stalls?: true;
  without?:
    | 'claim'
    | 'hold'
    | 'look-up'
    | 'memory'
    | 'released'
    | 'intent first'
    | 'given up'
    | 'wait for it'
    | 'end of what is refused'
    | 'watch what was let go'
    | 'lock';
};

/** `name` says who did what; `isFault`: something went wrong or a person stepped in, which has to end some time. */
export type Step = { name: string; next: State; isFault: boolean };

export const IDLE: Caller = {
  operation: 'monitor',
  at: 'idle',
  attempt: -1,
  rows: [],
  isEarly: false,
  isRecovering: false,
  reply: '',
};

export function initial(rules: Rules): State {
  return {
    run: 'pending',
    cancelling: false,
    retries: 0,
    missed: 0,
    attempts: [],
    jobs: [],
    callers: Array.from({ length: rules.callers }, () => IDLE),
    lock: null,
    stands: true,
    faults: rules.faults,
    broken: '',
  };
}

export const isOver = ({ run }: State) => run === 'failed' || run === 'succeeded';
export const last = (state: State) => state.attempts.at(-1);

export function withAttempt(state: State, at: number, change: Partial<Attempt>): State {
  return { ...state, attempts: state.attempts.map((one, index) => (index === at ? { ...one, ...change } : one)) };
}

export function withLast(state: State, change: Partial<Attempt>): State {
  return withAttempt(state, state.attempts.length - 1, change);
}

export function withJob(state: State, at: number, change: Partial<Job>): State {
  return { ...state, jobs: state.jobs.map((one, index) => (index === at ? { ...one, ...change } : one)) };
}

export function withCaller(state: State, who: number, change: Partial<Caller>): State {
  return { ...state, callers: state.callers.map((one, index) => (index === who ? { ...one, ...change } : one)) };
}

/** One text for states that differ only in which caller is which. */
export function keyOf(state: State): string {
  const { callers, lock, ...rest } = state;
  const told = callers.map((one, index) =>
    one.at === 'idle' ? '-' : `${lock === index ? '*' : ''}${Object.values({ ...one, rows: rowsText(one) })}`,
  );
  const attempts = rest.attempts.map((one) => Object.values(one).join()).join('/');
  const jobs = rest.jobs.map((one) => Object.values(one).join()).join('/');
  return [
    rest.run,
    rest.cancelling,
    rest.retries,
    rest.missed,
    rest.stands,
    rest.faults,
    rest.broken,
    attempts,
    jobs,
    ...told.sort(),
  ].join(';');
}

function rowsText({ rows }: Caller): string {
  return rows === null ? '!' : rows.map(({ job, state }) => `${job}${state}`).join('+');
}
