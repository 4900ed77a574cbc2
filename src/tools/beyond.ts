import { join } from 'node:path';
import { Failure } from '../base/errors.ts';
import { cap, clean } from '../base/text.ts';
import { got, seen } from '../checks/findings.ts';
import type { Reads } from '../context.ts';
import { readDesign } from '../runs/autolab/design.ts';
import { findIteration } from '../runs/autolab/iteration.ts';
import type { State } from '../runs/autolab/state.ts';
import { readWorkflow } from '../runs/autolab/workflow.ts';
import type { Stage } from '../runs/autolab/workflow-stages.ts';

/** For a stage that is not taken from here: who takes it, what comes after it, and what the policy suggests to go on with. */
export function beyond(reads: Reads, state: State): Failure {
  const { stage } = state;
  const registered = got(seen(() => readWorkflow(reads.repo)))?.stages.find(({ name }) => name === stage)?.next;
  const follows = registered ? `; workflow.yaml names ${registered} after it` : '';
  return new Failure('not_ready', {
    what: `the iteration ${state.iteration_id} is at stage ${stage}`,
    why: `this program takes an experiment through launch, slurm_monitor and extract_results${follows}`,
    next: [WORDS[stage] ?? `take it through ${stage} with your own means, then on to launch`, fallback(reads, state)]
      .filter(Boolean)
      .join('. '),
  });
}

const WORDS: Partial<Record<Stage, string>> = {
  implementation_review: 'have the implementation reviewed (review_result.json with status pass), then set stage launch',
  update_docs: 'the loop is done: write docs_update.md from analysis/summary.md, then go on with stage decide_repeat',
  decide_repeat: 'decide whether to repeat; a new cycle begins at design or launch',
  human_review:
    'a person looks at .autolab/escalation_packet.json or .autolab/guardrail_breach.json, mends what they name, and sets the stage to go on with and stage_attempt 0 in .autolab/state.json',
  stop: 'the experiment is closed: nothing is left to do, or a person opens it again',
};

/** `autorun.todo_fallback` of the policy, for where the experiment runs. */
function fallback(reads: Reads, state: State): string {
  const named: unknown = reads.policy().autolab.autorun.todo_fallback;
  const design = got(seen(() => readDesign(join(findIteration(reads.repo, state.iteration_id).path, 'design.yaml'))));
  const places = design ? [design.location] : (['local', 'slurm'] as const);
  return places.flatMap((place) => words(place, member(named, place))).join('. ');
}

function words(place: string, item: unknown): string[] {
  const [text, stage, scope] = ['text', 'stage', 'scope'].map((key) => said(member(item, key)));
  if (!text) return [];
  const where = [stage && `stage ${stage}`, scope && `scope ${scope}`].filter(Boolean).join(', ');
  return [`With nothing else to do the policy’s todo_fallback for ${place} says: ${text}${where ? ` (${where})` : ''}`];
}

function said(value: unknown): string {
  return typeof value === 'string' ? cap(clean(value.trim()), 300) : '';
}

function member(value: unknown, key: string): unknown {
  return typeof value === 'object' && value !== null && Object.hasOwn(value, key) ? Reflect.get(value, key) : undefined;
}
