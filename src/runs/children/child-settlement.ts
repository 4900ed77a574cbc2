import { asFailure } from '../../base/errors.ts';
import { quote } from '../../base/text.ts';
import type { ChildNote } from '../../sites/child-notes.ts';
import type { History, JobTrace, Recorder } from '../../sites/schedulers/scheduler.ts';
import { TASK_OVER } from '../evidence/lifecycle.ts';
import { current } from '../record.ts';
import type { Run } from '../run.ts';
import type { SettledNote } from './children-look.ts';

/** The notes of the attempt that counts of a step. */
export function notesOf(run: Run, notes: readonly ChildNote[]): ChildNote[] {
  const attempt = current(run.record);
  return notes.filter((note) => note.step === attempt?.step && note.attempt === attempt.attempt);
}

/** What the notes alone say: a job, a refusal for certain, or neither. Pure. */
export function settleNotes(notes: readonly ChildNote[], recorder: Recorder): SettledNote[] {
  return notes.map((note): SettledNote => {
    if (note.refused !== null) return { note, job: null, nothing: quote(note.refused, 300) };
    if (note.answer === null) return { note, job: null, nothing: null };
    const { exit, stdout, stderr } = note.answer;
    try {
      const id = recorder.read({ exit, stdout, stderr, signal: null, timedOut: false, notStarted: false });
      return { note, job: { id, name: note.name }, nothing: null };
    } catch (error) {
      const failure = asFailure(error);
      return {
        note,
        job: null,
        nothing: failure.code === 'scheduler_refused' ? quote(failure.quoted ?? failure.message, 300) : null,
      };
    }
  });
}

/** Whether a note says neither, and the journal does not know more: the scheduler has to be asked for the job. */
export function isOpenNote(run: Run, { note, job, nothing }: SettledNote): boolean {
  const known = run.record.children?.find(({ slot }) => slot === note.slot);
  const isKnown = known !== undefined && (known.job !== null || known.tasks.every(({ state }) => TASK_OVER.has(state)));
  return job === null && nothing === null && !isKnown;
}

/**
 * The same with what a scheduler's history says of calls whose answer was lost: the job that names its place in its comment, or has a name
 * that only we give, or is the only one of its name that nobody else claims. Where there is none, nothing was submitted, once the call
 * itself cannot be under way any more. `visibility`: after so many seconds a job that was accepted is seen. Pure.
 */
export function settleByHistory(
  run: Run,
  notes: readonly SettledNote[],
  { at, jobs }: History,
  { visibility }: { visibility: number },
): SettledNote[] {
  const claimed = new Set([
    ...notes.flatMap(({ job }) => job?.id ?? []),
    ...(run.record.children ?? []).flatMap(({ job }) => job ?? []),
  ]);
  return notes.map((one): SettledNote => {
    if (!isOpenNote(run, one)) return one;
    const { note } = one;
    const found = jobOf(run, note, jobs, claimed);
    if (found) {
      claimed.add(found.id);
      return { note, job: { id: found.id, name: found.name }, nothing: null };
    }
    if (at - note.at < visibility || isUnderWay(run, note, notes)) return one;
    const words = note.answer
      ? `it ended with exit code ${note.answer.exit} and gave no job id: ${quote(note.answer.stderr || note.answer.stdout, 300) || 'it said nothing'}`
      : 'the call was cut off, and no job of it is there';
    return { note, job: null, nothing: words };
  });
}

function jobOf(run: Run, note: ChildNote, jobs: readonly JobTrace[], claimed: ReadonlySet<string>): JobTrace | undefined {
  const tag = ` run=${run.id} `;
  const place = new RegExp(` child=${note.step}\\.${note.attempt}\\.${note.slot}(?: |$)`);
  const free = jobs.filter(({ id }) => !claimed.has(id));
  const named = free.find(({ comment }) => comment?.includes(tag) && place.test(comment));
  if (named) return named;
  // Without its comment a job is known by its name alone; a clock of the node's may be ahead of the scheduler's by a little.
  const same = free.filter(
    ({ name, comment, submitted }) => name === note.name && comment === null && (submitted ?? 0) >= note.at - 5,
  );
  return same.length === 1 ? same[0] : undefined;
}

/** A call without an answer may go on as long as the job does that makes it. */
function isUnderWay(run: Run, note: ChildNote, notes: readonly SettledNote[]): boolean {
  if (note.answer) return false;
  if (note.by === '') return run.record.tasks.some(({ state }) => !TASK_OVER.has(state));
  const parent = run.record.children?.find(({ slot }) => slot === note.by);
  return parent === undefined
    ? notes.some((one) => one.note.slot === note.by)
    : parent.tasks.some(({ state }) => !TASK_OVER.has(state));
}
