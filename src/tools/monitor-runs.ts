import * as z from 'zod';
import { digest } from '../base/digest.ts';
import { asFailure, Failure } from '../base/errors.ts';
import type { Acts } from '../context.ts';
import { everyTask } from '../runs/children/children.ts';
import { drifting } from '../runs/code/drift.ts';
import { isWatched } from '../runs/evidence/monitor.ts';
import { openIds, openRuns } from '../runs/open.ts';
import { projectAll } from '../runs/project.ts';
import type { Run } from '../runs/run.ts';
import { basesOf, partsOf, reread } from '../runs/run.ts';
import { isCutOff } from '../runs/submission/recovery.ts';
import { cadence, nextLook } from './cadence.ts';
import { eventsText, eventsView, followEvents } from './events.ts';
import { optionalRun, stateOut, tasksOut } from './fields.ts';
import { pausedLine } from './pausing.ts';
import { chooseRun } from './run-choice.ts';
import { lookAt, parts, siteOut } from './site-look.ts';
import { guardOf } from './telling.ts';
import { defineTool } from './tool.ts';
import { nextStep, nextTools, refusalView, runLine, tasksView } from './views.ts';

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
  events: z.string().optional().describe('What its own event log tells; no evidence'),
  line: z.string(),
  scheduler_said: z.string().optional(),
  next_tool: z.string().nullable(),
  rather: z.string().optional().describe('May mend the run before next_tool'),
  next: z.string(),
});
const output = z.object({
  runs: z.array(runOut),
  sites: z.array(siteOut),
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
    const sites: z.output<typeof siteOut>[] = [];
    const seen = new Map<string, Run>();
    const pace = acts.policy().gate.limits.scheduler?.poll_seconds ?? 60;
    const waits: number[] = [];
    const kinds = [...new Set(runs.map(({ plan }) => plan.scheduler))];
    const dues = new Map(kinds.map((kind) => [kind, cadence(kind, acts)]));
    for (const name of [...new Set(runs.map((run) => run.plan.site))].sort()) {
      const here = runs.filter((run) => run.plan.site === name);
      const due = dues.get(here[0]?.plan.scheduler ?? '') ?? { wait: 0, looks: 0 };
      const { site, changed, took } = await lookAt(name, here, due, acts, permit, problems);
      sites.push(site);
      for (const run of changed) seen.set(run.id, run);
      // Of those that ended with this look, too: what they wrote last.
      const watched = here.filter((run) => parts(run).some(isWatched)).map((run) => seen.get(run.id) ?? run);
      if (site.polled) await followEvents(name, watched, acts, problems);
      if (here.some(isCutOff)) waits.push(pace);
      else if (watched.length > 0) waits.push(worthAgain(site, took, watched, pace, due.wait));
    }
    const open = runs.map((run) => seen.get(run.id) ?? run);
    problems.push(
      ...(await drifting(
        acts.repo,
        open.filter((run) => isHere(acts, run)),
      )),
    );
    const closed = run_id !== undefined && !before.has(run_id) ? [chooseRun(acts, run_id)] : [];
    const all = [...open, ...(seen.size > 0 ? bases.map(reread) : bases), ...closed];
    await bringUpToDate(all, acts, problems);
    const told = all
      .filter((run) => run_id === undefined || run_id === run.id || run_id === run.plan.replicate?.group)
      .map((run) => view(run, before.get(run.id) ?? run));
    // What cannot be read may still run.
    const waiting = unreadable.length > 0 || isWaitedFor(acts.repo, open);
    problems.push(...[pausedLine(acts)].filter((line) => line !== undefined));
    if (waits.length === 0 || unreadable.length > 0) waits.push(pace);
    const next = Math.max(1, Math.min(...waits));
    return { runs: told, sites, all_over: !waiting, next_look_seconds: waiting ? next : 0, problems };
  },

  text: (out) =>
    [
      ...out.runs.flatMap((run) =>
        [
          `${run.changed ? '* ' : '  '}${run.line}${run.events === undefined ? '' : `; ${run.events}`}${run.next_tool && run.next_tool !== 'monitor_runs' ? ` → ${nextTools({ tool: run.next_tool, rather: run.rather })}` : ''}`,
          run.scheduler_said ?? '',
        ].filter(Boolean),
      ),
      ...out.sites.filter((site) => site.note).map((site) => `${site.site}: ${site.note}`),
      ...out.problems.map((problem) => `problem: ${problem}`),
      out.runs.length === 0 ? 'No open runs.' : '',
      out.all_over ? 'Nothing is waited for.' : `Look again in ${out.next_look_seconds} s.`,
    ]
      .filter(Boolean)
      .join('\n'),
});

/** Projections are repaired at every look, so that what a crash or another program left behind does not stay. */
async function bringUpToDate(runs: readonly Run[], acts: Acts, problems: string[]): Promise<void> {
  await projectAll(acts.repo, runs, guardOf(acts.repo, acts.policy()), (run, error) =>
    problems.push(`${run.id}: manifest, ledger or state could not be brought up to date: ${asFailure(error).message}`),
  );
}

/** Seconds until another look is worth its calls. `wait`: until the policy allows it, which is sooner than the pace where another has just looked. */
function worthAgain(site: z.output<typeof siteOut>, took: number, watched: readonly Run[], pace: number, wait: number): number {
  const after = nextLook({ pace, quiet: site.healthy === false ? 0 : quietOf(watched), took });
  // Known to be neither healthy nor not: nobody tried, since somebody else had a moment ago.
  const isTried = site.polled || site.healthy !== null;
  return isTried ? after : Math.max(wait, after - Math.max(0, pace - wait));
}

/** Seconds since anything was last heard of any of these runs. */
function quietOf(runs: readonly Run[]): number {
  const heard = runs.map(({ record }) => Date.parse(record.lastAt ?? '')).filter((at) => !Number.isNaN(at));
  return heard.length === 0 ? 0 : Math.max(0, (Date.now() - Math.max(...heard)) / 1000);
}

/** Whether any run that is still open is: of these, and of those that were submitted meanwhile. */
function isWaitedFor(repo: string, known: readonly Run[]): boolean {
  const open = openIds(repo);
  const isWaiting = (run: Run) => parts(run).some(isWatched) || isCutOff(run);
  if (known.some((run) => open.has(run.id) && isWaiting(run))) return true;
  return openRuns(repo, new Set(known.map(({ id }) => id))).runs.some(isWaiting);
}

function view(run: Run, before: Run): RunOut {
  const next = nextStep(run);
  const { events } = eventsView(run);
  return {
    run_id: run.id,
    iteration: run.plan.iteration.id,
    state: run.record.state,
    was: before.record.state,
    changed: partsOf(run).some((part, at) => part.record.last !== partsOf(before)[at]?.record.last),
    tasks: tasksView(run),
    blocked: everyTask(run.record).some((task) => task.blocked),
    ...(events ? { events: eventsText(events) } : {}),
    line: runLine(run),
    ...refusalView(run),
    next_tool: next.tool,
    ...(next.rather === undefined ? {} : { rather: next.rather }),
    next: next.words,
  };
}

/** Whether its inputs are files of this machine. Where its site is not known any more, nobody can say that they are not. */
function isHere(acts: Acts, run: Run): boolean {
  try {
    return acts.site(run.plan.site).far === undefined;
  } catch (error) {
    if (error instanceof Failure) return true;
    throw error;
  }
}
