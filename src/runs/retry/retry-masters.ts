import { Failure } from '../../base/errors.ts';
import { childName, stateOf } from '../children/children.ts';
import type { Run } from '../run.ts';
import type { Chosen } from './retry-evidence.ts';

/**
 * Refused where only some tasks of an array are run again of whose jobs one has failed. Which task's script submitted it is not known, and
 * that it failed would be known no more once another attempt begins.
 */
export function refuseHalfMasters(run: Run, chosen: readonly Chosen[]): void {
  for (const { part, indices } of chosen) {
    const failed = part.record.children?.filter((child) => stateOf(child) === 'failed') ?? [];
    if (failed.length === 0 || indices.length === 0 || indices.length === part.record.tasks.length) continue;
    throw new Failure('run_state', {
      what: `${failed.map(childName).join(', ')}, which a script of run ${run.id} submitted, has not ended well`,
      why: 'whose task’s script submits it again is not known, so all of them run again',
      next: 'leave tasks out, or name all of them',
    });
  }
}
