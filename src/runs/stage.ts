import { isOver } from './lifecycle.ts';
import { current } from './record.ts';
import type { Run } from './run.ts';
import type { State } from './state.ts';
import { historyEntry } from './state.ts';
import type { Stage } from './workflow-stages.ts';

/**
 * `state.json` as it follows from a run of the iteration it is at: launch → slurm_monitor once the scheduler has the job,
 * → extract_results once its artifacts are in or it is over, → update_docs once its metrics are written. Stages never go back here.
 * Gives the very same object where nothing follows.
 */
export function projectState(state: State, run: Run): State {
  if (state.iteration_id !== run.plan.iteration.id) return state;
  let next = namesRun(state, run);
  // A further run of the iteration begins the cycle anew, whatever was left of the last one.
  const isNew = state.last_run_id !== run.id && next.last_run_id === run.id;
  if (isNew && (next.stage === 'extract_results' || next.stage === 'update_docs')) next = moved(next, 'slurm_monitor', run);
  for (let stage = stageAfter(next, run); stage !== undefined; stage = stageAfter(next, run)) next = moved(next, stage, run);
  return next;
}

function namesRun(state: State, run: Run): State {
  const accepted = current(run.record)?.jobId != null;
  const sync = accepted ? run.record.sync.status : state.sync_status;
  const pending = accepted || isOver(run.record.state) ? '' : run.id;
  // A later run of the iteration may have taken over; an earlier one's monitor does not take it back.
  const isNewer = state.last_run_id === '' || run.id >= state.last_run_id;
  if (!isNewer) return state;
  const last = accepted ? run.id : state.last_run_id;
  const clears = pending !== '' || state.pending_run_id === run.id;
  const change = {
    last_run_id: last,
    pending_run_id: clears ? pending : state.pending_run_id,
    sync_status: last === run.id ? sync : state.sync_status,
  };
  const isSame =
    change.last_run_id === state.last_run_id &&
    change.pending_run_id === state.pending_run_id &&
    change.sync_status === state.sync_status;
  return isSame ? state : { ...state, ...change };
}

function stageAfter(state: State, run: Run): Stage | undefined {
  if (state.last_run_id !== run.id) return undefined;
  const { record } = run;
  if (state.stage === 'launch' && current(record)?.jobId != null) return 'slurm_monitor';
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
