import { join } from 'node:path';
import * as z from 'zod';
import { asFailure } from '../../base/errors.ts';
import { readJson } from '../../base/files.ts';
import { allIterations } from '../autolab/iterations.ts';
import { isOver } from '../evidence/lifecycle.ts';
import { readGroup } from '../groups/group.ts';
import type { JournalLine } from '../journal.ts';
import { readJournal } from '../journal.ts';
import type { Plan } from '../launch/plan.ts';
import { maySubmit, planDigest, runsOf } from '../launch/plan.ts';
import { runFolders } from '../run.ts';

/** One attempt as a journal tells it; what its lines do not say is undefined. */
export type Submission = {
  run: string;
  name: string | undefined;
  job: string | undefined;
  /** Whether it says that something was submitted or released, and since when, else when it was intended. */
  submitted: boolean;
  at: string;
  /** It says that nothing was accepted, for certain. */
  isRefused: boolean;
  digest: string | undefined;
  /** The hash of the audit line that decided on it. */
  decision: string | undefined;
};

/** A run folder as its journal tells it. `fault`: why the journal cannot be read. */
export type JournalledRun = {
  id: string;
  /** The base id of its group, else its own. */
  base: string;
  site: string | null;
  isGroup: boolean;
  isEmpty: boolean;
  fault: string | null;
  submissions: Submission[];
  /** Jobs that were accepted beside the one that counts, and cancelled. */
  surplus: { job: string; name: string }[];
  /** Of a run whose scripts may submit by themselves: its folder, what they did by its journal, and while they might have, in epoch seconds. */
  master?: { folder: string; children: { job: string; name: string }[]; from: number; until: number };
};

/** Every run folder of a repository that can have been submitted by us, whatever of it is left. Nothing here throws for one folder. */
export function journalledRuns(repo: string): JournalledRun[] {
  return allIterations(repo).flatMap(({ path }) => runFolders(path).map(({ id }) => runIn(join(path, 'runs', id), id)));
}

function runIn(folder: string, id: string): JournalledRun {
  const plan = planIn(folder);
  const found = { id, base: id, site: plan?.site ?? null, isEmpty: true, fault: null, submissions: [], surplus: [] };
  try {
    const isGroup = readGroup(folder) !== undefined;
    const lines = readJournal(folder);
    const submissions = submissionsOf(id, lines);
    const surplus = lines.flatMap((line) => (line.event === 'surplus' ? [{ job: line.job_id, name: line.name }] : []));
    const master = plan && maySubmit(plan) ? masterOf(folder, lines) : undefined;
    return {
      ...{ ...found, base: baseOf(id, plan, lines), isGroup, isEmpty: lines.length === 0, submissions, surplus },
      ...(master ? { master } : {}),
    };
  } catch (error) {
    return { ...found, isGroup: false, isEmpty: false, fault: asFailure(error).message };
  }
}

function masterOf(folder: string, lines: readonly JournalLine[]): JournalledRun['master'] {
  const children = lines
    .flatMap((line) => (line.event === 'children' ? line.children : []))
    .flatMap(({ job, name }) => (job === null ? [] : [{ job, name }]));
  const seconds = (at: string | undefined) => (at === undefined ? Number.NaN : Date.parse(at) / 1000);
  const from = seconds(lines.find(({ event }) => event === 'submitted')?.at);
  if (Number.isNaN(from)) return undefined;
  const end = lines.findLast((line) => line.event === 'moved' && isOver(line.to));
  const isOpen = lines.at(-1) !== undefined && (end === undefined || lines.slice(end.n).some(({ event }) => event === 'intent'));
  return { folder, children, from, until: isOpen ? Number.POSITIVE_INFINITY : seconds(end?.at) };
}

const OF_SUBMISSION: ReadonlySet<JournalLine['event']> = new Set([
  'intent',
  'submitted',
  'released',
  'refused',
  'absent',
  'ambiguous',
]);

function submissionsOf(run: string, lines: readonly JournalLine[]): Submission[] {
  const attempts = new Map<string, Submission>();
  for (const line of lines) {
    if (!OF_SUBMISSION.has(line.event) || !('step' in line)) continue;
    const key = `${line.step}.${line.attempt}`;
    const before = attempts.get(key) ?? {
      ...{ run, name: undefined, job: undefined, digest: undefined, decision: undefined },
      ...{ submitted: false, at: line.at, isRefused: false },
    };
    if (line.event === 'intent')
      attempts.set(key, { ...before, name: line.name, digest: line.plan_digest, decision: line.decision });
    else if (line.event === 'ambiguous') attempts.set(key, { ...before, submitted: false, job: undefined });
    else if (line.event === 'refused' || line.event === 'absent')
      attempts.set(key, { ...before, isRefused: line.event === 'refused' || line.certain });
    else
      attempts.set(key, {
        ...before,
        isRefused: false,
        at: before.submitted ? before.at : line.at,
        submitted: true,
        ...(line.event === 'submitted' ? { job: line.job_id } : {}),
      });
  }
  return [...attempts.values()];
}

const planned = z.looseObject({
  site: z.string(),
  replicate: z.object({ group: z.string(), number: z.number() }).optional(),
});

function planIn(folder: string): (z.output<typeof planned> & Plan) | undefined {
  try {
    const json = readJson(join(folder, 'gate', 'plan.json'));
    return planned.safeParse(json).success ? (json as z.output<typeof planned> & Plan) : undefined;
  } catch {
    return undefined;
  }
}

/** A run is one of a group only under the plan that it was submitted by, and only as many as that plan is. A retry's plan is beside it. */
function baseOf(id: string, plan: Plan | undefined, lines: readonly JournalLine[]): string {
  const replicate = plan?.replicate;
  const own = lines.findLast((line) => line.event === 'intent' && line.plan_file === undefined);
  if (!plan || !replicate || own?.event !== 'intent' || planDigest(plan) !== own.plan_digest) return id;
  return replicate.number <= runsOf(plan) ? replicate.group : id;
}
