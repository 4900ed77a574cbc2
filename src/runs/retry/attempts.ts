import { join } from 'node:path';
import { jsonText, readText, writeAtomic } from '../../base/files.ts';
import { instant } from '../../base/ids.ts';
import { withAutolabLock } from '../autolab/autolab-lock.ts';
import type { State } from '../autolab/state.ts';
import { historyEntry, readState, statePath, writeState } from '../autolab/state.ts';
import type { Stage } from '../autolab/workflow-stages.ts';

/** How often a stage may fail before a person has to look. */
export type Budget = (stage: Stage, state: State) => number;

/** What became of the count: where it stands, and whether it was used up. */
export type Counted = { stage: Stage; attempt: number; budget: number; escalated: boolean };

/**
 * Counts a failed attempt of the stage that `state.json` is at, with its history entry and agent_result.json; at the budget the stage
 * becomes human_review and `.autolab/escalation_packet.json` says what led there. Fails with `lock_held` while the Python Autolab is at work.
 */
export function countFailure(repo: string, detail: string, budget: Budget): Promise<Counted> {
  return withAutolabLock(repo, 'autolab-mcp run', () => {
    const state = readState(repo);
    const counted = failedAttempt(state, detail, budget);
    const packet = join(repo, '.autolab', 'escalation_packet.json');
    if (counted.packet) writeAtomic(packet, jsonText(counted.packet));
    writeState(repo, counted.state);
    writeAgentResult(repo, counted.escalated ? 'failed' : 'needs_retry', counted.summary, [
      statePath(repo),
      ...(counted.packet ? [packet] : []),
    ]);
    const { stage, attempt, escalated } = counted;
    return { stage, attempt, budget: counted.budget, escalated };
  });
}

/** A step that went well: the stage's failures are forgotten, and agent_result.json says what was done. */
export async function forgetFailures(repo: string, summary: string): Promise<void> {
  const isOld = (readText(agentResult(repo)) ?? '') !== resultText(repo, 'complete', summary, [statePath(repo)]);
  if (readState(repo).stage_attempt === 0 && !isOld) return;
  await withAutolabLock(repo, 'autolab-mcp run', () => {
    const state = readState(repo);
    if (state.stage_attempt !== 0) writeState(repo, { ...state, stage_attempt: 0 });
    writeAgentResult(repo, 'complete', summary, [statePath(repo)]);
  });
}

type Failed = Counted & { state: State; summary: string; packet: Record<string, unknown> | null };

/** Pure. At the budget the count stays, as it does in the reference: it says how often it was tried. */
export function failedAttempt(state: State, detail: string, budgetOf: Budget): Failed {
  const { stage } = state;
  const attempt = state.stage_attempt + 1;
  const budget = budgetOf(stage, state);
  const escalated = attempt >= budget;
  const summary = escalated
    ? `${detail}; retry budget exhausted (${attempt}/${budget}), escalating to human_review`
    : `${detail}; retrying stage ${stage} (${attempt}/${budget})`;
  const after: Stage = escalated ? 'human_review' : stage;
  const entry = historyEntry({ stage_before: stage, stage_after: after, status: 'failed', summary, stage_attempt: attempt });
  const failures = [...state.history, entry].filter((one) => one.stage_before === stage && one.status === 'failed');
  const packet = {
    escalated_at: instant(),
    stage,
    stage_attempt: attempt,
    max_retries: budget,
    last_failures: failures.slice(-Math.max(1, attempt)).map((one) => String(one.summary)),
    history: state.history.slice(-3).map((one) => `${one.stage_before} -> ${one.stage_after}: ${one.summary}`),
  };
  return {
    stage,
    attempt,
    budget,
    escalated,
    summary,
    packet: escalated ? packet : null,
    state: { ...state, stage: after, stage_attempt: attempt, history: [...state.history, entry] },
  };
}

function writeAgentResult(
  repo: string,
  status: 'complete' | 'needs_retry' | 'failed',
  summary: string,
  changed: readonly string[],
): void {
  writeAtomic(agentResult(repo), resultText(repo, status, summary, changed));
}

/** The reference's last run outcome: it wants absolute paths, its own among them, and always a token seen. */
function resultText(repo: string, status: string, summary: string, changed: readonly string[]): string {
  const files = [...new Set([...changed, agentResult(repo)])];
  return jsonText({ status, summary, changed_files: files, completion_token_seen: true });
}

function agentResult(repo: string): string {
  return join(repo, '.autolab', 'agent_result.json');
}
