import { instant } from '../../base/ids.ts';
import type { HistoryEntry, State } from './state.ts';
import type { Stage } from './workflow-stages.ts';

/** How often the loop may come to its end without a decision in between, and where it goes once it has come too often. */
export type Guard = { maxUpdateDocsCycles: number; onBreach: Stage };

/** `.autolab/guardrail_breach.json` in the reference's form. */
export type Breach = {
  breached_at: string;
  rule: 'update_docs_cycle';
  counters: { update_docs_cycle_count: number; max_update_docs_cycles: number };
  stage: string;
  remediation: string;
};

/**
 * Counts a cycle that has just come to update_docs, and stops the loop after too many: `after` is what would follow from `before`.
 * decide_repeat sets the counter back when it decides to go on, as the reference does.
 */
export function guarded(before: State, after: State, guard: Guard): { state: State; breach: Breach | null } {
  if (before.stage === 'update_docs' || after.stage !== 'update_docs') return { state: after, breach: null };
  const count = Number(after.repeat_guard.update_docs_cycle_count) + 1;
  const counted = { ...after, repeat_guard: { ...after.repeat_guard, update_docs_cycle_count: count } };
  const { maxUpdateDocsCycles: most, onBreach } = guard;
  if (count <= most) return { state: counted, breach: null };
  const words = `guardrail update_docs_cycle: ${count} cycles came to update_docs, and ${most} may; the stage is ${onBreach} instead`;
  const last = counted.history.at(-1) as HistoryEntry | undefined;
  const entry = { ...last, stage_after: onBreach, status: 'blocked', summary: words };
  return {
    state: { ...counted, stage: onBreach, history: [...counted.history.slice(0, -1), entry] },
    breach: {
      breached_at: instant(),
      rule: 'update_docs_cycle',
      counters: { update_docs_cycle_count: count, max_update_docs_cycles: most },
      stage: 'extract_results',
      remediation: `a person looks at what the cycles brought, decides, and sets repeat_guard.update_docs_cycle_count to 0 and the stage to go on with in .autolab/state.json (or raises autorun.guardrails.max_update_docs_cycles)`,
    },
  };
}
