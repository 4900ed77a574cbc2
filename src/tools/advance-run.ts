import * as z from 'zod';
import { Failure } from '../base/errors.ts';
import { findIteration } from '../runs/autolab/iteration.ts';
import { readState } from '../runs/autolab/state.ts';
import { isOver } from '../runs/evidence/lifecycle.ts';
import type { Run } from '../runs/run.ts';
import { conclude } from './attempt-count.ts';
import { beyond } from './beyond.ts';
import { focusedIteration } from './planning.ts';
import { launches } from './run-choice.ts';
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
    'Gate, approval and audit are those of that operation, and so is the answer. Call it again and again to take an experiment through the loop. ' +
    'Failures that need a change are counted; at the stage’s retry budget the stage becomes human_review, and a person has to look.',
  audience: 'agent',
  effect: 'spend',
  input,
  output,
  next: async (_input, reads) => {
    const state = readState(reads.repo);
    const { stage } = state;
    if (stage !== 'launch' && stage !== 'slurm_monitor' && stage !== 'extract_results') throw beyond(reads, state);
    const iteration = findIteration(reads.repo, focusedIteration(reads.repo));
    if (stage === 'launch') return { tool: 'submit_run', input: { iteration: iteration.id } };
    const runs = launches(iteration.path);
    const run = runs.find((one) => one.id === state.last_run_id) ?? runs.find((one) => one.id === state.pending_run_id);
    return stepOf(run, stage, state.last_run_id);
  },
  after: conclude,
  facts: () => Promise.reject(new Error('advance_run routes')),
  handle: () => Promise.reject(new Error('advance_run routes')),
  text: () => '',
});

function stepOf(run: Run | undefined, stage: string, id: string): { tool: string; input: unknown } {
  if (!run) {
    throw new Failure('run_unknown', {
      what: `state.json is at ${stage} with last_run_id ${JSON.stringify(id)}, and that is no run of ours`,
      why: 'it was submitted by another program',
      next: 'finish it with that program, or set stage launch to submit anew',
    });
  }
  const named = nextStep(run).tool;
  // Whether what was interrupted is worth one leg more is not for this to say: it concludes, and retry_tasks opens it again.
  const tool = named === 'retry_tasks' && isOver(run.record.state) ? 'extract_results' : named;
  switch (tool) {
    case 'submit_run':
      return { tool, input: { iteration: run.plan.iteration.id, run_id: run.id } };
    case 'sync_artifacts':
    case 'extract_results':
      return { tool: needsSync(run) ? 'sync_artifacts' : tool, input: { run_id: run.id } };
    default:
      // Also of a run that has its results while the stage does not say so: looking at it brings the files up to date.
      return { tool: 'monitor_runs', input: { run_id: run.id } };
  }
}

/** A run that failed in part: what its good tasks wrote is collected before its results are read. */
function needsSync(run: Run): boolean {
  const { state, sync, tasks } = run.record;
  return state === 'partial' && sync.status === 'pending' && tasks.some((task) => task.state === 'succeeded');
}
