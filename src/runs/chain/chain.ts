import { attemptOfGroup } from '../groups/group.ts';
import type { JournalLine } from '../journal.ts';
import type { Plan } from '../launch/plan.ts';
import type { RunRecord } from '../record.ts';
import type { TaskRecord } from '../types.ts';
import { withLegs } from './legs.ts';

/** What a journal says of one step and of the run as a whole; with null of the run alone. */
export function linesOf(lines: readonly JournalLine[], step: string | null): JournalLine[] {
  return lines.filter((line) => !('step' in line) || line.step === step);
}

type Step = { step: string; plan: Plan; record: RunRecord };

/** The record of a run of several steps: what follows from its steps, and from what its journal says of the whole. */
export function chainRecord(steps: readonly Step[], own: RunRecord): RunRecord {
  const records = steps.map(({ record }) => record);
  const tasks = steps.flatMap(({ step, record }) => record.tasks.map((task): TaskRecord => ({ ...task, step })));
  const looks = records.flatMap(({ lookedAt }) => lookedAt ?? []);
  const children = records.flatMap((record) => record.children ?? []);
  return {
    ...own,
    ...(children.length > 0 ? { children } : {}),
    attempts: attemptOfGroup(records, 0),
    opened: records.every(({ opened }) => opened),
    tasks: withLegs(steps[0]?.plan.steps ?? [], tasks),
    differences: records.flatMap(({ differences }) => differences),
    refused: records.find(({ refused }) => refused !== null)?.refused ?? null,
    lookedAt: looks.length > 0 ? Math.min(...looks) : null,
    last: Math.max(own.last, ...records.map(({ last }) => last)),
    // Each step knows the last line of their journal, whosever it is.
    lastAt: records[0]?.lastAt ?? own.lastAt,
  };
}
