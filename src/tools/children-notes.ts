import { asFailure } from '../base/errors.ts';
import { isOpenNote, notesOf, settleByHistory, settleNotes } from '../runs/children/child-settlement.ts';
import { openChildren } from '../runs/children/children.ts';
import type { ChildSight, SettledNote } from '../runs/children/children-look.ts';
import { TIMINGS } from '../runs/evidence/timings.ts';
import { maySubmit } from '../runs/launch/plan.ts';
import type { Run } from '../runs/run.ts';
import { gateOf, partsOf } from '../runs/run.ts';
import type { MarkerLook } from '../sites/job-script.ts';
import type { History } from '../sites/schedulers/scheduler.ts';
import type { Site } from '../sites/site.ts';

type Jobs = { id: string; name: string; open: number }[];

/** Jobs that scripts submitted and that are not known to be over: those of the journal, and those noted since. */
export function childJobs(part: Run, site: Site, looks: readonly MarkerLook[]): Jobs {
  const known = new Set((part.record.children ?? []).flatMap(({ job }) => job ?? []));
  const fresh = settled(part, site, looks).flatMap(({ job }) => (job && !known.has(job.id) ? [{ ...job, open: 1 }] : []));
  return [...openChildren(part.record), ...fresh];
}

function settled(part: Run, site: Site, looks: readonly MarkerLook[]): SettledNote[] {
  const { recorder } = site.scheduler;
  const notes = looks.find(({ gate }) => gate === gateOf(part))?.children;
  return recorder && notes ? settleNotes(notesOf(part, notes), recorder) : [];
}

/** What the notes of these runs have come to. The scheduler's history is asked, once, only where the answer to a call was lost. */
export async function childSights(
  runs: readonly Run[],
  site: Site,
  looks: readonly MarkerLook[],
  asked: ReadonlySet<string>,
  problems: string[],
): Promise<(part: Run) => ChildSight | undefined> {
  const parts = runs.filter(({ plan }) => maySubmit(plan)).flatMap(partsOf);
  const open = parts.flatMap((part) =>
    settled(part, site, looks)
      .filter((one) => isOpenNote(part, one))
      .map(({ note }) => note.at),
  );
  const history = open.length > 0 ? await historyOf(site, Math.min(...open), problems) : undefined;
  const timings = TIMINGS[site.kind];
  return (part) => {
    if (!maySubmit(part.plan)) return undefined;
    const notes = settled(part, site, looks);
    return { asked, notes: history && timings ? settleByHistory(part, notes, history, timings) : notes };
  };
}

async function historyOf(site: Site, since: number, problems: string[]): Promise<History | undefined> {
  try {
    return await site.history(since - 60, []);
  } catch (error) {
    problems.push(`a job that a script submitted could not be looked up: ${asFailure(error).message}`);
    return undefined;
  }
}
