import type { FailureCode } from '../base/errors.ts';
import { cap, clean } from '../base/text.ts';
import type { Acts } from '../context.ts';
import type { Policy } from '../policies/load.ts';
import { passesByWaiting } from '../policies/rules.ts';
import type { State } from '../runs/autolab/state.ts';
import type { Stage } from '../runs/autolab/workflow-stages.ts';
import { countFailure, forgetFailures } from '../runs/retry/attempts.ts';
import { withWords } from './answers.ts';
import type { Outcome } from './tool.ts';

/**
 * Counts what came of a step against the retry budget of its stage. What passes by waiting (a person, other work, a lock, the scheduler)
 * is no attempt. Under a policy that cannot be read or a broken seal nothing is written, and so nothing is counted.
 */
export async function conclude(outcome: Outcome, acts: Acts): Promise<Outcome> {
  if (outcome.kind === 'pending' || outcome.kind === 'running') return outcome;
  const policy = acts.policy();
  if (policy.problems.length > 0 || policy.seal.breaches.length > 0) return outcome;
  const detail = failureOf(outcome, policy);
  if (detail === undefined) {
    if (outcome.kind === 'done') await forgetFailures(acts.repo, firstLine(outcome.text));
    return outcome;
  }
  const counted = await countFailure(acts.repo, detail, (stage, state) => budgetOf(policy, stage, state));
  const { stage, attempt, budget, escalated } = counted;
  return withWords(
    outcome,
    escalated
      ? `Attempt ${attempt} of ${budget} at stage ${stage}: the retry budget is used up and the stage is human_review now. A person reads .autolab/escalation_packet.json.`
      : `Attempt ${attempt} of ${budget} at stage ${stage}: change what is named before the next call; at ${budget} a person has to look.`,
  );
}

/** `retry_policy_by_stage.<stage>.max_retries` of the policy, else `max_stage_attempts` of state.json. */
export function budgetOf(policy: Policy, stage: Stage, state: State): number {
  return policy.autolab.retry_policy_by_stage[stage]?.max_retries ?? state.max_stage_attempts;
}

/** The words of a failed attempt; undefined for anything that is none. */
function failureOf(outcome: Exclude<Outcome, { kind: 'pending' | 'running' }>, policy: Policy): string | undefined {
  switch (outcome.kind) {
    case 'done':
      return outcome.exit === 0 ? undefined : words(outcome.text.split('\n').slice(0, 3).join(' '));
    case 'refused': {
      const stopping = outcome.decision.reasons.filter(({ verdict }) => verdict === 'deny');
      if (stopping.every(({ rule }) => passesByWaiting(policy, rule))) return undefined;
      return words(`refused: ${stopping.map(({ rule, because }) => `${rule}: ${because}`).join('; ')}`);
    }
    case 'failed': {
      const { code, what, why, retry } = outcome.failure;
      return retry || PASSING.includes(code) ? undefined : words(`${code}: ${what}${why === undefined ? '' : `: ${why}`}`);
    }
  }
}

/** Failures that are no attempt of the stage: it is not its turn, a person said no or the plan changed under the question, nothing may be written. */
const PASSING: readonly FailureCode[] = ['not_ready', 'approval_unusable', 'audit_broken', 'policy_invalid', 'no_repository'];

function firstLine(text: string): string {
  return words(text.split('\n').find((line) => line.trim() !== '') ?? '');
}

function words(text: string): string {
  return cap(clean(text), 400);
}
