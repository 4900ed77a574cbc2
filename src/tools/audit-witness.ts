import * as z from 'zod';
import { asFailure } from '../base/errors.ts';
import { count, quote } from '../base/text.ts';
import type { Acts } from '../context.ts';
import { isSubmission } from '../runs/audit/audit-decisions.ts';
import type { Books, JobFinding } from '../runs/audit/job-witness.ts';
import { holdAgainstJobs } from '../runs/audit/job-witness.ts';
import { settleNotes } from '../runs/children/child-settlement.ts';
import { repositoryTag, stateFolder, stateFolders } from '../runs/home.ts';
import { gateOf } from '../runs/run.ts';
import { jobsReserved } from '../runs/spending/spending.ts';
import type { JournalledRun } from '../runs/submission/submissions.ts';
import { journalledRuns } from '../runs/submission/submissions.ts';
import { sitesHere } from '../sites/index.ts';
import type { Site } from '../sites/site.ts';

const job = z.object({ job: z.string(), run: z.string().nullable(), line: z.number().nullable(), what: z.string() });
export const siteOut = z.object({
  site: z.string(),
  asked: z.boolean(),
  why: z.string().nullable().describe('Why it was not asked'),
  needed: z.boolean().describe('Whether runs of this log were submitted there'),
  jobs: z.number().int().nullable().describe('Jobs of this user that it told'),
  accounting: z.boolean().nullable().describe('false: the site keeps none, so a job that left the queue is not missed'),
  findings: z.array(job).describe('Jobs nobody recorded, records without a job, comments that name another plan or decision'),
  elsewhere: z.array(job).describe('Jobs in our form that are another repository’s, or lost'),
});
export type SiteOut = z.output<typeof siteOut>;

/** Runs and log as they were before anybody was asked, and which of the runs are from before the log. */
export type Seen = Pick<Books, 'runs' | 'lines' | 'older'>;

/** Seconds before the first thing that is known, for clocks that differ. */
const ROOM = 600;

/**
 * Asks every site that runs were submitted to, once each, and where commands of ours have run, the schedulers of this machine too: they
 * may have submitted something. A site that cannot be asked is told with its reason.
 */
export async function askSites(acts: Acts, seen: Seen, offline: boolean): Promise<SiteOut[]> {
  const sites: SiteOut[] = [];
  for (const [site, needed] of sitesOf(acts.repo, seen)) {
    const unasked = { site, needed, asked: false, jobs: null, accounting: null, findings: [], elsewhere: [] };
    if (offline) sites.push({ ...unasked, why: '--offline' });
    else
      try {
        sites.push({ site, needed, asked: true, why: null, ...(await look(acts, site, seen)) });
      } catch (error) {
        const { message, quoted } = asFailure(error);
        sites.push({ ...unasked, why: quote([message, quoted].filter(Boolean).join(': '), 500) });
      }
  }
  return sites;
}

async function look(acts: Acts, name: string, seen: Seen) {
  const site = acts.site(name);
  const before = seen.runs.filter((run) => run.site === name);
  const asked = new Set(before.flatMap(({ submissions }) => submissions.flatMap(({ job: id }) => id ?? [])));
  const history = await site.history(sinceOf(seen.lines, before), [...asked]);
  // Read after the scheduler was asked: what has been submitted meanwhile is recorded by now.
  const runs = await withNotes(journalledRuns(acts.repo), name, site);
  const own = stateFolder(acts.repo);
  const books: Books = {
    site: { name, user: await site.user(), isOwn: site.kind === 'local' },
    runs,
    older: seen.older,
    lines: acts.audit.lines(),
    repository: acts.repo,
    tag: repositoryTag(acts.repo),
    reserved: { here: jobsReserved([own]), elsewhere: jobsReserved(stateFolders().filter((folder) => folder !== own)) },
  };
  const { findings, elsewhere } = holdAgainstJobs(history, asked, books);
  return {
    jobs: history.jobs.length,
    accounting: history.reaches !== null,
    findings: findings.map(shown),
    elsewhere: elsewhere.map(shown),
  };
}

/** What scripts have submitted since the last look is noted, and in no journal yet. */
async function withNotes(runs: JournalledRun[], name: string, site: Site): Promise<JournalledRun[]> {
  const { recorder } = site.scheduler;
  const masters = runs.filter((run) => run.site === name && run.master);
  if (!recorder || masters.length === 0) return runs;
  const looks = await site.markers(masters.flatMap(({ master }) => (master ? [gateOf(master)] : [])));
  return runs.map((run) => {
    const notes = run.master && looks.find(({ gate }) => run.master && gate === gateOf(run.master))?.children;
    if (!run.master || !notes) return run;
    const noted = settleNotes(notes, recorder).flatMap(({ job: its }) => (its ? [{ job: its.id, name: its.name }] : []));
    return { ...run, master: { ...run.master, children: [...run.master.children, ...noted] } };
  });
}

/** Which sites there is reason to ask, and whether it is more than a possibility. */
function sitesOf(repo: string, { runs, lines, older }: Seen): Map<string, boolean> {
  const sites = new Map<string, boolean>();
  const add = (site: string | null | undefined, needed: boolean) => {
    if (site) sites.set(site, needed || sites.get(site) === true);
  };
  for (const { id, site, submissions } of runs) {
    if (submissions.length > 0) add(site, !older.has(id));
  }
  const decisions = new Map(lines.map(({ n, site }) => [n, site]));
  for (const line of lines) if (isSubmission(line) && line.decision !== undefined) add(decisions.get(line.decision), true);
  if (lines.some(({ kind }) => kind === 'command'))
    for (const [site, { scheduler }] of Object.entries(sitesHere(repo))) if (scheduler !== 'local') add(site, false);
  return new Map([...sites].sort());
}

/** Epoch seconds before the first line of the log and the first submission there. */
function sinceOf(lines: Seen['lines'], runs: readonly JournalledRun[]): number {
  const times = [lines[0]?.at, ...runs.flatMap(({ submissions }) => submissions.map(({ at }) => at))];
  const known = times.map((at) => Date.parse(at ?? '') / 1000).filter(Number.isFinite);
  return Math.max(1, Math.min(Date.now() / 1000, ...known) - ROOM);
}

function shown({ what, run, ...rest }: JobFinding): JobFinding {
  return { ...rest, run: run === null ? null : quote(run, 200), what: quote(what, 500) };
}

export function sitesText(sites: readonly SiteOut[], most: number): string[] {
  return sites.flatMap(({ site, asked, why, jobs, accounting, findings, elsewhere }) => [
    asked
      ? `${site}: ${count(jobs ?? 0, 'job')} of yours looked at${accounting ? '' : '; it keeps no accounting, so only its queue was'}; ${findings.length === 0 ? 'all is as recorded' : `${count(findings.length, 'thing')} NOT as recorded:`}`
      : `${site}: NOT asked: ${why}`,
    ...findings.slice(0, most).map((one) => `- job ${one.job}${one.run === null ? '' : ` (run ${one.run})`}: ${one.what}`),
    ...elsewhere.slice(0, most).map((one) => `  job ${one.job}: ${one.what}`),
  ]);
}
