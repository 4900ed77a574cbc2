import { letGo, newJob } from './protocol.ts';
import type { Job, Rules, State, Step } from './state.ts';
import { isOver, last, withAttempt, withJob, withLast } from './state.ts';

/** What the scheduler, time and people with the right to do next, whoever calls. */
export function worldSteps(state: State, rules: Rules): Step[] {
  const steps: Step[] = [...jobSteps(state, rules), ...timeSteps(state, rules)];
  for (const [at, { onTheWay }] of state.attempts.entries()) {
    if (onTheWay === 0) continue;
    const arrived = withAttempt(state, at, { onTheWay: onTheWay - 1 });
    const isLate = (state.attempts[at]?.age ?? 0) > 0;
    const late: Job = { ...newJob(at, rules), isLate, seen: isLate };
    steps.push({ name: `attempt ${at} is taken late`, isFault: false, next: { ...arrived, jobs: [...state.jobs, late] } });
    steps.push({ name: `attempt ${at} never arrives`, isFault: false, next: arrived });
  }
  if (state.faults > 0) {
    for (const step of personSteps(state)) steps.push({ ...step, next: { ...step.next, faults: state.faults - 1 } });
    if (state.stands)
      steps.push({ name: 'the policy changes', isFault: true, next: { ...state, stands: false, faults: state.faults - 1 } });
  }
  return steps;
}

function timeSteps(state: State, rules: Rules): Step[] {
  const { forgets } = rules;
  const attempt = last(state);
  if (!attempt) return [];
  const at = state.attempts.length - 1;
  const isSending = state.callers.some((one) => one.attempt === at && (one.at === 'send' || one.at === 'sent'));
  if (isSending && !rules.stalls) return [];
  const isShown = state.jobs.every((job) => job.attempt !== at || job.seen);
  if (attempt.age === 0 && isShown)
    return [{ name: 'time passes: what was taken is seen', isFault: false, next: withLast(state, { age: 1 }) }];
  if (attempt.age === 1 && forgets)
    return [{ name: 'time passes: what is over may be forgotten', isFault: false, next: withLast(state, { age: 2 }) }];
  return [];
}

function jobSteps(state: State, { without, forgets }: Rules): Step[] {
  const steps: Step[] = [];
  for (const [at, job] of state.jobs.entries()) {
    const attempt = state.attempts[job.attempt];
    if (!attempt) continue;
    const to = (name: string, next: State) => steps.push({ name: `job ${at} ${name}`, isFault: false, next });
    if (!job.seen) to('is seen', withJob(state, at, { seen: true }));
    if (job.state === 'queued') {
      if (attempt.claim === null) to('claims', withAttempt(withJob(state, at, { state: 'claimed' }), job.attempt, { claim: at }));
      else if (without === 'claim') to('begins', begun(state, at, job));
      else to('finds the claim taken', withJob(state, at, { state: 'ended' }));
    }
    if (job.state === 'claimed') {
      if (attempt.givenUp && without !== 'given up') to('was given up', withJob(state, at, { state: 'ended' }));
      else to('begins', begun(state, at, job));
    }
    if (job.state === 'running') to('ends well', withJob(state, at, { state: 'ended', well: true }));
    const isOld = forgets && (attempt.age === 2 || job.attempt < state.attempts.length - 1);
    if (isOld && (job.state === 'ended' || job.state === 'cancelled'))
      to('is forgotten', withJob(state, at, { state: 'forgotten' }));
  }
  return steps;
}

function begun(state: State, at: number, job: Job): State {
  const before = state.attempts[job.attempt]?.executions ?? 0;
  const now = withAttempt(withJob(state, at, { state: 'running' }), job.attempt, { executions: before + 1 });
  const all = now.attempts.filter(({ executions }) => executions > 0).length;
  const phase = state.attempts[job.attempt]?.phase;
  const isAllowed = job.letGoBy === 'operator' || phase === 'releasing' || phase === 'released';
  const broken =
    before > 0
      ? 'a task is executed twice in one attempt'
      : all > 1 + state.retries
        ? 'a task is executed again, and no retry was decided on'
        : isAllowed
          ? state.broken
          : 'something runs that was not journalled and read back';
  return { ...now, broken };
}

/** People with the right to: the operator of the cluster, or the user by hand. */
function personSteps(state: State): Step[] {
  return state.jobs.flatMap((job, at): Step[] => {
    const person = (name: string, next: State): Step => ({ name: `a person ${name} job ${at}`, isFault: true, next });
    switch (job.state) {
      case 'held':
        return [
          person('lets go', letGo(state, at, 'operator')),
          person('cancels', withJob(state, at, { state: 'cancelled', person: job.isLate ? '' : 'took' })),
        ];
      case 'queued':
        return [
          person('holds', withJob(state, at, { state: 'held', person: 'held' })),
          person('cancels', withJob(state, at, { state: 'cancelled' })),
        ];
      case 'running':
        // The same job begins again: it has the claim, and more starts than are granted.
        return [
          person('requeues', withJob(state, at, { state: 'queued' })),
          person('cancels', withJob(state, at, { state: 'cancelled' })),
        ];
      default:
        return [];
    }
  });
}

/** Whether all is at rest, and what is not done names what a person can do. */
export function isSettled(state: State): boolean {
  if (state.callers.some(({ at }) => at !== 'idle') || state.attempts.some(({ onTheWay }) => onTheWay > 0)) return false;
  const attempt = last(state);
  if (!attempt) return false;
  const isRest = (job: Job, at: number) =>
    job.state === 'ended' ||
    job.state === 'cancelled' ||
    job.state === 'forgotten' ||
    (job.state === 'held' && isNamed(state, job, at));
  if (!state.jobs.every(isRest)) return false;
  const isHeld = state.jobs[attempt.job ?? -1]?.state === 'held';
  return isOver(state) || attempt.phase === 'none' || attempt.phase === 'unknown' || isHeld;
}

/**
 * A held job whose person is told: a hold after the release is the state of its task; one whose decision does not stand waits for policy or
 * cancellation, by recovery's words; a job of an attempt that was given up, or is not known of, is told by `audit verify`.
 */
function isNamed(state: State, job: Job, at: number): boolean {
  const attempt = state.attempts[job.attempt];
  if (attempt?.job === at) return (attempt.phase === 'released' && job.person === 'held') || (!state.stands && !state.cancelling);
  return attempt?.phase === 'none' || attempt?.phase === 'unknown' || (attempt !== undefined && attempt.job !== null);
}
