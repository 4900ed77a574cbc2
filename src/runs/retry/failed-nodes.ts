import { RESTARTED } from '../evidence/evidence.ts';
import type { TaskRecord } from '../types.ts';

/** One node by its name; of `n[1-3]` it is not known which of them failed. */
const NODE = /^[A-Za-z0-9][A-Za-z0-9_.-]{0,252}$/;

/**
 * The nodes that failed under these tasks, by the scheduler's word and the node it names. A task that was started again more often than it
 * may be names the node of its last start, which is not the one that failed. Sorted, each once.
 */
export function failedNodes(tasks: readonly TaskRecord[]): string[] {
  const named = tasks.flatMap(({ failure, detail, evidence, node }) =>
    failure === 'node_failure' && detail !== RESTARTED && evidence !== 'none' && evidence !== 'marker' && node !== null
      ? [node]
      : [],
  );
  return [...new Set(named)].filter((node) => NODE.test(node)).sort();
}
