import { join } from 'node:path';
import { jsonText, statSize, writeAtomic } from '../../base/files.ts';
import type { Run } from '../run.ts';
import { ownRun } from '../run.ts';
import type { Guard } from './guardrail.ts';
import { guarded } from './guardrail.ts';
import { isRunContext, writeRunContext } from './run-context.ts';
import { projectState } from './stage.ts';
import type { State } from './state.ts';
import { readState, statePath, writeState } from './state.ts';

/** state.json and run_context.json as they follow from runs, one after the other; read once, and written once for all of them. */
export type StateProjection = {
  /** Throws where the state does not read. */
  add(run: Run): void;
  /** Whether nothing would be written otherwise for this run as well. */
  isTold(run: Run): boolean;
  /** Hold the Autolab lock since before the first run. */
  write(): void;
};

export function stateProjection(repo: string, guard: Guard): StateProjection {
  let before: State | null | undefined;
  let state: State | null | undefined;
  let last: Run | undefined;
  let subject: Run | undefined;
  const read = (): State | null => {
    before ??= statSize(statePath(repo)) === undefined ? null : readState(repo);
    if (state === undefined) state = before;
    return state;
  };
  const after = (from: State, run: Run) => {
    if (from.iteration_id !== run.plan.iteration.id) return { state: from, breach: null };
    if (last?.id !== from.last_run_id) last = ownRun(run.iterationFolder, from.last_run_id);
    return guarded(from, projectState(from, run, last), guard);
  };
  return {
    add: (run) => {
      const from = run.plan.replicate ? null : read();
      if (!from) return;
      const next = after(from, run);
      if (next.breach) writeAtomic(join(repo, '.autolab', 'guardrail_breach.json'), jsonText(next.breach));
      if (isAbout(next.state, run)) subject = run;
      if (next.state.last_run_id === run.id) last = run;
      state = next.state;
    },
    isTold: (run) => {
      const from = run.plan.replicate ? null : read();
      return !from || (after(from, run).state === from && isRunContext(repo, from, run));
    },
    write: () => {
      if (!state) return;
      if (state !== before) writeState(repo, state);
      if (subject) writeRunContext(repo, state, subject);
    },
  };
}

function isAbout(state: State, { id }: Run): boolean {
  return state.last_run_id === id || state.pending_run_id === id;
}
