import { Failure } from '../../base/errors.ts';
import { quote } from '../../base/text.ts';
import type { Accepted } from './accepted.ts';
import { readConfig } from './config.ts';
import type { Difference } from './growth.ts';
import { beyondGrowth, differencesOf } from './growth.ts';
import type { LockState } from './lock-state.ts';
import type { Resume } from './schema.ts';
import type { LastUser } from './user.ts';
import type { Workspace } from './workspace.ts';

/** Everything the guard goes by, looked up beforehand. */
export type GuardFacts = {
  resume: Resume;
  workspace: Workspace;
  lock: LockState;
  config: { text: string; sha256: string };
  /** The run of this repository that used the workspace last, with what was accepted for it; `accepted` undefined: that is lost. */
  last: { run: string; accepted: Accepted | undefined } | undefined;
  /** The run of any repository of this user that the workspace was given to last, and whether it is one of this repository that can be read. */
  user: (LastUser & { isKnown: boolean }) | undefined;
  /** A run of ours that is not over and has the workspace. */
  open: { run: string; state: string } | undefined;
  /** The run of which tasks are run again. */
  retryOf: string | null;
  /** Run folders that cannot be read, so that whose workspace theirs is, is not known. */
  unreadable: readonly string[];
};

/** How a run begins in its workspace: `new` where nothing is in it, `fresh` where what is there is given up. */
export type Start = {
  how: 'new' | 'resume' | 'fresh';
  /** The run that it goes on from, or whose results it gives up. */
  from: string | null;
  grown: Difference[];
  /** Hashes of the configurations that were accepted before, for the results that are gone on with. */
  accepted: string[];
};

/**
 * How a run may begin in its workspace. Refused while somebody writes there or that is not known, where the results there are not known to
 * be of this configuration, and for a fresh start that names other results than those that are there. Pure; nothing is touched.
 */
export function judgeStart(facts: GuardFacts): Start {
  refuseLocked(facts);
  refuseOpen(facts);
  const { resume, workspace, last, retryOf } = facts;
  const stranger = strangerOf(facts);
  const discards = stranger?.mark ?? last?.run ?? null;
  // Of its own results a run that is run again gives up nothing: its fresh start was at its beginning.
  if (resume.fresh !== null && (stranger || retryOf === null || last?.run !== retryOf)) {
    if (resume.fresh === discards) return { how: 'fresh', from: discards, grown: [], accepted: [] };
    throw otherFresh(facts, discards);
  }
  if (stranger) throw strange(facts, stranger);
  if (!last || !workspace.isUsed) return { how: 'new', from: null, grown: [], accepted: [] };
  const { accepted } = last;
  if (!accepted) throw lost(facts, last.run);
  return { how: 'resume', from: last.run, grown: grownSince(facts, last.run, accepted), accepted: accepted.accepted };
}

function refuseLocked({ lock, workspace, resume }: GuardFacts): void {
  if (lock.state !== 'held' && lock.state !== 'unknown') return;
  const isHeld = lock.state === 'held';
  throw new Failure('lock_held', {
    what: `workspace ${workspace.name} is ${isHeld ? 'locked' : 'perhaps locked'} (${resume.lock}): ${lock.holder}`,
    why: `${lock.why}; ${resume.fresh === null ? 'two writers would spoil each other’s results' : 'a fresh start would take the files from under its owner'}`,
    next: isHeld
      ? 'wait until its owner has ended (monitor_runs for a run of ours), then call again; the file is never to be deleted while it is held'
      : 'find out whether its owner still runs, where it runs; a person who knows that nobody does may move the lock file away, then call again',
  });
}

function refuseOpen({ open, workspace }: GuardFacts): void {
  if (!open) return;
  throw new Failure('run_state', {
    what: `run ${open.run} is ${open.state} and has workspace ${workspace.name}`,
    why: 'a second run would write there beside it',
    next: `monitor_runs until ${open.run} is over, or cancel_run it; or name another workspace (launch/launch.yaml, resume.workspace)`,
  });
}

type Stranger = { mark: string; words: string };

/** Whose the workspace is, where it is not the run of ours that is known. */
function strangerOf({ user, last, workspace, unreadable, retryOf }: GuardFacts): Stranger | undefined {
  if (user && !user.isKnown)
    return {
      mark: user.run,
      words: `run ${user.run} of the repository ${user.path} used it last, and is none that is known here`,
    };
  if (!workspace.isUsed || user) return undefined;
  if (unreadable.length > 0 && retryOf === null)
    return { mark: workspace.mark, words: `there are runs that cannot be read (${unreadable.slice(0, 3).join(', ')})` };
  return last ? undefined : { mark: workspace.mark, words: 'there are files in it, and no run of ours is known to have used it' };
}

function strange({ workspace, resume }: GuardFacts, { mark, words }: Stranger): Failure {
  return new Failure('resume_refused', {
    what: `what is in workspace ${workspace.name} is not known to be of ${resume.config}: ${words}`,
    why: 'results of two configurations would be taken for those of one',
    next: waysOn(mark, 'what is there'),
  });
}

function lost({ workspace, resume }: GuardFacts, run: string): Failure {
  return new Failure('resume_refused', {
    what: `the copy of ${resume.config} that run ${run} was accepted with is gone or altered`,
    why: `what the results in workspace ${workspace.name} are of cannot be told without it`,
    next: waysOn(run, `what ${run} left there`),
  });
}

function otherFresh({ resume, workspace }: GuardFacts, discards: string | null): Failure {
  return new Failure('resume_refused', {
    what: `resume.fresh names ${resume.fresh}, and ${discards === null ? `nothing of that is in workspace ${workspace.name}` : `${discards} used workspace ${workspace.name} last`}`,
    why: 'results that nobody named would be given up',
    next: `take fresh out of launch/launch.yaml to go on with what is there${discards === null ? '' : `, or write fresh: ${discards} to give that up`}`,
  });
}

/** What has grown since; everything else that differs is refused, all of it at once. */
function grownSince({ resume, config, workspace }: GuardFacts, run: string, accepted: Accepted): Difference[] {
  if (accepted.config !== resume.config)
    throw new Failure('resume_refused', {
      what: `the results in workspace ${workspace.name} are of ${accepted.config}, and resume.config is ${resume.config}`,
      why: 'what they mean is decided by the file that they were made with',
      next: waysOn(run, `what ${run} left there`),
    });
  if (accepted.sha256 === config.sha256) return [];
  const found = differencesOf(
    readConfig(accepted.text, accepted.config, `as run ${run} was accepted with it`),
    readConfig(config.text, resume.config),
    resume.may_grow,
  );
  const beyond = beyondGrowth(found);
  if (beyond.length === 0) return found;
  throw new Failure('resume_refused', {
    what: `${resume.config} is not what run ${run} was accepted with: ${differenceWords(beyond)}`,
    why: `the results in workspace ${workspace.name} are of that; ${ruleWords(resume.may_grow)}`,
    next: `put it back as it was; or ${waysOn(run, `what ${run} left there`)}`,
  });
}

function ruleWords(mayGrow: readonly string[]): string {
  return mayGrow.length === 0
    ? 'nothing of it may change (resume.may_grow names nothing)'
    : `only ${mayGrow.join(', ')} may grow, and nothing else may change (resume.may_grow)`;
}

function waysOn(mark: string, what: string): string {
  return `name a new workspace (launch/launch.yaml, resume.workspace), or write fresh: ${mark} under resume, which gives up ${what} and is a plan of its own to approve`;
}

const SHOWN = 10;

/** `generation.seed 1 → 2; generation.plan[0].sequences 10 → 5 (it fell)`. */
export function differenceWords(differences: readonly Difference[]): string {
  const words = differences
    .slice(0, SHOWN)
    .map(({ path, was, is, why }) => `${quote(path, 120)} ${said(was)} → ${said(is)}${NOTES[why] ?? ''}`);
  return [...words, ...(differences.length > SHOWN ? [`and ${differences.length - SHOWN} more`] : [])].join('; ');
}

const NOTES: Partial<Record<Difference['why'], string>> = { fell: ' (it fell)', order: ' (another order)' };

function said(value: unknown): string {
  return value === undefined ? 'not there' : quote(JSON.stringify(value) ?? 'null', 60);
}
