import { join } from 'node:path';
import { jsonText, readText, writeAtomic } from '../../base/files.ts';
import { current } from '../record.ts';
import type { Run } from '../run.ts';
import type { State } from './state.ts';

/**
 * `.autolab/run_context.json`: which run the launch stage is about, with the id that was really used. A projection like the manifest, so
 * repeating it changes nothing; a run that state.json is not about is left out of it.
 */
export function writeRunContext(repo: string, state: State, run: Run): void {
  const text = contextOf(state, run);
  if (text !== undefined) writeAtomic(contextPath(repo), text);
}

/** Whether that would change nothing. */
export function isRunContext(repo: string, state: State, run: Run): boolean {
  const text = contextOf(state, run);
  return text === undefined || readText(contextPath(repo)) === text;
}

function contextPath(repo: string): string {
  return join(repo, '.autolab', 'run_context.json');
}

/** Undefined for a run that the state is not about. */
function contextOf(state: State, run: Run): string | undefined {
  if (state.iteration_id !== run.plan.iteration.id) return undefined;
  if (state.last_run_id !== run.id && state.pending_run_id !== run.id) return undefined;
  const ids = run.replicates?.map(({ id }) => id);
  return jsonText({
    schema_version: '1.0',
    generated_at: current(run.record)?.intentAt ?? '',
    iteration_id: run.plan.iteration.id,
    experiment_id: run.plan.iteration.experiment ?? state.experiment_id,
    stage: 'launch',
    run_id: run.id,
    ...(ids ? { run_ids: ids, replicate_count: ids.length } : {}),
  });
}
