import { setTimeout as sleep } from 'node:timers/promises';
import * as z from 'zod';
import type { Outcome } from '../tools/tool.ts';

/** Makes the same call again until the work behind it is over or `stop` is given. The work itself goes on either way. */
export async function untilOver(call: () => Promise<Outcome>, stop: AbortSignal, tell: (text: string) => void): Promise<Outcome> {
  let outcome = await call();
  let said = '';
  while (outcome.kind === 'running') {
    if (outcome.what !== said) tell(`${outcome.what}: still running`);
    said = outcome.what;
    if (!(await pause(outcome.askAgainSeconds, stop))) return outcome;
    outcome = await call();
  }
  return outcome;
}

const look = z.object({ next_look_seconds: z.number().nullable(), all_over: z.boolean() });
/** Where an answer does not say when to look next, and after a failure that may pass. */
const AGAIN_SECONDS = 60;

/**
 * Looks again and again, as often as the answers say, and hands on each answer with the seconds until the next look, null where there is
 * none. Looks sooner where `newsAfter` says that something is there that the last answer does not tell. Ends when all is over, when looking again cannot help, or when `stop` is given; returns the last answer, which has been handed on.
 */
export async function watching(
  call: () => Promise<Outcome>,
  stop: AbortSignal,
  seen: (outcome: Outcome, again: number | null) => void,
  newsAfter: NewsAfter = () => async () => false,
): Promise<Outcome> {
  for (;;) {
    const outcome = await call();
    const said = look.safeParse(outcome.kind === 'done' ? outcome.data : undefined).data;
    const passes = outcome.kind === 'done' || outcome.kind === 'running' || (outcome.kind === 'failed' && outcome.failure.retry);
    const again = !passes || said?.all_over ? null : (said?.next_look_seconds ?? AGAIN_SECONDS);
    seen(outcome, again);
    if (again === null || !(await pauseUntilNew(again, stop, newsAfter(outcome)))) return outcome;
  }
}

/** Called with an answer when it comes; what it gives says whether something has come since that the answer does not tell. */
export type NewsAfter = (outcome: Outcome) => () => Promise<boolean>;

/** A pause that ends sooner where something new is there; false when `stop` came first. */
async function pauseUntilNew(seconds: number, stop: AbortSignal, isNew: () => Promise<boolean>): Promise<boolean> {
  for (let left = seconds; left > 0; left -= NEW_SECONDS) {
    if (!(await pause(Math.min(left, NEW_SECONDS), stop))) return false;
    if (left > NEW_SECONDS && (await isNew())) return true;
  }
  return !stop.aborted;
}
const NEW_SECONDS = 10;

/** Hands on each answer that differs from the one before. */
export function whenChanged(changed: (outcome: Outcome) => void): (outcome: Outcome) => void {
  let before: string | undefined;
  return (outcome) => {
    const now = essence(outcome);
    if (now !== before) changed(outcome);
    before = now;
  };
}

/** What makes two answers different: not when they were given, nor what they say of the look itself. */
function essence(outcome: Outcome): string {
  if (outcome.kind !== 'done') return outcome.text;
  return JSON.stringify(outcome.data, (key, value: unknown) => {
    if (OF_THE_LOOK.test(key)) return undefined;
    return typeof value === 'string' ? value.replace(/\d+ s\b/g, '') : value;
  });
}

const OF_THE_LOOK = /^(?:next_look_seconds|changed|was|polled|at|.*_at|age.*|.*_age|.*_age_seconds|elapsed.*)$/;

/** False when `stop` came first. */
async function pause(seconds: number, stop: AbortSignal): Promise<boolean> {
  try {
    await sleep(seconds * 1000, undefined, { signal: stop });
    return true;
  } catch {
    return false;
  }
}
