import type { ChildRecord } from './children/children.ts';
import { unseen } from './evidence/evidence.ts';
import type { JournalLine } from './journal.ts';
import type { Attempt, RunState, TaskRecord } from './types.ts';

/** A run as its journal tells it. */
export type RunRecord = {
  state: RunState;
  /** Why it is in this state, in the journal's words. */
  because: string | null;
  attempts: Attempt[];
  /** Tasks of the current attempt, by index. */
  tasks: TaskRecord[];
  /** Jobs that scripts of the current attempt submitted by themselves; absent where there are none. */
  children?: ChildRecord[];
  sync: { status: 'pending' | 'syncing' | 'ok' | 'failed'; detail: string; missing: string[] };
  extraction: { status: 'completed' | 'partial' | 'failed'; detail: string } | null;
  cancelling: boolean;
  differences: string[];
  refused: string | null;
  startedAt: string | null;
  overAt: string | null;
  lookedAt: number | null;
  /** How often it was opened again to run tasks anew. */
  retries: number;
  /** Opened again, and nothing of it was intended since: what its attempts say is of before. */
  opened: boolean;
  /** Where the plan is that it was opened again for last. */
  reopenedBy: string | null;
  /** The number of the last line; appending needs it. */
  last: number;
  /** When it was written. */
  lastAt: string | null;
};

/** The attempt that counts: the last one. */
export function current(record: RunRecord): Attempt | undefined {
  return record.attempts.at(-1);
}

/** The attempt that a task ran in last: a retry of others leaves it in an earlier one. */
export function attemptOf(record: RunRecord, index: number): Attempt | undefined {
  return record.attempts.findLast(({ indices }) => indices?.includes(index) !== false);
}

/** Replays a journal. Pure: equal lines give equal records, on any machine, at any time. */
export function replay(lines: readonly JournalLine[], indices: readonly number[]): RunRecord {
  const record: RunRecord = {
    state: 'pending',
    because: null,
    attempts: [],
    tasks: indices.map(unseen),
    sync: { status: 'pending', detail: '', missing: [] },
    extraction: null,
    cancelling: false,
    differences: [],
    refused: null,
    startedAt: null,
    overAt: null,
    lookedAt: null,
    retries: 0,
    opened: false,
    reopenedBy: null,
    last: 0,
    lastAt: null,
  };
  for (const line of lines) apply(record, line);
  return record;
}

function apply(record: RunRecord, line: JournalLine): void {
  record.last = line.n;
  record.lastAt = line.at;
  switch (line.event) {
    case 'intent':
      record.attempts.push({
        step: line.step,
        attempt: line.attempt,
        name: line.name,
        phase: 'intent',
        jobId: null,
        intentAt: line.at,
        submittedAt: null,
        planDigest: line.plan_digest,
        policyVersion: line.policy_version,
        ...(line.indices ? { indices: line.indices } : {}),
        ...(line.plan_file ? { planFile: line.plan_file } : {}),
        ...(line.code ? { code: line.code } : {}),
      });
      record.tasks = record.tasks.map((task) => (line.indices?.includes(task.index) === false ? task : unseen(task.index)));
      record.differences = [];
      record.opened = false;
      // What an attempt before has submitted is over, or it could not have been followed by another one.
      delete record.children;
      return;
    case 'reopened':
      reopen(record, line.because, line.plan_file ?? null);
      return;
    case 'submitted':
      patch(record, line, {
        phase: 'submitted',
        jobId: line.job_id,
        submittedAt: line.at,
        ...(line.adopted ? { adopted: true as const } : {}),
      });
      return;
    case 'refused':
      record.refused = line.quoted;
      patch(record, line, { phase: 'refused' });
      return;
    case 'ambiguous':
      // Where an id had been named, that was another job's.
      patch(record, line, { phase: 'ambiguous', jobId: null });
      return;
    case 'absent':
      patch(record, line, { phase: line.certain ? 'none' : 'unknown' });
      return;
    case 'read_back':
      record.differences = line.differences;
      return;
    case 'releasing':
      patch(record, line, { phase: 'releasing' });
      return;
    case 'released':
      patch(record, line, { phase: 'released' });
      return;
    case 'withdrawn':
      patch(record, line, { phase: 'withdrawn', ...(line.begun ? { begun: true as const } : {}) });
      return;
    case 'surplus':
      return;
    case 'observed':
      observe(record, line);
      return;
    case 'children':
      observeChildren(record, line);
      return;
    case 'moved':
      move(record, line);
      return;
    case 'cancelling':
      record.cancelling = true;
      return;
    case 'synced':
      record.sync = { status: line.status, detail: line.detail, missing: line.missing };
      return;
    case 'extracted':
      record.extraction = { status: line.status, detail: line.detail };
      return;
  }
}

function patch(record: RunRecord, of: { step: string; attempt: number }, change: Partial<Attempt>): void {
  record.attempts = record.attempts.map((one) =>
    one.step === of.step && one.attempt === of.attempt ? { ...one, ...change } : one,
  );
}

/** The one legal way to start over: what was concluded of the run is no longer so; what its tasks have done is. */
function reopen(record: RunRecord, because: string, planFile: string | null): void {
  Object.assign(record, {
    state: 'pending',
    because,
    sync: { status: 'pending', detail: '', missing: [] },
    extraction: null,
    cancelling: false,
    differences: [],
    refused: null,
    overAt: null,
    retries: record.retries + 1,
    opened: true,
    reopenedBy: planFile,
  } satisfies Partial<RunRecord>);
}

function observe(record: RunRecord, line: Extract<JournalLine, { event: 'observed' }>): void {
  if (line.attempt !== current(record)?.attempt) return;
  record.lookedAt = line.looked;
  const news = new Map(line.tasks.map((task) => [task.index, task]));
  record.tasks = record.tasks.map((task) => news.get(task.index) ?? task);
}

function observeChildren(record: RunRecord, line: Extract<JournalLine, { event: 'children' }>): void {
  if (line.attempt !== current(record)?.attempt) return;
  record.lookedAt = line.looked;
  const all = new Map((record.children ?? []).map((child) => [child.slot, child]));
  for (const child of line.children) all.set(child.slot, child);
  record.children = [...all.values()];
}

function move(record: RunRecord, line: Extract<JournalLine, { event: 'moved' }>): void {
  record.state = line.to;
  record.because = line.because;
  if (line.to === 'submitted') record.startedAt ??= line.at;
  if (line.to === 'completed' || line.to === 'failed' || line.to === 'partial') record.overAt ??= line.at;
}
