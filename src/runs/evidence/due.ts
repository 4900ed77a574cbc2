import { everyTask } from '../children/children.ts';
import type { JournalEvent } from '../journal.ts';
import { current } from '../record.ts';
import type { Run } from '../run.ts';
import type { RunState } from '../types.ts';
import { isOver, mayMove, TASK_OVER } from './lifecycle.ts';
import { moves } from './monitor.ts';

/**
 * The move that follows from what a run's journal says already and that was cut off before it was written: of its tasks, its artifacts or
 * its results. The base of a group moves with its runs. Pure; empty where nothing is due.
 */
export function due(run: Run): JournalEvent[] {
  const { state, sync, extraction, opened } = run.record;
  if (run.replicates || opened || isOver(state) || current(run.record)?.phase !== 'released') return [];
  const to = (next: RunState, because: string): JournalEvent[] =>
    mayMove(state, next) ? [{ event: 'moved', from: state, to: next, because }] : [];
  if (extraction) return to(extraction.status, extraction.detail);
  if (sync.status === 'ok') return to('synced', sync.detail);
  // That some of it runs is for the next look to say: what was submitted again looks like it as well.
  return everyTask(run.record).every((task) => TASK_OVER.has(task.state)) ? moves(run) : [];
}
