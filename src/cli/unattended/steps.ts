import type * as z from 'zod';
import explainPolicy from '../../tools/explain-policy.ts';
import extractResults from '../../tools/extract-results.ts';
import listApprovals from '../../tools/list-approvals.ts';
import listRuns from '../../tools/list-runs.ts';
import syncArtifacts from '../../tools/sync-artifacts.ts';
import type { Outcome } from '../../tools/tool.ts';
import type { Call } from '../approve.ts';
import type { Left, LeftBook } from './left.ts';
import type { Telling } from './telling.ts';
import { shortly } from './telling.ts';

type RunOut = z.output<typeof listRuns.output>['runs'][number];
type Step = { tool: string; print: string };
/** Seconds until it is worth while to call again; null where that is for the next look to say. */
export type Again = number | null;

/** A run is collected and then parsed: no more steps than these come one after the other. */
const MOST_STEPS = 3;

/**
 * Takes the steps of runs that need no decision: collecting what has ended well, and turning what is over into results. What the gate asks
 * or denies, and what could be mended by running it again, is told once and left for a person; it is taken up again once that has changed.
 */
export function stepsOf(call: Call, telling: Telling, left: LeftBook): (run: string) => Promise<Again> {
  async function isLeft(run: string, step: Step): Promise<boolean> {
    const before = left.get(run);
    if (!before) return false;
    const isSame = before.tool === step.tool && before.print === step.print;
    if (isSame && !(await mayGoOn(run, before))) return true;
    left.set(run, undefined);
    return false;
  }

  async function mayGoOn(run: string, before: Left): Promise<boolean> {
    if (before.why === 'approval') {
      const found = await call(listApprovals.name, { id: before.id });
      const [approval] = found.kind === 'done' ? listApprovals.output.parse(found.data).approvals : [];
      if (approval?.state === 'refused') telling.once(`step ${run}`, `${before.id} was refused: ${run} is left as it is`, run);
      // Asking anew after a refusal would be a new question. One that nobody answered is asked again.
      return approval?.state === 'granted' || approval?.state === 'expired';
    }
    if (before.why === 'person') return false;
    const explained = await call(explainPolicy.name, { tool: before.tool, arguments: { run_id: run } });
    return explained.kind === 'done' && explainPolicy.output.parse(explained.data).decision.verdict !== 'deny';
  }

  /** Whether another step may follow at once. */
  function judge(run: string, step: Step, outcome: Outcome): { more: boolean; again: Again } {
    const told = (text: string) => telling.once(`step ${run}`, text, run);
    const over = { more: false, again: null };
    switch (outcome.kind) {
      case 'running':
        told(`${outcome.what} goes on`);
        return { more: false, again: outcome.askAgainSeconds };
      case 'pending':
        left.set(run, { ...step, why: 'approval', id: outcome.approval.id });
        told(`${run}: ${step.tool} waits for a person: autolab-mcp approve ${outcome.approval.id}`);
        return over;
      case 'refused':
        left.set(run, { ...step, why: 'denied' });
        told(shortly(outcome.text));
        return over;
      case 'failed':
        if (!outcome.failure.retry) left.set(run, { ...step, why: 'person' });
        told(shortly(outcome.text));
        return over;
      case 'done':
        if (outcome.exit !== 0) left.set(run, { ...step, why: 'person' });
        told(shortly(outcome.text));
        for (const fault of outcome.faults) telling.say(fault, run);
        return { more: outcome.exit === 0, again: null };
    }
  }

  return async (run) => {
    for (let taken = 0; taken < MOST_STEPS; taken++) {
      const found = await call(listRuns.name, { run_id: run });
      const [now] = found.kind === 'done' ? listRuns.output.parse(found.data).runs : [];
      if (!now) return null;
      const step = stepOf(now);
      if (step === null) {
        if (isForPerson(now)) telling.once(`step ${run}`, `${run} is left for a person: ${now.next}`, run);
        return null;
      }
      if (await isLeft(run, step)) return null;
      const { more, again } = judge(run, step, await call(step.tool, { run_id: run }));
      if (!more) return again;
    }
    return null;
  };
}

/** Null where there is nothing to be done, or a choice that is not ours. */
function stepOf(run: RunOut): Step | null {
  const tool = toolOf(run);
  return tool === null ? null : { tool, print: JSON.stringify([run.state, run.sync, run.tasks]) };
}

function toolOf({ next_tool, rather, state, sync, tasks }: RunOut): string | null {
  if (rather !== undefined) return null;
  if (next_tool === syncArtifacts.name) return next_tool;
  if (next_tool !== extractResults.name) return null;
  // What the good tasks of a run wrote is collected before its results are read.
  return state === 'partial' && sync === 'pending' && tasks.succeeded > 0 ? syncArtifacts.name : next_tool;
}

function isForPerson({ next_tool, rather }: RunOut): boolean {
  return rather !== undefined || next_tool === 'retry_tasks' || next_tool === 'submit_run' || next_tool === 'cancel_run';
}
