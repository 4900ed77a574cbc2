import * as z from 'zod';
import { Failure } from '../base/errors.ts';
import { findIteration } from '../runs/iteration.ts';
import type { Run } from '../runs/run.ts';
import { readState } from '../runs/state.ts';
import { focusedIteration } from './planning.ts';
import { ownRuns } from './run-choice.ts';
import { defineTool } from './tool.ts';
import { nextStep } from './views.ts';

const input = z.strictObject({});
/** Never produced: the answer is that of the operation it goes on with. */
const output = z.object({});

export default defineTool({
  name: 'advance_run',
  command: ['run'],
  title: 'Take the next legal step of the iteration in state.json',
  description:
    'Looks where the focused iteration stands (stage launch, slurm_monitor or extract_results) and goes on with the one legal next step: submit_run, monitor_runs, sync_artifacts or extract_results. ' +
    'Gate, approval and audit are those of that operation, and so is the answer. Call it again and again to take an experiment through the loop.',
  audience: 'agent',
  effect: 'spend',
  input,
  output,
  next: async (_input, reads) => {
    const state = readState(reads.repo);
    const iteration = findIteration(reads.repo, focusedIteration(reads.repo));
    const runs = ownRuns(iteration.path);
    const run = runs.find((one) => one.id === state.last_run_id) ?? runs.find((one) => one.id === state.pending_run_id);
    switch (state.stage) {
      case 'launch':
        return { tool: 'submit_run', input: { iteration: iteration.id } };
      case 'slurm_monitor':
      case 'extract_results':
        return stepOf(run, state.stage, state.last_run_id);
      default:
        throw new Failure('not_ready', {
          what: `the iteration ${iteration.id} is at stage ${state.stage}`,
          why: 'this program takes an experiment through launch, slurm_monitor and extract_results',
          next: BEYOND[state.stage] ?? 'take it to stage launch first',
        });
    }
  },
  facts: () => Promise.reject(new Error('advance_run routes')),
  handle: () => Promise.reject(new Error('advance_run routes')),
  text: () => '',
});

const BEYOND: Readonly<Record<string, string>> = {
  update_docs: 'the loop is done: write docs_update.md from analysis/summary.md, then go on with stage decide_repeat',
  decide_repeat: 'decide whether to repeat; a new cycle begins at design or launch',
  human_review: 'a person looks at what happened first',
  stop: 'the experiment is closed',
};

function stepOf(run: Run | undefined, stage: string, id: string): { tool: string; input: unknown } {
  if (!run) {
    throw new Failure('run_unknown', {
      what: `state.json is at ${stage} with last_run_id ${JSON.stringify(id)}, and that is no run of ours`,
      why: 'it was submitted by another program',
      next: 'finish it with that program, or set stage launch to submit anew',
    });
  }
  const { tool } = nextStep(run);
  switch (tool) {
    case 'submit_run':
      return { tool, input: { iteration: run.plan.iteration.id, run_id: run.id } };
    case 'sync_artifacts':
    case 'extract_results':
      return { tool: needsSync(run) ? 'sync_artifacts' : tool, input: { run_id: run.id } };
    case 'monitor_runs':
      return { tool, input: { run_id: run.id } };
    default:
      return { tool: 'extract_results', input: { run_id: run.id } };
  }
}

/** A run that failed in part: what its good tasks wrote is collected before its results are read. */
function needsSync(run: Run): boolean {
  return run.record.state === 'partial' && run.record.sync.status === 'pending';
}
