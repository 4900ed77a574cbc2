import listRuns from '../tools/list-runs.ts';
import type { Call } from './approve.ts';

/** Whether a run is open that a look has not seen as it is: a new one, or one that was opened again. */
export function unseenRun(call: Call): (seen: { runs: ReadonlyMap<string, string> }) => Promise<boolean> {
  return async ({ runs }) => {
    const outcome = await call(listRuns.name, { open: true, limit: 200 });
    // What cannot be told is looked at.
    if (outcome.kind !== 'done') return true;
    return listRuns.output.parse(outcome.data).runs.some(({ run_id, state }) => runs.get(run_id) !== state);
  };
}
