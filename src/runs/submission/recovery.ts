import type { Failure } from '../../base/errors.ts';
import { asFailure, isOfTheSite } from '../../base/errors.ts';
import type { ActingPermit } from '../../base/permit.ts';
import type { Site } from '../../sites/site.ts';
import { giveUpUnsent, intended, resumeChain } from '../chain/chain-submission.ts';
import { due } from '../evidence/due.ts';
import { isOver } from '../evidence/lifecycle.ts';
import { readJournal } from '../journal.ts';
import { openRuns } from '../open.ts';
import { current } from '../record.ts';
import type { Run } from '../run.ts';
import { record, reread, withRun } from '../run.ts';
import type { Attempt } from '../types.ts';
import type { LookUp } from './look-up.ts';
import { allAtOnce, lastHeard } from './look-up.ts';
import { resume } from './submission.ts';

export type Recovered = { run: string; found: string };

/** A submission that was cut off: the journal has begun it and not ended it. */
export function isCutOff(run: Run): boolean {
  if ((run.steps ?? [run]).some(hasBegun)) return true;
  // Its submission has ended, and nobody has said so of the run.
  return !isOver(run.record.state) && (run.steps ? intended(run) : [run]).some(isStopped);
}

function hasBegun({ record }: Run): boolean {
  const phase = current(record)?.phase;
  return phase === 'intent' || phase === 'ambiguous' || phase === 'submitted' || phase === 'releasing';
}

/**
 * Finishes every submission of the repository that was cut off: adopts and records what the scheduler has, and releases it while the
 * decision that allowed it still stands. However many there are, what became of them is asked with one question a site, and where nothing
 * is to be done no lock is taken. Moves what was noted and not yet moved. A run another living process is working on is left to it. Submits
 * nothing.
 */
export async function recover(
  repo: string,
  siteOf: (name: string) => Site,
  permit: ActingPermit,
  policyVersion: string | null,
  changed: (run: Run) => Promise<void>,
): Promise<Recovered[]> {
  const open = openRuns(repo).runs;
  const cutOff = open.filter(isCutOff);
  const found = new Map<string, string>();
  for (const run of open) if (!isCutOff(run) && due(run).length > 0) await moveOn(run, found, changed);
  for (const name of new Set(cutOff.map(({ plan }) => plan.site))) {
    const here = cutOff.filter(({ plan }) => plan.site === name);
    try {
      await recoverAt(siteOf(name), here, permit, policyVersion, found, changed);
    } catch (error) {
      const failure = passOver(error);
      for (const { id } of here) if (!found.has(id)) found.set(id, `not finished: ${failure.message}`);
    }
  }
  return open.flatMap(({ id }) => {
    const what = found.get(id);
    return what === undefined ? [] : [{ run: id, found: what }];
  });
}

/** Makes the move that follows from the journal, where who was to make it was cut off. */
async function moveOn(run: Run, found: Map<string, string>, changed: (run: Run) => Promise<void>): Promise<void> {
  const work = async () => {
    const before = reread(run);
    const [move, ...more] = due(before);
    if (isCutOff(before) || move?.event !== 'moved') return;
    found.set(run.id, `it is ${move.to}: ${move.because}`);
    await changed(record(before, move, ...more));
  };
  try {
    await withRun(run, 'recovery', work, 0);
  } catch (error) {
    const failure = passOver(error);
    if (failure.code !== 'lock_held') found.set(run.id, `not finished: ${failure.message}`);
  }
}

async function recoverAt(
  site: Site,
  runs: readonly Run[],
  permit: ActingPermit,
  policyVersion: string | null,
  found: Map<string, string>,
  changed: (run: Run) => Promise<void>,
): Promise<void> {
  const notFinished = (id: string, error: unknown): Failure => {
    const failure = passOver(error);
    const words = [found.get(id), `not finished: ${failure.message}`].filter((one) => one !== undefined).join('; ');
    if (failure.code !== 'lock_held') found.set(id, words);
    return failure;
  };
  const waiting = runs.filter((run) => !mayRelease(run, policyVersion)).flatMap(heldParts);
  const { resolved, looks } = await resolve(site, runs, permit, waiting.flatMap(attemptOf), notFinished);
  const movedOn = new Set<string>();
  for (const part of waiting) if (await isLetGo(part, looks)) movedOn.add(part.id);
  let down: Failure | undefined;
  for (const stale of runs) {
    let now = resolved.get(stale.id) ?? stale;
    try {
      // Each look at a scheduler that is down takes until its clients give up.
      const isDue = isNext(now, policyVersion) || (movedOn.has(now.id) && !isUncertain(now));
      if (isDue && down) throw down;
      if (isDue) now = await withRun(now, 'recovery', () => finish(now), 0);
    } catch (error) {
      const failure = notFinished(stale.id, error);
      if (isOfTheSite(failure)) down = failure;
    }
    if (now.record.last === stale.record.last) continue;
    if (!found.has(stale.id)) found.set(stale.id, words(now, site));
    await changed(now).catch((error) => notFinished(stale.id, error));
  }

  async function finish(stale: Run): Promise<Run> {
    const before = reread(stale);
    if (!isCutOff(before)) return before;
    return (before.steps ? resumeChain : resume)(before, site, permit, mayRelease(before, policyVersion));
  }
}

/** Finds out of which of them something was accepted, with all of their locks held; gives those it could look at, as they then are. */
async function resolve(
  site: Site,
  runs: readonly Run[],
  permit: ActingPermit,
  waiting: readonly Attempt[],
  notFinished: (id: string, error: unknown) => void,
): Promise<{ resolved: Map<string, Run>; looks: LookUp }> {
  const resolved = new Map<string, Run>();
  let looks = allAtOnce(site, waiting, []);
  await withThose(runs.filter(isUncertain), async (held) => {
    for (const run of held) if (run.steps) giveUpUnsent(reread(run));
    const fresh = held.map(reread).filter(isUncertain);
    looks = allAtOnce(site, [...fresh.flatMap(uncertainParts).flatMap(attemptOf), ...waiting], fresh.map(lastHeard));
    for (const run of fresh) {
      try {
        if (!run.steps) resolved.set(run.id, await resume(run, site, permit, false, looks));
        // The steps of a run share its journal.
        for (const part of run.steps ? uncertainParts(run) : []) await resume(reread(part), site, permit, false, looks);
      } catch (error) {
        notFinished(run.id, error);
      }
      if (!resolved.has(run.id)) resolved.set(run.id, reread(run));
    }
  });
  return { resolved, looks };
}

function attemptOf({ record }: Run): readonly Attempt[] {
  return current(record) ? record.attempts.slice(-1) : [];
}

/** What was accepted and is not known to have been let go. */
function heldParts(run: Run): readonly Run[] {
  return (run.steps ?? [run]).filter(({ record }) => HELD.has(current(record)?.phase ?? ''));
}

/** Whether it is not held any more: it was let go and nobody has written that down, or somebody else did something about it. */
async function isLetGo({ record, step }: Run, looks: LookUp): Promise<boolean> {
  const attempt = current(record);
  // A step that waits for others was never held.
  if (!attempt || (step !== undefined && attempt.phase !== 'releasing')) return false;
  const rows = await looks.rows(attempt, () => attempt.intentAt).catch(() => undefined);
  return rows?.every(({ id, state }) => id !== attempt.jobId || state !== 'held') ?? false;
}

/** Holds the locks of those that nobody else works on. */
async function withThose(
  runs: readonly Run[],
  work: (held: readonly Run[]) => Promise<void>,
  held: readonly Run[] = [],
): Promise<void> {
  const [first, ...rest] = runs;
  if (!first) return held.length === 0 ? undefined : work(held);
  let isHeld = false;
  const inside = () => {
    isHeld = true;
    return withThose(rest, work, [...held, first]);
  };
  try {
    await withRun(first, 'recovery', inside, 0);
  } catch (error) {
    if (isHeld || asFailure(error).code !== 'lock_held') throw error;
    await withThose(rest, work, held);
  }
}

function passOver(error: unknown): Failure {
  const failure = asFailure(error);
  if (failure.code === 'internal') throw failure;
  return failure;
}

function uncertainParts(run: Run): readonly Run[] {
  return (run.steps ?? [run]).filter(({ record }) => UNCERTAIN.has(current(record)?.phase ?? ''));
}

function isUncertain(run: Run): boolean {
  return uncertainParts(run).length > 0;
}

/** Of a chain each step may have been decided on by itself: all that would be let go must stand. */
function mayRelease(run: Run, policyVersion: string | null): boolean {
  const begun = (run.steps ?? [run]).filter(hasBegun);
  return policyVersion !== null && begun.every(({ record }) => current(record)?.policyVersion === policyVersion);
}

/** Whether there is anything to do for it now. What is still not known is for the next call, but for what a cancelled chain has accepted. */
function isNext(run: Run, policyVersion: string | null): boolean {
  const parts = run.steps ?? [run];
  if (!isCutOff(run) || (isUncertain(run) && !(run.steps && run.record.cancelling))) return false;
  const isToEnd = run.record.cancelling || parts.some((part) => part.record.differences.length > 0 || isStopped(part));
  return isToEnd || mayRelease(run, policyVersion);
}

/** The others of its chain are taken back. */
function isStopped({ record }: Run): boolean {
  const phase = current(record)?.phase;
  return !record.opened && (phase === 'refused' || phase === 'withdrawn');
}

const UNCERTAIN: ReadonlySet<string> = new Set(['intent', 'ambiguous']);
const HELD: ReadonlySet<string> = new Set(['submitted', 'releasing']);

/** As the last look has it: the scheduler did not answer, or what sends it is still at work. */
function whyAmbiguous({ folder }: Run): string {
  const line = readJournal(folder).findLast(({ event }) => event === 'ambiguous');
  return line?.event === 'ambiguous' ? line.why : 'no look has told';
}

function words(run: Run, { paused }: Site): string {
  const attempt = current(run.record);
  switch (attempt?.phase) {
    case 'released':
      return `job ${attempt.jobId} was found and released`;
    case 'submitted':
    case 'releasing':
      return `job ${attempt.jobId} was found; it stays held until ${paused?.() ? 'a pause ends' : 'the policy it was decided under is back'}, or the run is cancelled`;
    case 'ambiguous':
      return `whether the scheduler took it is not known yet: ${whyAmbiguous(run)}`;
    case 'none':
      return 'nothing had been accepted; submit again';
    case 'unknown':
      return 'whether the scheduler took it cannot be found out';
    default:
      return run.record.because ?? 'looked at';
  }
}
