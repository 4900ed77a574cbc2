import * as z from 'zod';
import type { FailureCode } from '../base/errors.ts';
import { asFailure, isOfTheSite } from '../base/errors.ts';
import type { ActingPermit } from '../base/permit.ts';
import type { Acts } from '../context.ts';
import { runsBefore } from '../runs/chain/after-runs.ts';
import type { ChildSight } from '../runs/children/children-look.ts';
import {
  grown,
  grownChildren,
  isWatched,
  moves,
  needsMarkers,
  observe,
  openJobs,
  parentFailed,
} from '../runs/evidence/monitor.ts';
import { stateFolder } from '../runs/home.ts';
import type { JournalEvent } from '../runs/journal.ts';
import { maySubmit } from '../runs/launch/plan.ts';
import { noteSite } from '../runs/notices/site-trouble.ts';
import { paceOf } from '../runs/place.ts';
import type { Run } from '../runs/run.ts';
import { gateOf, record, reread, withRun } from '../runs/run.ts';
import { cancelLate, lateNames } from '../runs/submission/given-up.ts';
import type { MarkerLook } from '../sites/job-script.ts';
import type { Look } from '../sites/schedulers/scheduler.ts';
import type { Cadence } from './cadence.ts';
import { childJobs, childSights } from './children-notes.ts';

/** What came of a look at a site. */
export const siteOut = z.object({
  site: z.string(),
  polled: z.boolean(),
  healthy: z.boolean().nullable(),
  note: z.string().nullable(),
  looks_last_hour: z.number().int().describe('Each is one to three calls of the scheduler; of all clones together'),
});

/** One poll of a site for all of its runs, unless the last one was too recent for the policy; then what is known stands. `due` is how that was before any site of this call was asked. `took`: the seconds it waited for the scheduler. */
export async function lookAt(
  name: string,
  runs: readonly Run[],
  due: Cadence,
  acts: Acts,
  permit: ActingPermit,
  problems: string[],
): Promise<{ site: z.output<typeof siteOut>; changed: Run[]; took: number }> {
  const changed: Run[] = [];
  let took = 0;
  const site = await lookOnce(name, runs, due, acts, permit, problems, {
    changed: (run) => changed.push(run),
    polled: (seconds) => {
      took = seconds;
    },
  });
  return { site, changed, took };
}

/** What a look tells on the way: each run that it changed, and how long the scheduler took. */
type Seen = { changed(run: Run): void; polled(seconds: number): void };

async function lookOnce(
  name: string,
  runs: readonly Run[],
  { wait, looks }: Cadence,
  acts: Acts,
  permit: ActingPermit,
  problems: string[],
  seen: Seen,
): Promise<z.output<typeof siteOut>> {
  const watched = runs.filter((run) => parts(run).some(isWatched) || lateNames(run).length > 0);
  if (watched.length === 0) return { site: name, polled: false, healthy: null, note: null, looks_last_hour: 0 };
  if (wait > 0)
    return {
      site: name,
      polled: false,
      healthy: null,
      note: `looked at a moment ago; the policy allows the next look in ${wait} s`,
      looks_last_hour: looks,
    };
  try {
    const site = acts.site(name);
    // What scripts have submitted is asked for in the same poll, so their notes are read before it, and again after it.
    const masters = watched.filter(({ plan }) => maySubmit(plan));
    const noted = await site.markers(masters.map(gateOf));
    const children = masters.flatMap((run) => parts(run).flatMap((part) => childJobs(part, site, noted)));
    const jobs = [...watched.flatMap(parts).flatMap(openJobs), ...children];
    const since = Math.min(...watched.map((run) => Date.parse(run.record.attempts[0]?.intentAt ?? '') / 1000)) - 86_400;
    const { meter, key } = paceOf(acts.repo, site.kind);
    meter.note('poll', key);
    const late = runs.flatMap(lateNames);
    const asked = performance.now();
    const look = await site
      .poll({ jobs, since, ...(late.length > 0 ? { late } : {}) })
      .finally(() => seen.polled((performance.now() - asked) / 1000));
    await noteChange(acts, name, 'ok', problems);
    const marked = watched.filter((run) => maySubmit(run.plan) || parts(run).some((part) => needsMarkers(part, look)));
    const markers = await site.markers(marked.map(gateOf));
    const sights = await childSights(masters, site, markers, new Set(children.map(({ id }) => id)), problems);
    const byGate = new Map(markers.map((one) => [one.gate, one]));
    for (const run of watched) {
      const now = await note(run, look, byGate.get(gateOf(run)), sights, problems);
      if (now !== run) seen.changed(now);
    }
    for (const run of look.late ? runs : []) {
      const words = await cancelLate(run, site, permit, look.late ?? []);
      problems.push(...words);
      if (words.length > 0) seen.changed(reread(run));
    }
    return {
      site: name,
      polled: true,
      healthy: look.healthy,
      looks_last_hour: looks + 1,
      note: look.healthy
        ? null
        : `the scheduler is not healthy, so what it does not show proves nothing${look.trouble ? `: ${look.trouble}` : ''}`,
    };
  } catch (error) {
    const failure = asFailure(error);
    if (isOfTheSite(failure)) await noteChange(acts, name, failure.code, problems);
    return {
      site: name,
      polled: false,
      healthy: false,
      note: `${failure.message}; every state stays as it was`,
      looks_last_hour: looks + 1,
    };
  }
}

/** That a site answers no more, or again: notices are made of it. That it could not be noted is no failure of the look. */
async function noteChange({ repo }: Acts, site: string, code: FailureCode | 'ok', problems: string[]): Promise<void> {
  try {
    await noteSite(stateFolder(repo), site, code);
  } catch (error) {
    problems.push(`how ${site} was found could not be noted: ${asFailure(error).message}`);
  }
}

async function note(
  run: Run,
  look: Look,
  mine: MarkerLook | undefined,
  sights: (part: Run) => ChildSight | undefined,
  problems: string[],
): Promise<Run> {
  for (const more of parts(run).flatMap((part) => grown(part, look)))
    problems.push(
      `${run.id}: its job may use ${more}: it was changed after its release, or the site gives more than was asked for`,
    );
  for (const more of parts(run).flatMap((part) => grownChildren(part, look)))
    problems.push(`${run.id}: a job that a script submitted may use more than was declared for each: job ${more}`);
  if (mine?.broken !== undefined) {
    problems.push(`${run.id}: what its jobs left in ${mine.gate} cannot be read (${mine.broken}); its state stays as it was`);
    return run;
  }
  for (const bad of mine?.unreadable ?? []) problems.push(`${run.id}: a marker cannot be read: ${bad}`);
  const newsOf = (whole: Run, part: Run) => observe(part, look, mine, parentFailed(whole, part), sights(part), runsBefore(part));
  try {
    // Of what stands still no lock is taken.
    if (moves(run).length === 0 && parts(run).every((part) => newsOf(run, part).length === 0)) return run;
    return await withRun(run, 'monitoring', () => {
      const now = reread(run);
      if (!now.steps) return recordNews(now, newsOf(now, now));
      for (const part of now.steps) {
        // Its steps share its journal.
        const whole = reread(run);
        const fresh = whole.steps?.find(({ step }) => step === part.step) ?? part;
        recordNews(fresh, newsOf(whole, fresh));
      }
      const whole = reread(run);
      return recordNews(whole, moves(whole));
    });
  } catch (error) {
    problems.push(`${run.id}: ${asFailure(error).message}`);
    return run;
  }
}

function recordNews(run: Run, events: readonly JournalEvent[]): Run {
  return events.length > 0 ? record(run, ...events) : run;
}

/** A run, or the steps it is of. The runs of a group are looked at by themselves. */
export function parts(run: Run): readonly Run[] {
  return run.steps ?? [run];
}
