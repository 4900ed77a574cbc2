import * as z from 'zod';
import { digest } from '../base/digest.ts';
import { asFailure } from '../base/errors.ts';
import type { ActingPermit } from '../base/permit.ts';
import type { Acts } from '../context.ts';
import { failedBefore } from '../runs/after-runs.ts';
import { everyTask } from '../runs/children.ts';
import type { ChildSight } from '../runs/children-look.ts';
import { drifting } from '../runs/code/drift.ts';
import { cancelLate, lateNames } from '../runs/given-up.ts';
import { grown, grownChildren, isWatched, moves, needsMarkers, observe, openJobs, parentFailed } from '../runs/monitor.ts';
import { openRuns } from '../runs/open.ts';
import { paceOf } from '../runs/place.ts';
import { maySubmit } from '../runs/plan.ts';
import { projectOne } from '../runs/project.ts';
import { isCutOff } from '../runs/recovery.ts';
import type { Run } from '../runs/run.ts';
import { baseOf, gateOf, partsOf, record, reread, withRun } from '../runs/run.ts';
import type { MarkerLook } from '../sites/job-script.ts';
import type { Look } from '../sites/schedulers/scheduler.ts';
import { cadence } from './cadence.ts';
import { childJobs, childSights } from './children-notes.ts';
import { optionalRun, stateOut, tasksOut } from './fields.ts';
import { chooseRun } from './run-choice.ts';
import { guardOf } from './telling.ts';
import { defineTool } from './tool.ts';
import { nextStep, nextTools, runLine, tasksView } from './views.ts';

const input = z.strictObject({
  run_id: optionalRun.describe(
    'Tell only of this run, or of the runs of this group. All open runs of the site are looked at in the same single poll',
  ),
});
const runOut = z.object({
  run_id: z.string(),
  iteration: z.string(),
  state: stateOut,
  was: stateOut,
  changed: z.boolean(),
  tasks: tasksOut,
  blocked: z.boolean().describe('Will never start without somebody’s help'),
  line: z.string(),
  next_tool: z.string().nullable(),
  rather: z.string().optional().describe('May mend the run before next_tool'),
  next: z.string(),
});
const output = z.object({
  runs: z.array(runOut),
  sites: z.array(
    z.object({
      site: z.string(),
      polled: z.boolean(),
      healthy: z.boolean().nullable(),
      note: z.string().nullable(),
      looks_last_hour: z.number().int().describe('Each is one to three calls of the scheduler; of all clones together'),
    }),
  ),
  all_over: z.boolean().describe('No run is waited for any more'),
  next_look_seconds: z.number().int().describe('Ask again after this long, not sooner'),
  problems: z.array(z.string()),
});
type RunOut = z.output<typeof runOut>;
const subjectOf = (runId: string | undefined) => ({ monitor: runId ?? 'all' });

export default defineTool({
  name: 'monitor_runs',
  command: ['monitor'],
  title: 'Look once at every open run, and move their states on evidence',
  description:
    'One poll a site for all open runs, however many. Moves states on evidence only, says what changed, what is blocked and why, and when to look again: wait that long before the next call. ' +
    'A job found nowhere is unknown, not finished. Next: sync_artifacts once every task has ended well; extract_results once a run has failed.',
  audience: 'agent',
  effect: 'write',
  input,
  output,
  facts: async (args, reads) => {
    if (args.run_id !== undefined) chooseRun(reads, args.run_id);
    return { acts: ['write'], subject: subjectOf(args.run_id), summary: 'look at the open runs' };
  },

  handle: async ({ run_id }, acts, permit) => {
    permit.check(digest(subjectOf(run_id)));
    const { runs, unreadable } = openRuns(acts.repo);
    const problems = unreadable.map((one) => `${one.id} cannot be read: ${one.why}`);
    const bases = basesOf(runs);
    const before = new Map([...runs, ...bases].map((run) => [run.id, run]));
    const sites: z.output<typeof output>['sites'] = [];
    for (const name of [...new Set(runs.map((run) => run.plan.site))].sort()) {
      const here = runs.filter((run) => run.plan.site === name);
      sites.push(await lookAt(name, here, acts, permit, problems));
    }
    problems.push(...(await drifting(acts.repo, openRuns(acts.repo).runs)));
    const told: RunOut[] = [];
    const closed = run_id !== undefined && !before.has(run_id) ? [chooseRun(acts, run_id)] : [];
    for (const run of [...runs, ...bases, ...closed]) {
      const now = await settle(run, acts, problems);
      if (run_id === undefined || run_id === run.id || run_id === run.plan.replicate?.group)
        told.push(view(now, before.get(run.id) ?? now));
    }
    // What cannot be read may still run.
    const waiting = unreadable.length > 0 || openRuns(acts.repo).runs.some((run) => parts(run).some(isWatched) || isCutOff(run));
    const pace = acts.policy().gate.limits.scheduler?.poll_seconds ?? 60;
    return { runs: told, sites, all_over: !waiting, next_look_seconds: waiting ? pace : 0, problems };
  },

  text: (out) =>
    [
      ...out.runs.map(
        (run) =>
          `${run.changed ? '* ' : '  '}${run.line}${run.next_tool && run.next_tool !== 'monitor_runs' ? ` → ${nextTools({ tool: run.next_tool, rather: run.rather })}` : ''}`,
      ),
      ...out.sites.filter((site) => site.note).map((site) => `${site.site}: ${site.note}`),
      ...out.problems.map((problem) => `problem: ${problem}`),
      out.runs.length === 0 ? 'No open runs.' : '',
      out.all_over ? 'Nothing is waited for.' : `Look again in ${out.next_look_seconds} s.`,
    ]
      .filter(Boolean)
      .join('\n'),
});

/** One poll of a site for all of its runs, unless the last one was too recent for the policy; then what is known stands. */
async function lookAt(
  name: string,
  runs: readonly Run[],
  acts: Acts,
  permit: ActingPermit,
  problems: string[],
): Promise<z.output<typeof output>['sites'][number]> {
  const watched = runs.filter((run) => parts(run).some(isWatched) || lateNames(run).length > 0);
  if (watched.length === 0) return { site: name, polled: false, healthy: null, note: null, looks_last_hour: 0 };
  const { wait, looks } = cadence(watched[0]?.plan.scheduler ?? '', acts);
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
    const look = await site.poll({ jobs, since, ...(late.length > 0 ? { late } : {}) });
    const marked = watched.filter((run) => maySubmit(run.plan) || parts(run).some((part) => needsMarkers(part, look)));
    const markers = await site.markers(marked.map(gateOf));
    const sights = await childSights(masters, site, markers, new Set(children.map(({ id }) => id)), problems);
    for (const run of watched) await note(run, look, markers, sights, problems);
    for (const run of look.late ? runs : []) problems.push(...(await cancelLate(run, site, permit, look.late ?? [])));
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
    return {
      site: name,
      polled: false,
      healthy: false,
      note: `${asFailure(error).message}; every state stays as it was`,
      looks_last_hour: looks + 1,
    };
  }
}

async function note(
  run: Run,
  look: Look,
  markers: readonly MarkerLook[],
  sights: (part: Run) => ChildSight | undefined,
  problems: string[],
): Promise<void> {
  const mine = markers.find((one) => one.gate === gateOf(run));
  for (const more of parts(run).flatMap((part) => grown(part, look)))
    problems.push(
      `${run.id}: its job may use ${more}: it was changed after its release, or the site gives more than was asked for`,
    );
  for (const more of parts(run).flatMap((part) => grownChildren(part, look)))
    problems.push(`${run.id}: a job that a script submitted may use more than was declared for each: job ${more}`);
  if (mine?.broken !== undefined) {
    problems.push(`${run.id}: what its jobs left in ${mine.gate} cannot be read (${mine.broken}); its state stays as it was`);
    return;
  }
  for (const bad of mine?.unreadable ?? []) problems.push(`${run.id}: a marker cannot be read: ${bad}`);
  const newsOf = (whole: Run, part: Run) =>
    observe(part, look, mine, parentFailed(whole, part), sights(part), failedBefore(part));
  try {
    // Of what stands still no lock is taken.
    if (moves(run).length === 0 && parts(run).every((part) => newsOf(run, part).length === 0)) return;
    await withRun(run, 'monitoring', () => {
      for (const part of parts(reread(run))) {
        const fresh = reread(part);
        const events = newsOf(reread(run), fresh);
        if (events.length > 0) record(fresh, ...events);
      }
      const whole = reread(run);
      if (whole.steps) record(whole, ...moves(whole));
    });
  } catch (error) {
    problems.push(`${run.id}: ${asFailure(error).message}`);
  }
}

/** A run, or the steps it is of. The runs of a group are looked at by themselves. */
function parts(run: Run): readonly Run[] {
  return run.steps ?? [run];
}

/** The groups that the runs belong to, each once. */
function basesOf(runs: readonly Run[]): Run[] {
  return [...new Map(runs.filter(({ plan }) => plan.replicate).map((run) => [run.plan.replicate?.group, run])).values()].map(
    baseOf,
  );
}

/** Projections are repaired at every look, so that what a crash or another program left behind does not stay. */
async function settle(run: Run, acts: Acts, problems: string[]): Promise<Run> {
  const now = reread(run);
  try {
    await projectOne(acts.repo, now, guardOf(acts.repo, acts.policy()));
  } catch (error) {
    problems.push(`${run.id}: manifest, ledger or state could not be brought up to date: ${asFailure(error).message}`);
  }
  return now;
}

function view(run: Run, before: Run): RunOut {
  const next = nextStep(run);
  return {
    run_id: run.id,
    iteration: run.plan.iteration.id,
    state: run.record.state,
    was: before.record.state,
    changed: partsOf(run).some((part, at) => part.record.last !== partsOf(before)[at]?.record.last),
    tasks: tasksView(run),
    blocked: everyTask(run.record).some((task) => task.blocked),
    line: runLine(run),
    next_tool: next.tool,
    ...(next.rather === undefined ? {} : { rather: next.rather }),
    next: next.words,
  };
}
