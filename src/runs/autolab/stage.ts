import { isOver } from '../evidence/lifecycle.ts';
import { current } from '../record.ts';
import type { Run } from '../run.ts';
import { phaseOf } from '../run.ts';
import type { State } from './state.ts';
import { historyEntry } from './state.ts';
import type { Stage } from './workflow-stages.ts';

/**
 * `state.json` as it follows from a run, or the base of a group, of the iteration it is at: launch → slurm_monitor once the scheduler has
 * all that was planned or has refused it, → extract_results once its artifacts are in or it is over, → update_docs once its metrics are
 * written. Stages never go back here, but for a further run, which begins the cycle anew. Gives the very same object where nothing follows. `last` is the run that the state names as its last
 * one, where that is one of ours.
 */
export function projectState(state: State, run: Run, last?: Run): State {
  if (state.iteration_id !== run.plan.iteration.id) return state;
  // A later run of the iteration may have taken over; an earlier one's monitor does not take it back.
  if (!isNewer(run, state.last_run_id, last)) return state;
  let next = namesRun(state, run);
  // A further run of the iteration begins the cycle anew, whatever was left of the last one.
  const isNew = state.last_run_id !== run.id && next.last_run_id === run.id;
  if (isNew && (next.stage === 'extract_results' || next.stage === 'update_docs'))
    next = moved(next, isWhole(run) || isOver(run.record.state) ? 'slurm_monitor' : 'launch', run);
  // A run that was opened again to run tasks anew is looked at again.
  const isOpened =
    run.record.retries > 0 && next.last_run_id === run.id && run.record.extraction === null && !isOver(run.record.state);
  if (isOpened && run.record.state !== 'synced' && (next.stage === 'extract_results' || next.stage === 'update_docs'))
    next = moved(next, 'slurm_monitor', run);
  for (let stage = stageAfter(next, run); stage !== undefined; stage = stageAfter(next, run)) next = moved(next, stage, run);
  return next;
}

function isNewer(run: Run, lastId: string, last: Run | undefined): boolean {
  if (lastId === '' || lastId === run.id) return true;
  const [began, lastBegan] = [run, last].map((one) => one?.record.attempts[0]?.intentAt ?? '');
  return began !== undefined && lastBegan && began !== lastBegan ? began > lastBegan : run.id > lastId;
}

function namesRun(state: State, run: Run): State {
  const taken = isTaken(run);
  const isLaunched = isWhole(run) || isOver(run.record.state);
  const isLast = taken || isOver(run.record.state);
  const clears = !isLaunched || state.pending_run_id === run.id;
  const change = {
    last_run_id: isLast ? run.id : state.last_run_id,
    pending_run_id: clears ? (isLaunched ? '' : run.id) : state.pending_run_id,
    sync_status: isLast ? run.record.sync.status : state.sync_status,
    // What an earlier launch left there would be taken for this one's runs.
    run_group: run.replicates?.map(({ id }) => id) ?? [],
  };
  const isSame = Object.entries(change).every(([key, value]) => JSON.stringify(state[key]) === JSON.stringify(value));
  return isSame ? state : { ...state, ...change };
}

/** The scheduler has taken something of it. */
function isTaken(run: Run): boolean {
  return current(run.record)?.jobId != null;
}

/** Nothing of it is still to be submitted or found out. */
function isWhole(run: Run): boolean {
  const phase = phaseOf(run);
  return isTaken(run) && phase !== 'intent' && phase !== 'ambiguous' && phase !== 'none' && phase !== 'unknown';
}

function stageAfter(state: State, run: Run): Stage | undefined {
  if (state.last_run_id !== run.id) return undefined;
  const { record } = run;
  if (state.stage === 'launch' && (isWhole(run) || isOver(record.state))) return 'slurm_monitor';
  if (state.stage === 'slurm_monitor' && (record.state === 'synced' || isOver(record.state))) return 'extract_results';
  if (state.stage === 'extract_results' && record.extraction !== null) return 'update_docs';
  return undefined;
}

function moved(state: State, to: Stage, run: Run): State {
  const entry = historyEntry({
    stage_before: state.stage,
    stage_after: to,
    status: 'complete',
    summary: `run ${run.id} is ${run.record.state}`,
    stage_attempt: state.stage_attempt,
  });
  return { ...state, stage: to, stage_attempt: 0, history: [...state.history, entry] };
}
