import type { Attempt, Caller, Job, Operation, Row, Rules, State, Step } from './state.ts';
import { IDLE, isOver, last, withCaller, withJob, withLast } from './state.ts';

type Line = (state: State) => State;
type Way = { name: string; lines?: readonly Line[]; next: (state: State) => State; isFault?: boolean };

/** Everything that one caller may do next. It may be killed before each line of its journal and each command, and after the last. */
export function callerSteps(state: State, who: number, rules: Rules): Step[] {
  const caller = state.callers[who] ?? IDLE;
  const steps: Step[] = [];
  for (const { name, lines = [], next, isFault = false } of waysOf(state, who, caller, rules)) {
    if (isFault && state.faults === 0) continue;
    const done = lines.reduce((now, line) => line(now), state);
    const paid = (of: State, isPaid: boolean): State => (isPaid ? { ...of, faults: of.faults - 1 } : of);
    steps.push({ name: `${who} ${name}`, next: paid(next(done), isFault), isFault });
    if (state.faults === 0 || isFault) continue;
    // What is killed between two lines has written the first of them.
    for (let written = 1; written < lines.length; written++)
      steps.push({
        name: `${who} ${name}, killed after ${written} of ${lines.length} lines`,
        next: paid(
          killed(
            lines.slice(0, written).reduce((now, line) => line(now), state),
            who,
          ),
          true,
        ),
        isFault: true,
      });
  }
  if (caller.at !== 'idle' && state.faults > 0)
    steps.push({
      name: `${who} killed before ${caller.at}`,
      next: { ...killed(state, who), faults: state.faults - 1 },
      isFault: true,
    });
  return steps;
}

/** Its lock is broken by whoever comes next. */
export function killed(state: State, who: number): State {
  return { ...withCaller(state, who, IDLE), lock: state.lock === who ? null : state.lock };
}

const UNCERTAIN = new Set(['intent', 'ambiguous']);
const HELD = new Set(['submitted', 'releasing']);

function waysOf(state: State, who: number, caller: Caller, rules: Rules): Way[] {
  const attempt = last(state);
  const go =
    (at: Caller['at'], change: Partial<Caller> = {}) =>
    (now: State) =>
      withCaller(now, who, { at, ...change });
  const unlocked = (now: State): State => ({ ...now, lock: now.lock === who ? null : now.lock });
  /** Recovery goes on with the operation itself; the operation is over. */
  const end = (now: State): State =>
    unlocked(withCaller(now, who, caller.isRecovering ? { at: 'act', isRecovering: false, rows: [] } : IDLE));
  const isFree = state.lock === null || rules.without === 'lock';
  const locked = (now: State): State => ({ ...now, lock: who });
  const isEarly = (then: Caller['at']) =>
    then === 'looked' ? caller.at === 'look' && caller.isEarly : !state.jobs[attempt?.job ?? -1]?.seen;
  const look = (then: Caller['at'], of = attempt): Way[] => [
    { name: 'looks', next: go(then, { rows: of ? rowsOf(state, state.attempts.indexOf(of)) : [], isEarly: isEarly(then) }) },
    { name: 'looks and has no answer', isFault: true, next: then === 'looked' ? go(then, { rows: null }) : end },
  ];
  /** `release` of submission.ts, from its first line on. */
  const toRelease = (now: State, isFresh: boolean): State => {
    const job = last(now)?.job ?? -1;
    return withCaller(
      isFresh ? moved(now) : now,
      who,
      isFresh ? { at: 'read back', rows: [{ job, state: 'held' }] } : { at: 'queue', rows: [] },
    );
  };
  switch (caller.at) {
    case 'idle':
      return operations(state, rules).flatMap(({ operation, isFault }): Way[] => {
        const begin = (now: State) => withCaller(now, who, { ...IDLE, operation, at: 'act' });
        const recover = recovering(state, rules);
        const name = `begins ${operation}`;
        if (!recover || !isFree) return [{ name, isFault, next: begin }];
        if (recover === 'end')
          return [
            { name: `${name}, ends what was refused`, isFault, lines: [(now) => ({ ...now, run: 'failed' })], next: begin },
          ];
        const held = (now: State) => locked(withCaller(begin(now), who, { isRecovering: true }));
        return [
          {
            name: `${name}, recovers`,
            isFault,
            next: (now) =>
              recover === 'look' ? go('look', { isEarly: attempt?.age === 0 })(held(now)) : toRelease(held(now), false),
          },
        ];
      });
    case 'look':
      if (rules.without === 'look-up') return [{ name: 'does not look', next: go('looked', { rows: [] }) }];
      return look('looked');
    case 'wait':
      return attempt && attempt.age > 0 ? look('looked') : [];
    case 'looked': {
      if (!attempt) return [];
      if (caller.rows === null)
        return [
          {
            name: 'writes ambiguous',
            lines: [(now) => (attempt.phase === 'intent' ? withLast(now, { phase: 'ambiguous' }) : now)],
            next: end,
          },
        ];
      const first = (caller.rows.find((row) => row.state === 'begun' || row.state === 'done') ?? caller.rows[0])?.job;
      if (first === undefined) {
        if (caller.isEarly && rules.without !== 'look-up') return [{ name: 'waits until it would be seen', next: go('wait') }];
        const given: Line = (now) => (rules.without === 'given up' ? now : withLast(now, { givenUp: true }));
        const isAdopted = attempt.claim !== null && isRemembered(attempt, rules) && rules.without !== 'given up';
        return [{ name: 'gives the claim up', lines: [given], next: go(isAdopted ? 'claimed' : 'absent') }];
      }
      if (caller.rows.length > 1 && !caller.reply)
        return [
          {
            name: 'cancels the surplus',
            next: (now) => go('looked', { reply: 'id' })(cancelled(now, surplus(caller.rows ?? [], first))),
          },
        ];
      const adopt: Line = (now) => withLast(now, { phase: 'submitted', job: first });
      return [
        {
          name: 'adopts',
          lines: [adopt],
          next: caller.isRecovering
            ? (now) => unlocked(go('recover more', { reply: '', rows: [] })(now))
            : (now) => toRelease(now, false),
        },
      ];
    }
    case 'absent': {
      if (!attempt) return [];
      const isCertain = isRemembered(attempt, rules);
      return [
        {
          name: `writes absent, ${isCertain ? 'certain' : 'uncertain'}`,
          lines: [(now) => withLast(now, { phase: isCertain ? 'none' : 'unknown' })],
          next: end,
        },
      ];
    }
    case 'claimed': {
      if (!attempt) return [];
      const adopt: Line = (now) => withLast(now, { phase: 'submitted', job: attempt.claim, givenUp: false });
      return [{ name: 'adopts what has begun', lines: [adopt], next: end }];
    }
    case 'recover more': {
      if (!isFree || recovering(state, rules) !== 'release') return [{ name: 'has recovered', next: end }];
      return [{ name: 'recovers more', next: (now) => toRelease(locked(now), false) }];
    }
    case 'queue':
      return look('queued');
    case 'wait for it':
      return attempt && state.jobs[attempt.job ?? -1]?.seen ? look('queued') : [];
    case 'queued': {
      if (!attempt) return [];
      const row = caller.rows?.find(({ job }) => job === attempt.job);
      if (!row && caller.isEarly && rules.without !== 'wait for it')
        return [{ name: 'waits for its job to be seen', next: go('wait for it') }];
      const isThere = row !== undefined && row.state !== 'over' && row.state !== 'done';
      if (!state.stands && !state.cancelling && row?.state === 'held' && caller.isRecovering)
        return [{ name: 'leaves it held', next: end }];
      if (state.cancelling && isThere) return [{ name: 'goes on cancelling', next: (now) => go('end it')(moved(now)) }];
      if (isThere && (row.state === 'held' || attempt.phase === 'submitted') && attempt.phase !== 'released')
        return [{ name: 'takes it for held', next: (now) => go('read back')(moved(now)) }];
      if (row?.state === 'held') return [{ name: 'takes it for held', next: (now) => go('let go')(moved(now)) }];
      return [{ name: 'writes released', lines: releasedLines(attempt), next: (now) => end(moved(now)) }];
    }
    case 'end it':
      return [
        { name: 'cancels its job', next: (now) => end(cancelled(now, [attempt?.job ?? -1])) },
        { name: 'cannot cancel', isFault: true, next: end },
      ];
    case 'read back':
      return [
        { name: 'reads back', next: go('read') },
        { name: 'cannot read back', isFault: true, next: end },
      ];
    case 'read': {
      const lines: Line[] = attempt?.phase === 'submitted' ? [(now) => now, (now) => withLast(now, { phase: 'releasing' })] : [];
      const isHeld = caller.rows?.find(({ job }) => job === attempt?.job)?.state === 'held';
      if (isHeld) return [{ name: 'writes read_back and releasing', lines, next: go('let go') }];
      return [
        { name: 'writes releasing and released', lines: [...lines, (now) => withLast(now, { phase: 'released' })], next: end },
      ];
    }
    case 'let go':
      return [
        { name: 'lets go', next: (now) => go('after')(letGo(now, attempt?.job ?? -1, 'us')) },
        { name: 'is refused the release', isFault: true, next: go('after') },
      ];
    case 'after':
      return look('gone');
    case 'wait after':
      return attempt && state.jobs[attempt.job ?? -1]?.seen ? look('gone') : [];
    case 'gone': {
      const isHeld = caller.rows?.some(({ job, state: its }) => job === attempt?.job && its === 'held');
      if (caller.rows?.length === 0 && caller.isEarly && rules.without !== 'wait for it')
        return [{ name: 'waits for its job to be seen', next: go('wait after') }];
      return isHeld
        ? [{ name: 'sees it held', next: end }]
        : [{ name: 'writes released', lines: [(now) => withLast(now, { phase: 'released' })], next: end }];
    }
    case 'act':
      return acting(state, who, caller, rules, isFree);
    case 'send':
      return sending(state, who, rules);
    case 'sent': {
      if (caller.reply === 'refused')
        return [
          {
            name: 'writes refused',
            lines: [(now) => withLast(now, { phase: 'refused' }), (now) => ({ ...now, run: 'failed' })],
            next: end,
          },
        ];
      if (caller.reply === 'id') {
        const job = caller.rows?.[0]?.job ?? -1;
        return [
          {
            name: 'writes submitted',
            lines: [(now) => withLast(now, { phase: 'submitted', job })],
            next: (now) => toRelease(go('queue', { reply: '' })(now), true),
          },
        ];
      }
      const ambiguous: Line = (now) => withLast(now, { phase: 'ambiguous', ...(attempt?.age === 1 ? { age: 0 as const } : {}) });
      return [{ name: 'writes ambiguous', lines: [ambiguous], next: go('look', { reply: '', isEarly: attempt?.age !== 2 }) }];
    }
    case 'polled':
      return isFree ? [{ name: 'writes what it saw', lines: [(now) => observed(now, caller)], next: end }] : [];
    case 'cancel':
      return [
        { name: 'cancels the job', next: (now) => end(cancelled(now, [attempt?.job ?? -1])) },
        { name: 'cannot cancel', isFault: true, next: end },
      ];
    case 'surplus':
      return [];
  }
}

function moved(state: State): State {
  return state.run === 'pending' ? { ...state, run: 'submitted' } : state;
}

function releasedLines({ phase }: Attempt): Line[] {
  const released: Line = (now) => withLast(now, { phase: 'released' });
  return phase === 'submitted' ? [(now) => withLast(now, { phase: 'releasing' }), released] : [released];
}

function surplus(rows: readonly Row[], first: number): number[] {
  return rows.flatMap(({ job }) => (job === first ? [] : [job]));
}

/** What may be begun: a person's or an agent's own wishes cost as much as a fault. */
function operations(state: State, { attempts }: Rules): { operation: Operation; isFault: boolean }[] {
  const attempt = last(state);
  const may: { operation: Operation; isFault: boolean }[] = [];
  if (attempt && !isOver(state)) may.push({ operation: 'monitor', isFault: false });
  if (!attempt || (attempt.phase === 'none' && !isOver(state) && state.attempts.length < attempts))
    may.push({ operation: 'submit', isFault: false });
  if (attempt?.job != null && !isOver(state) && !state.cancelling) may.push({ operation: 'cancel', isFault: true });
  if (state.run === 'failed' && state.attempts.length < attempts) may.push({ operation: 'retry', isFault: true });
  return may;
}

/** What recovery would do. */
function recovering(state: State, rules: Rules): 'look' | 'release' | 'end' | undefined {
  const attempt = last(state);
  if (!attempt || isOver(state)) return undefined;
  if (UNCERTAIN.has(attempt.phase)) return 'look';
  if (attempt.phase === 'refused' && rules.without !== 'end of what is refused') return 'end';
  const isHeld = HELD.has(attempt.phase) || (rules.without === 'released' && attempt.phase === 'released');
  const isLetGo = state.jobs[attempt.job ?? -1]?.state !== 'held' && rules.without !== 'watch what was let go';
  return isHeld && (state.stands || state.cancelling || isLetGo) ? 'release' : undefined;
}

function acting(state: State, who: number, caller: Caller, rules: Rules, isFree: boolean): Way[] {
  const attempt = last(state);
  const idle = (now: State) => withCaller(now, who, IDLE);
  const at = state.attempts.length - 1;
  switch (caller.operation) {
    case 'monitor': {
      if (attempt?.phase !== 'released' || isOver(state)) return [{ name: 'has nothing to look at', next: idle }];
      return [
        { name: 'polls', next: (now) => withCaller(now, who, { at: 'polled', attempt: at, rows: rowsOf(state, at) }) },
        { name: 'polls and has no answer', isFault: true, next: idle },
      ];
    }
    case 'submit': {
      // It has written its intent, or is about to.
      if (caller.attempt >= 0) {
        if (!isFree) return [];
        const isMine = attempt?.phase === 'intent' && at === caller.attempt;
        return [
          isMine
            ? {
                name: 'takes the lock to submit',
                next: (now) => ({
                  ...withCaller(attempt?.age === 1 ? withLast(now, { age: 0 }) : now, who, { at: 'send' }),
                  lock: who,
                }),
              }
            : { name: 'finds its intent taken', next: idle },
        ];
      }
      const mayBegin = !attempt || (attempt.phase === 'none' && !isOver(state) && state.attempts.length < rules.attempts);
      if (!mayBegin) return [{ name: 'is answered with the state', next: idle }];
      if (!isFree) return [];
      const mine = (now: State) => withCaller(now, who, { attempt: now.attempts.length - 1 });
      if (rules.without === 'intent first')
        return [
          {
            name: 'submits first',
            next: (now) => withCaller({ ...now, lock: who }, who, { at: 'send', attempt: now.attempts.length }),
          },
        ];
      return [{ name: 'writes its intent', lines: [intended], next: mine }];
    }
    case 'retry': {
      if (caller.attempt >= 0) return acting(state, who, { ...caller, operation: 'submit' }, rules, isFree);
      if (state.run !== 'failed' || state.attempts.length >= rules.attempts)
        return [{ name: 'has nothing to run again', next: idle }];
      if (!isFree) return [];
      const reopened: Line = (now) => ({ ...now, run: 'pending', cancelling: false, missed: 0, retries: now.retries + 1 });
      return [
        {
          name: 'opens it again',
          lines: [(now) => intended(reopened(now), true)],
          next: (now) => withCaller(now, who, { attempt: now.attempts.length - 1 }),
        },
      ];
    }
    case 'cancel': {
      if (attempt?.job == null || isOver(state)) return [{ name: 'has nothing to cancel', next: idle }];
      if (!isFree) return [];
      return [
        {
          name: 'writes cancelling',
          lines: [(now) => ({ ...now, cancelling: true })],
          next: (now) => ({ ...withCaller(now, who, { at: 'cancel' }), lock: who }),
        },
      ];
    }
  }
}

function isRemembered(attempt: Attempt, rules: Rules): boolean {
  return attempt.age < 2 || rules.without === 'memory' || rules.without === 'look-up';
}

const NEW: Attempt = { phase: 'intent', job: null, age: 0, onTheWay: 0, givenUp: false, claim: null, executions: 0 };

function intended(state: State, isRetry = false): State {
  const undone = state.jobs.some(({ person }) => person === 'took');
  const broken = undone && !isRetry ? 'a cancelled held job is submitted again by itself' : state.broken;
  return { ...state, broken, stands: true, attempts: [...state.attempts, NEW] };
}

function sending(state: State, who: number, rules: Rules): Way[] {
  const at = state.callers[who]?.attempt ?? 0;
  const journalled =
    rules.without === 'intent first' ? (now: State) => (now.attempts.length > at ? now : intended(now)) : (now: State) => now;
  const sent =
    (reply: Caller['reply'], jobs: number, onTheWay = 0) =>
    (now: State): State => {
      const first = now.jobs.length;
      const made: Job[] = Array.from({ length: jobs }, () => newJob(at, rules));
      const attempts = now.attempts.map((one, index) => (index === at ? { ...one, onTheWay: one.onTheWay + onTheWay } : one));
      const after = { ...now, attempts, jobs: [...now.jobs, ...made] };
      return withCaller(after, who, { at: 'sent', reply, rows: [{ job: first, state: 'held' }] });
    };
  // Nobody has written its name down.
  const lost = (now: State): State =>
    rules.without === 'intent first'
      ? { ...now, jobs: now.jobs.map((one) => (one.attempt === at ? { ...one, attempt: -1 } : one)) }
      : now;
  const killedIn = (now: State) => killed(sent('lost', 0, 1)(now), who);
  return [
    { name: 'submits', next: (now) => journalled(sent('id', 1)(now)) },
    { name: 'submits and is refused', isFault: true, next: (now) => journalled(sent('refused', 0)(now)) },
    { name: 'submits, and the answer is lost', isFault: true, next: (now) => journalled(sent('lost', 1)(now)) },
    { name: 'submits, taken twice', isFault: true, next: (now) => journalled(sent('lost', 2)(now)) },
    { name: 'submits, which takes too long', isFault: true, next: (now) => journalled(sent('lost', 0, 1)(now)) },
    { name: 'is killed while it submits', isFault: true, next: killedIn },
    { name: 'is killed after it was taken', isFault: true, next: (now) => killed(lost(sent('lost', 1)(now)), who) },
  ];
}

export function newJob(attempt: number, { without }: Rules): Job {
  const state = without === 'hold' ? 'queued' : 'held';
  return { attempt, state, isLate: false, seen: false, well: false, letGoBy: without === 'hold' ? 'us' : 'nobody', person: '' };
}

/** What a look shows of an attempt's jobs. */
export function rowsOf({ jobs }: State, attempt: number): Row[] {
  return jobs.flatMap((one, job): Row[] => {
    if (one.attempt !== attempt || !one.seen || one.state === 'forgotten') return [];
    const state = {
      held: 'held',
      queued: 'waits',
      claimed: 'begun',
      running: 'begun',
      ended: 'over',
      cancelled: 'over',
    } as const;
    return [{ job, state: one.well ? 'done' : state[one.state] }];
  });
}

function cancelled(state: State, jobs: readonly number[]): State {
  const isEnded = (one: Job | undefined) =>
    !one || one.state === 'ended' || one.state === 'cancelled' || one.state === 'forgotten';
  return jobs.reduce((now, job) => (isEnded(now.jobs[job]) ? now : withJob(now, job, { state: 'cancelled' })), state);
}

export function letGo(state: State, job: number, by: Job['letGoBy']): State {
  const one = state.jobs[job];
  if (one?.state !== 'held') return state;
  const isUndone = by === 'us' && one.person === 'held' && last(state)?.phase === 'released';
  return withJob(isUndone ? { ...state, broken: 'an operator’s hold is undone' } : state, job, { state: 'queued', letGoBy: by });
}

/** The evidence of design section 6, of one task. */
function observed(state: State, { attempt, rows }: Caller): State {
  const now = last(state);
  if (now?.phase !== 'released' || isOver(state)) return state;
  const isOld = attempt !== state.attempts.length - 1;
  const job = state.jobs[now.job ?? -1];
  const row = isOld ? undefined : rows?.find((one) => one.job === now.job);
  if (!row) {
    // A marker is looked for after the look.
    if (job?.well && !isOld) return { ...state, run: 'succeeded' };
    return state.missed >= 2 ? { ...state, run: 'failed', missed: 0 } : { ...state, missed: state.missed + 1 };
  }
  const seen = { ...state, missed: 0 };
  if (row.state === 'over') return { ...seen, run: 'failed' };
  if (row.state === 'done') return { ...seen, run: 'succeeded' };
  return row.state === 'begun' ? { ...seen, run: 'running' } : seen;
}
