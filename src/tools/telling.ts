import { asFailure } from '../base/errors.ts';
import { got, seen } from '../checks/findings.ts';
import type { Acts } from '../context.ts';
import type { Policy } from '../policies/load.ts';
import type { Guard } from '../runs/autolab/guardrail.ts';
import { readWorkflow } from '../runs/autolab/workflow.ts';
import { STAGES } from '../runs/autolab/workflow-stages.ts';
import { project, projectAll } from '../runs/project.ts';
import type { Run } from '../runs/run.ts';
import { basesOf } from '../runs/run.ts';

/** The reference's own figure where the policy says nothing. */
const CYCLES = 3;

/**
 * Brings everything up to date that tells of a run elsewhere: manifest, ledger row, state.json. What was done is done by then, so what
 * stands in its way is told beside the answer; the next look at the run does it again.
 */
export async function tell(acts: Acts, run: Run): Promise<void> {
  try {
    await project(acts.repo, run, guardOf(acts.repo, acts.policy()));
  } catch (error) {
    besides(acts, run, error);
  }
}

/** The same of many runs, with one turn of the locks for many. */
export async function tellAll(acts: Acts, runs: readonly Run[]): Promise<void> {
  if (runs.length === 0) return;
  const bases = basesOf(runs, (run, error) => besides(acts, run, error));
  const every = new Map([...runs.flatMap((one) => [...(one.replicates ?? []), one]), ...bases].map((run) => [run.id, run]));
  await projectAll(acts.repo, [...every.values()], guardOf(acts.repo, acts.policy()), (run, error) => besides(acts, run, error));
}

function besides(acts: Acts, run: Run, error: unknown): void {
  const { code, message, next } = asFailure(error);
  if (code === 'internal') throw error;
  acts.beside.push(
    `run ${run.id}: manifest, ledger or state could not be brought up to date: ${message}\nnext: ${next}; \`autolab-mcp monitor\` then does it`,
  );
}

/** The policy's guardrails, its counters at least 1, as the reference reads them. A breach leads to a terminal stage and nowhere else. */
export function guardOf(repo: string, policy: Policy): Guard {
  const { on_breach: named, max_update_docs_cycles: most } = policy.autolab.autorun.guardrails;
  const workflow = got(seen(() => readWorkflow(repo)));
  const isTerminal = workflow?.stages.find((stage) => stage.name === named)?.terminal ?? named === 'stop';
  const stage = STAGES.find((one) => one === named);
  return {
    maxUpdateDocsCycles: typeof most === 'number' && Number.isFinite(most) ? Math.max(1, Math.trunc(most)) : CYCLES,
    onBreach: stage !== undefined && isTerminal ? stage : 'human_review',
  };
}
